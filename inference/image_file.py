"""Which image a file is and how large, told from its header: what is too large, or made to do harm, is never decoded.

The decoder (stb_image, inside llama.cpp's mtmd) believes what a file says of itself; an attacker writes the file. So the
memory and the time that a file can cost are bounded here, before the decoder sees it.
"""

import struct
import zlib
from dataclasses import dataclass

from inference.errors import InvalidRequest

#: 40 megapixels, decoded, take 120 MB; photos of telephones have 12 to 50.
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384
#: Encoders that see an image at its own size make strips of one that is longer, in more pieces than is good for them.
MAX_ASPECT = 200
#: Real progressive JPEGs have about ten; each costs a pass over the whole image, however few bytes it has.
_MAX_SCANS = 100
_FORMATS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF87a": "GIF", b"GIF89a": "GIF", b"BM": "BMP"}
_KNOWN_BUT_UNREADABLE = {b"WEBP": "WebP", b"avif": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF"}
#: Samples of a pixel by PNG's colour type.
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
#: Frame headers of JPEG, except those of kinds that no decoder in use reads (lossless, arithmetic).
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2}
_JPEG_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_INFLATE_STEP = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImageHeader:
    format: str
    width: int
    height: int


def read_header(content: bytes) -> ImageHeader:
    """Raises `InvalidRequest` with a sentence that begins with "it": not a format that can be read, or too large."""
    kind = next((name for magic, name in _FORMATS.items() if content.startswith(magic)), None)
    if kind is None:
        raise _unknown(content)
    try:
        width, height = _SIZES[kind](content)
    except (struct.error, IndexError):
        raise InvalidRequest(f"it is a {kind} file that is cut short or damaged") from None
    if width < 1 or height < 1:
        raise InvalidRequest(f"it is a {kind} file that is cut short or damaged")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise InvalidRequest(
            f"it has {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} megapixels and {MAX_SIDE} a side can be read"
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise InvalidRequest(f"it is {width} x {height}: one side is more than {MAX_ASPECT} times the other")
    return ImageHeader(kind, width, height)


def check_content(content: bytes) -> None:
    """What the header does not tell: takes as long as unpacking the file. Raises `InvalidRequest`, as `read_header` does."""
    header = read_header(content)
    if header.format == "PNG":
        _check_png(content, header)
    elif header.format == "JPEG" and content.count(b"\xff\xda") > _MAX_SCANS:
        raise InvalidRequest(f"it is a JPEG file with more than {_MAX_SCANS} scans")


def _unknown(content: bytes) -> InvalidRequest:
    name = _KNOWN_BUT_UNREADABLE.get(content[8:12])
    can = "PNG, JPEG, GIF and BMP can be read"
    return InvalidRequest(f"it is a {name} file; {can}" if name else f"it is no image of a known format; {can}")


def _png_size(content: bytes) -> tuple[int, int]:
    kind, width, height = struct.unpack_from(">4sII", content, 12)
    return (width, height) if kind == b"IHDR" else (0, 0)


def _gif_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", content, 6)
    return width, height


def _bmp_size(content: bytes) -> tuple[int, int]:
    (header_size,) = struct.unpack_from("<I", content, 14)
    width, height = struct.unpack_from("<HH" if header_size == 12 else "<ii", content, 18)
    # A negative height says that the first row comes first.
    return width, abs(height)


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Goes from segment to segment up to the frame header."""
    place = 2
    while True:
        while content[place] != 0xFF:
            # As the decoder does: what stands between two segments is passed over.
            place += 1
        while content[place] == 0xFF:
            place += 1
        marker, place = content[place], place + 1
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 3)
            return width, height
        if marker in (0xDA, 0xD9):
            return 0, 0
        if marker not in _JPEG_WITHOUT_LENGTH:
            place += max(2, struct.unpack_from(">H", content, place)[0])


_SIZES = {"PNG": _png_size, "JPEG": _jpeg_size, "GIF": _gif_size, "BMP": _bmp_size}


def _check_png(content: bytes, header: ImageHeader) -> None:
    """The decoder unpacks whatever is packed, up to gigabytes, and only then looks how much it needs."""
    if len(content) < 26:
        raise InvalidRequest("it is a PNG file that is cut short or damaged")
    depth, colour = content[24], content[25]
    bits = depth * _PNG_SAMPLES.get(colour, 4)
    row = 1 + (header.width * bits + 7) // 8
    # Interlaced images have more rows and shorter ones: never twice as many bytes but in very small images.
    room = 2 * row * header.height + row + 64
    inflate, place = zlib.decompressobj(), 8
    try:
        while place + 8 <= len(content) and not inflate.eof:
            size, kind = struct.unpack_from(">I4s", content, place)
            packed = content[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
            while packed and room > 0 and not inflate.eof:
                room -= len(inflate.decompress(packed, min(room, _INFLATE_STEP)))
                packed = inflate.unconsumed_tail
            place += 12 + size
        # The end of what was packed may not have been given out yet.
        room -= len(inflate.decompress(b"", max(room, 1)))
    except zlib.error:
        raise InvalidRequest("it is a PNG file that is cut short or damaged") from None
    if room <= 0:
        raise InvalidRequest("it is a PNG file that holds more than its size allows")
    if not inflate.eof:
        raise InvalidRequest("it is a PNG file that is cut short or damaged")
