"""Local heaps of an HDF5 file (the names in its groups) that libhdf5 would read without end, and without end of memory.

Source: HDF5 File Format Specification 3.0, section III.D.
"""

import os
from collections.abc import Iterator

_SIGNATURE = b"HEAP"
_END_OF_LIST = 1
_MOST_BLOCKS = 1 << 20
_CHUNK = 1 << 20


def endless_heap(descriptor: int, file_size: int, base: int, address_width: int, size_width: int) -> int | None:
    """Place of a local heap whose list of free blocks runs in a circle; None where all end.

    Arguments:
        descriptor: of the open file.
        file_size: in bytes.
        base: where the addresses of the file count from (the size of its user block).
        address_width, size_width: bytes of an address and of a size, as the file's superblock says.
    """
    # More blocks than find room in the file are a circle, or heaps that share their blocks to the same effect.
    left = min(file_size // (2 * size_width) + 1, _MOST_BLOCKS)
    for place in _places(descriptor, file_size):
        fields = os.pread(descriptor, 2 * size_width + address_width, place + 8)
        size, block = (int.from_bytes(fields[at : at + size_width], "little") for at in (0, size_width))
        data = base + int.from_bytes(fields[2 * size_width :], "little")
        # Anything outside of heap or file libhdf5 notices itself.
        while block != _END_OF_LIST and block < size and data + block + size_width <= file_size:
            left -= 1
            if not left:
                return place
            block = int.from_bytes(os.pread(descriptor, size_width, data + block), "little")
    return None


def _places(descriptor: int, file_size: int) -> Iterator[int]:
    for start in range(0, file_size, _CHUNK):
        content = os.pread(descriptor, _CHUNK + len(_SIGNATURE) - 1, start)
        place = content.find(_SIGNATURE)
        while place >= 0:
            yield start + place
            place = content.find(_SIGNATURE, place + 1)
