import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.errors import InvalidRequest
from inference.image_file import MAX_SIDE, ImageHeader, check_content, read_header
from tests.inference.pictures import bmp, gif_header, jpeg_header, png, png_of

EXIF = b"\xff\xe1" + struct.pack(">H", 10) + b"\xff\xc0\x00\x11\x00\x00\x00\x00"
CORE_BMP = b"BM" + bytes(12) + struct.pack("<IHH", 12, 7, 9)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(3, 5), ImageHeader("PNG", 3, 5)),
        (jpeg_header(640, 480), ImageHeader("JPEG", 640, 480)),
        (jpeg_header(640, 480, before=EXIF), ImageHeader("JPEG", 640, 480)),
        (jpeg_header(640, 480, before=b"\xff\xff\xff\x01\x00\x00"), ImageHeader("JPEG", 640, 480)),
        (gif_header(100, 50), ImageHeader("GIF", 100, 50)),
        (bmp(6, 4), ImageHeader("BMP", 6, 4)),
        (bmp(6, -4), ImageHeader("BMP", 6, 4)),
        (CORE_BMP, ImageHeader("BMP", 7, 9)),
    ],
    ids=["png", "jpeg", "jpeg with a frame in its metadata", "jpeg with padding", "gif", "bmp", "bmp from the top", "old bmp"],
)
def test_header_says_format_and_size(content: bytes, expected: ImageHeader) -> None:
    assert read_header(content) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no image of a known format; PNG, JPEG, GIF and BMP can be read"),
        (b"hello", "no image of a known format"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "it is a WebP file; PNG"),
        (b"\x00\x00\x00\x20ftypavif", "it is a AVIF file"),
        (b"\x00\x00\x00\x20ftypheic", "it is a HEIC file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no image of a known format"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "no image of a known format"),
        (png()[:20], "PNG file that is cut short"),
        (b"\xff\xd8\xff", "JPEG file that is cut short"),
        (b"\xff\xd8\xff\xda\x00\x02", "JPEG file that is cut short"),
        (b"GIF89a\x01", "GIF file that is cut short"),
        (b"BM", "BMP file that is cut short"),
        (png_of(0, 5, b""), "PNG file that is cut short"),
        (png_of(50_000, 50_000, b""), "50000 x 50000 pixels; at most 40 megapixels"),
        (png_of(2**32 - 1, 2**32 - 1, b""), "4294967295 x 4294967295 pixels"),
        (jpeg_header(65_535, 65_535), "65535 x 65535 pixels"),
        (gif_header(65_535, 65_535), "65535 x 65535 pixels"),
        (bmp(1, 1)[:18] + struct.pack("<ii", 2**31 - 1, -(2**31)) + bytes(40), "2147483647 x 2147483648 pixels"),
        (bmp(1, 1)[:18] + struct.pack("<ii", -5, 5) + bytes(40), "BMP file that is cut short"),
        (png_of(MAX_SIDE + 1, 200, b""), "16385 x 200 pixels"),
        (png_of(2010, 10, b""), "one side is more than 200 times the other"),
    ],
)
def test_header_of_no_use_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        read_header(content)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([png(), jpeg_header(9, 9, before=EXIF), gif_header(9, 9), bmp()]), st.data())
def test_header_of_any_damaged_file_is_read_or_refused(content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content[: data.draw(st.integers(0, len(content)))])
    for place in data.draw(st.lists(st.integers(0, max(len(damaged) - 1, 0)), max_size=4)):
        if damaged:
            damaged[place] = data.draw(st.integers(0, 255))

    try:
        check_content(bytes(damaged))
    except InvalidRequest as error:
        assert str(error).startswith("it ")


def test_png_that_unpacks_to_more_than_it_may_is_refused_without_unpacking_it() -> None:
    bomb = png_of(8, 8, zlib.compress(bytes(300_000_000), 9))
    tracemalloc.start()

    with pytest.raises(InvalidRequest, match="holds more than its size allows"):
        check_content(bomb)

    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "kind", [bytes([depth, colour, 0, 0, lace]) for depth, colour in [(1, 0), (8, 3), (16, 6)] for lace in (0, 1)]
)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (8, 8), (33, 7)])
def test_png_of_any_kind_has_room_for_its_pixels(kind: bytes, size: tuple[int, int]) -> None:
    width, height = size
    rows = [width] * height if not kind[4] else interlaced_rows(width, height)
    bits = kind[0] * {0: 1, 3: 1, 6: 4}[kind[1]]

    check_content(png_of(width, height, zlib.compress(b"".join(bytes(1 + (row * bits + 7) // 8) for row in rows)), kind=kind))


def test_png_in_many_pieces_is_read() -> None:
    packed = zlib.compress(bytes(range(256)) * 100)
    whole = png_of(100, 85, packed)
    start = whole.index(packed) - 8
    pieces = b"".join(struct.pack(">I4s", 1, b"IDAT") + packed[i : i + 1] + bytes(4) for i in range(len(packed)))

    check_content(whole[:start] + pieces + whole[start + 12 + len(packed) :])


def test_jpeg_of_very_many_scans_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="more than 100 scans"):
        check_content(jpeg_header(4000, 4000) + b"\xff\xda\x00\x08" * 101)

    check_content(jpeg_header(4000, 4000) + b"\xff\xda\x00\x08" * 12)


def interlaced_rows(width: int, height: int) -> list[int]:
    """Pixels of each row, of the seven passes of a PNG."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = []
    for x, y, step_x, step_y in passes:
        count = len(range(x, width, step_x))
        rows += [count] * len(range(y, height, step_y)) if count else []
    return rows
