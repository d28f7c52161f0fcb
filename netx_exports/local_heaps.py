"""Local heaps of an HDF5 file (the names in its groups) that libhdf5 would read without end, and without end of memory.

Source: HDF5 File Format Specification 3.0, section III.D.
"""

import mmap
from collections.abc import Iterator

_SIGNATURE = b"HEAP"
_END_OF_LIST = 1


def circular_heaps(content: mmap.mmap, base: int, address_width: int, size_width: int) -> Iterator[int]:
    """Places of local heaps whose list of free blocks runs in a circle.

    Arguments:
        content: the whole file.
        base: where the addresses of the file count from (the size of its user block).
        address_width, size_width: bytes of an address and of a size, as the file's superblock says.
    """
    place = content.find(_SIGNATURE)
    while place >= 0:
        fields = content[place + 8 : place + 8 + 2 * size_width + address_width]
        size = int.from_bytes(fields[:size_width], "little")
        first_free = int.from_bytes(fields[size_width : 2 * size_width], "little")
        data = base + int.from_bytes(fields[2 * size_width :], "little")
        if _is_circular(content, data, size, first_free, size_width):
            yield place
        place = content.find(_SIGNATURE, place + 1)


def _is_circular(content: mmap.mmap, data: int, size: int, block: int, width: int) -> bool:
    seen = set()
    # Anything outside of the heap libhdf5 notices itself.
    while block != _END_OF_LIST and block + 2 * width <= size and data + block + width <= len(content):
        if block in seen:
            return True
        seen.add(block)
        block = int.from_bytes(content[data + block : data + block + width], "little")
    return False
