"""How a camera was held, which pictures keep in a note of their own."""

import re
import struct

ORIENTATION = 0x0112
START = re.compile(rb"(?:Exif\0\0|eXIf|EXIF.{4})(II\*\0|MM\0\*)", re.DOTALL)  # of jpeg, png and webp


def orientation(data: bytes) -> int:
    """The number from 1, upright, to 8 in the bytes of a picture; 1 where there is none that can be read."""
    found = START.search(data)
    if not found:
        return 1
    start, order = found.start(1), "<" if found[1][:1] == b"I" else ">"
    try:
        table = start + struct.unpack_from(order + "I", data, start + 4)[0]
        for entry in range(*struct.unpack_from(order + "H", data, table)):
            tag, _, _, value = struct.unpack_from(order + "HHIH", data, table + 2 + 12 * entry)
            if tag == ORIENTATION:
                return value
    except struct.error:
        pass
    return 1
