"""`python -I -S uring.py PATH`: remove a file through io_uring alone; no unlink call is made.

Exit status 0 done, 1 refused, 77 no ring. Layout: include/uapi/linux/io_uring.h. One submission entry, waited for.
"""

import ctypes
import mmap
import os
import struct
import sys

SETUP, ENTER = 425, 426
UNLINKAT, GETEVENTS, AT_FDCWD = 36, 1, -100
SQ_RING, CQ_RING, SQES = 0, 0x8000000, 0x10000000
libc = ctypes.CDLL(None, use_errno=True)


def main(path: str) -> int:
    """Set up, submit, look at the completion."""
    parameters = ctypes.create_string_buffer(120)
    ring = libc.syscall(SETUP, 4, parameters)
    if ring < 0:
        return 77
    entries, completions = struct.unpack_from("II", parameters, 0)
    sq = struct.unpack_from("7I", parameters, 40)  # head, tail, ring_mask, ring_entries, flags, dropped, array
    cq = struct.unpack_from("6I", parameters, 80)  # head, tail, ring_mask, ring_entries, overflow, cqes
    submissions = mmap.mmap(ring, sq[6] + entries * 4, offset=SQ_RING)
    results = mmap.mmap(ring, cq[5] + completions * 16, offset=CQ_RING)
    queue = mmap.mmap(ring, entries * 64, offset=SQES)
    name = ctypes.create_string_buffer(os.fsencode(path))
    queue[:64] = struct.pack("=BBHiQQIIQ", UNLINKAT, 0, 0, AT_FDCWD, 0, ctypes.addressof(name), 0, 0, 7).ljust(64, b"\0")
    struct.pack_into("I", submissions, sq[6], 0)
    struct.pack_into("I", submissions, sq[1], 1)
    if libc.syscall(ENTER, ring, 1, 1, GETEVENTS, None, 0) < 0:
        return 77
    (result,) = struct.unpack_from("i", results, cq[5] + 8)
    return 0 if result == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
