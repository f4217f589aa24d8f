"""PNG and GIF bytes with a note inside, which the codecs themselves cannot write."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np

PNG = b"\x89PNG\r\n\x1a\n"
KEYWORD = b"Comment"


def png_with_note(picture: np.ndarray, note: str) -> bytes:
    """Encode `uint8[height width 3]` as PNG; `note` is ASCII."""
    height, width = picture.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB, no interlace
    chunks = [(b"IHDR", header), (b"sRGB", b"\x00"), (b"IDAT", zlib.compress(filtered(picture), 6)), (b"IEND", b"")]
    if note:
        chunks.insert(2, (b"tEXt", KEYWORD + b"\x00" + note.encode("ascii")))
    return PNG + b"".join(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)


def filtered(picture: np.ndarray) -> bytes:
    """Each row led by its filter's number, here always 4: a pixel less the Paeth guess from left, above and above left."""
    height, width = picture.shape[:2]
    pixel = picture.astype(np.int16)
    left, above, corner = np.zeros_like(pixel), np.zeros_like(pixel), np.zeros_like(pixel)
    left[:, 1:], above[1:], corner[1:, 1:] = pixel[:, :-1], pixel[:-1], pixel[:-1, :-1]
    guess = left + above - corner
    far_left, far_above, far_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    nearest = np.where((far_left <= far_above) & (far_left <= far_corner), left, np.where(far_above <= far_corner, above, corner))
    rows = np.full((height, 1 + width * 3), 4, np.uint8)
    rows[:, 1:] = (pixel - nearest).astype(np.uint8).reshape(height, -1)
    return rows.tobytes()


def png_note(data: bytes) -> str:
    """The note in a PNG's bytes, or an empty string."""
    place = len(PNG)
    while place + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + size]
        if kind == b"tEXt" and body.startswith(KEYWORD + b"\x00"):
            return body[len(KEYWORD) + 1 :].decode("latin-1")
        place += 12 + size
    return ""


def gif_with_note(data: bytes, note: str) -> bytes:
    """Put a comment block before the end of a GIF's bytes; `note` is ASCII."""
    assert data[-1:] == b";", "a GIF ends in a semicolon"
    text = note.encode("ascii")
    blocks = b"".join(bytes([len(text[i : i + 255])]) + text[i : i + 255] for i in range(0, len(text), 255))
    return data if not note else data[:-1] + b"\x21\xfe" + blocks + b"\x00;"


def gif_note(data: bytes) -> str:
    """The comment in a GIF's bytes, or an empty string."""
    return next((body.decode("latin-1") for label, body in extensions(data) if label == 0xFE), "")


def gif_rate(data: bytes) -> float:
    """Frames a second of a GIF: the whole number if its delays, in hundredths of a second, stand for one."""
    delays = [int.from_bytes(body[1:3], "little") for label, body in extensions(data) if label == 0xF9]
    seconds = sum(delay if delay > 1 else 10 for delay in delays) / 100  # as browsers read the shortest ones
    rate = len(delays) / seconds if delays else 10.0
    return float(round(rate)) if delays and abs(seconds - len(delays) / max(1, round(rate))) < 0.01 else rate


def extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Label and content of each extension block of a GIF; raises ValueError where it ends early."""
    place = 13 + table_size(data[10])
    while place < len(data) and data[place] in b"\x21\x2c":
        extension = data[place] == 0x21
        parts, end = blocks(data, place + 2 if extension else place + 11 + table_size(data[place + 9]))
        if extension:
            yield data[place + 1], parts
        place = end
    if data[place : place + 1] != b";":
        raise ValueError("it is cut off or damaged")


def table_size(flags: int) -> int:
    """Bytes of the colour table that a GIF's flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def blocks(data: bytes, place: int) -> tuple[bytes, int]:
    """The length-prefixed blocks from `place` down to an empty one, joined, and the place behind them."""
    parts = []
    while size := data[place]:
        parts.append(data[place + 1 : place + 1 + size])
        place += 1 + size
    return b"".join(parts), place + 1
