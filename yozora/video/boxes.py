"""What the boxes of an mp4 claim, read before a demuxer takes their word for it."""

import struct
from typing import BinaryIO

NESTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")  # boxes that hold boxes
COUNTS = {b"stsz": 8, b"stz2": 8, b"trun": 4}  # where in a box the number of its samples stands


def most_samples(source: BinaryIO, start: int, end: int) -> int:
    """The most samples that any one table between two places of a file claims."""
    most = 0
    while start + 8 <= end:
        source.seek(start)
        size, kind = struct.unpack(">I4s", source.read(8))
        inside = start + 8
        if size == 1:
            size, inside = *struct.unpack(">Q", source.read(8)), start + 16
        after = end if size == 0 else start + max(size, 8)
        if kind in NESTS:
            most = max(most, most_samples(source, inside, min(after, end)))
        elif kind in COUNTS:
            source.seek(inside + COUNTS[kind])
            most = max(most, *struct.unpack(">I", source.read(4)))
        start = after
    return most
