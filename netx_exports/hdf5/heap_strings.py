"""Variable-length strings of an HDF5 file, read past libhdf5, which a damaged heap of them leads into an endless loop.

Source: HDF5 File Format Specification 3.0, sections III.E (global heap) and VIII (variable-length data).
"""

import os
from dataclasses import dataclass

_SIGNATURE = b"GCOL"
_ALIGNMENT = 8


@dataclass(frozen=True)
class HeapStrings:
    """Where the strings of one file lie.

    Arguments:
        descriptor: of the open file.
        file_size: in bytes.
        base: where the addresses of the file count from (the size of its user block).
        address_width, size_width: bytes of an address and of a size, as the file's superblock says.
    """

    descriptor: int
    file_size: int
    base: int
    address_width: int
    size_width: int

    def read(self, offset: int, limit: int) -> bytes | None:
        """The string whose reference lies at `offset`; None where there is none of at most `limit` bytes.

        Arguments:
            offset: of the dataset's one element, from the start of the file.
            limit: longest string in bytes.
        """
        reference = os.pread(self.descriptor, 4 + self.address_width + 4, offset)
        length = _number(reference, 0, 4)
        if length == 0:
            return b""
        if length > limit:
            return None
        content = self._object(self.base + _number(reference, 4, self.address_width), _number(reference, -4, 4))
        return None if content is None or len(content) < length else content[:length]

    def _object(self, address: int, index: int) -> bytes | None:
        header = os.pread(self.descriptor, 8 + self.size_width, address)
        size = _number(header, 8, self.size_width)
        if header[:4] != _SIGNATURE or address + size > self.file_size:
            return None
        heap = os.pread(self.descriptor, size, address)
        place, head = 8 + self.size_width, 8 + self.size_width
        while place + head <= size:
            found, length = _number(heap, place, 2), _number(heap, place + 8, self.size_width)
            if found == index:
                return heap[place + head : place + head + length]
            if found == 0:
                return None
            place += head + -(-length // _ALIGNMENT) * _ALIGNMENT
        return None


def _number(content: bytes, start: int, width: int) -> int:
    stop = start + width
    return int.from_bytes(content[start : stop if stop else None], "little")
