"""Small image files, made by hand: whole, and in the ways in which strangers make them."""

import struct
import zlib

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def png(width: int = 8, height: int = 8, *, colour: tuple[int, int, int] = (255, 0, 0), packed: bytes | None = None) -> bytes:
    """Of one colour; with `packed`, with that in place of its pixels."""
    rows = (b"\0" + bytes(colour) * width) * height if packed is None else b""
    return png_of(width, height, zlib.compress(rows) if packed is None else packed)


def png_of(width: int, height: int, packed: bytes, *, kind: bytes = bytes([8, 2, 0, 0, 0])) -> bytes:
    header = struct.pack(">II", width, height) + kind
    return PNG_MAGIC + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def bmp(width: int = 8, height: int = 8, *, colour: tuple[int, int, int] = (255, 0, 0)) -> bytes:
    row = bytes(reversed(colour)) * width
    rows = (row + bytes(-len(row) % 4)) * abs(height)
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(rows), 0, 0, 14 + len(header)) + header + rows


def gif_header(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)


def jpeg_header(width: int, height: int, *, before: bytes = b"") -> bytes:
    """Up to its first scan, which is not there."""
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + before + b"\xff\xc0" + struct.pack(">H", 2 + len(frame)) + frame


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
