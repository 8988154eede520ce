"""PNG: every kind read as Pillow reads it, written files read back equal, broken ones refused by name."""

import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from artkit import gray_profile, rgb_profile, save_png, walk
from toonctl.core.errors import ArtError
from toonctl.core.types import Pixels
from toonctl.formats.png import (
    encode_png,
    index_or_rgba,
    read_line,
    read_picture,
    read_stamp,
)
from toonctl.formats.png_chunks import SIGNATURE, chunk
from toonctl.formats.probe import probe_picture, probe_png

RNG = np.random.default_rng(7)
NOISE = RNG.integers(0, 256, (9, 13, 4), np.uint8)
FEW = [HealthCheck.function_scoped_fixture]


def pillow(image: Image.Image, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def raw_png(width: int, height: int, depth: int, color_type: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG put together by hand, whatever its header says."""
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    return (
        SIGNATURE + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


KINDS = {
    "gray": pillow(Image.fromarray(NOISE[..., 0])),
    "gray+alpha": pillow(Image.fromarray(NOISE[..., :2].copy(), "LA")),
    "RGB": pillow(Image.fromarray(NOISE[..., :3].copy())),
    "RGBA": pillow(Image.fromarray(NOISE)),
    "palette": pillow(Image.fromarray(NOISE[..., :3].copy()).quantize(16)),
    "palette, one color clear": pillow(Image.fromarray(NOISE[..., :3].copy()).quantize(7), transparency=3),
    "palette, 2 colors": pillow(Image.fromarray(NOISE[..., :3].copy()).quantize(2)),
    "1 bit": pillow(Image.fromarray(NOISE[..., 0] > 99)),
    "gray, one level clear": raw_png(4, 1, 8, 0, b"\0\1\2\3\2", chunk(b"tRNS", b"\0\2")),
    "RGB, one color clear": raw_png(2, 1, 8, 2, b"\0\1\2\3\4\5\6", chunk(b"tRNS", b"\0\1\0\2\0\3")),
    "gray, 4 bit": raw_png(3, 1, 4, 0, b"\0\x1b\x70"),
}


def as_pillow(data: bytes) -> Pixels:
    rgba = np.array(Image.open(BytesIO(data)).convert("RGBA"))
    rgba[rgba[..., 3] == 0] = 0
    return rgba


def ink(rgba: Pixels) -> Pixels:
    dark = 255 - rgba[..., :3].min(-1).astype(float)
    return np.round(dark * rgba[..., 3] / 255).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_as_pillow_reads_it(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(KINDS[kind])
    rgba = read_picture(path)
    known = np.where(rgba[..., 3:] > 0, rgba, 0)
    assert np.array_equal(known, as_pillow(KINDS[kind]))
    assert rgba.dtype == np.uint8


@pytest.mark.parametrize("kind", KINDS)
def test_line_is_darkness_over_white(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(KINDS[kind])
    assert np.abs(read_line(path).astype(int) - ink(read_picture(path))).max() == 0


def test_clear_level_counts_in_the_depth_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"  # Pillow compares it with the widened level
    path.write_bytes(raw_png(4, 1, 2, 0, b"\0\x1b", chunk(b"tRNS", b"\0\2")))
    assert read_picture(path)[0, :, 0].tolist() == [0, 85, 0, 255]
    assert read_picture(path)[0, :, 3].tolist() == [255, 255, 0, 255]


@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_16_bit_is_rounded_to_8(n_channels: int, tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (5, 7, n_channels), np.uint16)
    order = [0] if n_channels == 1 else [2, 1, 0, 3][:n_channels]
    path = tmp_path / "deep.png"
    path.write_bytes(cv2.imencode(".png", deep[..., order])[1].tobytes())
    wanted = np.round(deep.astype(float) * 255 / 65535).astype(np.uint8)
    assert np.array_equal(read_picture(path)[..., :n_channels], wanted)
    assert probe_png(path).depth == 16
    if n_channels == 1:
        assert np.array_equal(read_line(path), 255 - wanted[..., 0])


@pytest.mark.parametrize("level", [1, 6])
def test_written_rgba_is_read_back_by_pillow(level: int, tmp_path: Path) -> None:
    pixels = NOISE.copy()
    pixels[:4, :, 3] = 0
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(pixels, level=level).to_bytes("x"))
    back = np.array(Image.open(path))
    assert np.array_equal(back[pixels[..., 3] > 0], pixels[pixels[..., 3] > 0])
    assert not back[pixels[..., 3] == 0].any()
    with Image.open(path) as image:
        image.load()
        assert image.info["srgb"] == 0
        assert image.info["gamma"] == pytest.approx(1 / 2.2, abs=1e-4)
        assert image.text["toonctl"] == "x"


@pytest.mark.parametrize("n_colors", [1, 2, 3, 4, 5, 16, 17, 256])
@pytest.mark.parametrize("width", [1, 7, 16])
def test_written_palette_is_read_back_by_pillow(n_colors: int, width: int, tmp_path: Path) -> None:
    index = RNG.integers(0, n_colors, (11, width), np.uint8)
    colors = RNG.integers(0, 256, (n_colors, 4), np.uint8)
    colors[0] = (9, 9, 9, 0)
    path = tmp_path / "a.png"
    path.write_bytes(encode_png(index, colors).to_bytes("線"))
    colors[colors[:, 3] == 0] = 0
    assert np.array_equal(read_picture(path), colors[index])
    assert np.array_equal(as_pillow(path.read_bytes()), colors[index])


def test_stamp_is_all_that_differs(tmp_path: Path) -> None:
    encoded = encode_png(NOISE)
    first, second = encoded.to_bytes('{"frame": 1}'), encoded.to_bytes('{"frame": 2, "layer": "背景"}')
    path = tmp_path / "a.png"
    path.write_bytes(first)
    assert read_stamp(path) == '{"frame": 1}'
    path.write_bytes(second)
    assert read_stamp(path) == '{"frame": 2, "layer": "背景"}'
    assert first.startswith(encoded.head)
    assert first.endswith(encoded.tail)
    assert first == encode_png(NOISE).to_bytes('{"frame": 1}')


def test_stamp_of_other_files_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for data in (b"", b"text", KINDS["RGB"], KINDS["RGB"][:20], SIGNATURE + b"\0\0\0\x40iTXt"):
        path.write_bytes(data)
        assert read_stamp(path) is None
    with pytest.raises(FileNotFoundError):
        read_stamp(tmp_path / "absent.png")


def test_encode_refuses_other_arrays() -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        encode_png(NOISE[..., :3])
    with pytest.raises(ValueError, match="do not fit"):
        encode_png(np.full((2, 2), 5, np.uint8), NOISE[0, :3])
    with pytest.raises(ValueError, match="expected uint8"):
        encode_png(NOISE[..., 0], NOISE[..., 0])


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 9), st.integers(1, 40), st.just(4)),
        elements=st.sampled_from([0, 1, 128, 255]),
    )
)
def test_few_colors_become_indices_exactly(pixels: Pixels) -> None:
    indexed = index_or_rgba(pixels)
    cleared = np.where(pixels[..., 3:] > 0, pixels, 0)
    n_colors = len(np.unique(cleared.reshape(-1, 4), axis=0))
    assert (indexed is None) == (n_colors > 256)
    if indexed is not None:
        index, colors = indexed
        assert len(colors) == n_colors
        assert np.array_equal(colors[index], cleared)


def test_many_colors_stay_rgba() -> None:
    assert index_or_rgba(RNG.integers(0, 256, (64, 64, 4), np.uint8)) is None
    hidden = np.zeros((64, 64, 4), np.uint8)
    hidden[..., 0] = RNG.integers(0, 256, (64, 64))
    hidden[..., 1] = RNG.integers(0, 256, (64, 64))
    assert index_or_rgba(hidden) is not None


def test_probe_tells_what_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(KINDS["palette"])
    info = probe_png(path)
    assert (info.size, info.depth, info.mode, info.icc_name) == ((13, 9), 4, "palette", None)


def test_color_profile_is_taken_to_srgb(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    gray = np.full((2, 3), 128, np.uint8)
    path.write_bytes(pillow(Image.fromarray(gray), icc_profile=gray_profile()))
    assert read_picture(path)[0, 0].tolist() == [188, 188, 188, 255]
    assert read_line(path)[0, 0] == 255 - 188
    assert probe_png(path).icc_name == "Gray Gamma 1.0"
    rgba = np.full((2, 3, 4), (128, 0, 255, 77), np.uint8)
    path.write_bytes(pillow(Image.fromarray(rgba), icc_profile=rgb_profile()))
    assert np.abs(read_picture(path)[0, 0].astype(int) - (188, 0, 255, 77)).max() <= 1
    image = Image.fromarray(rgba[..., :3].copy()).quantize(2)
    path.write_bytes(pillow(image, icc_profile=rgb_profile()))
    assert abs(int(read_picture(path)[0, 0, 0]) - 188) <= 1


def test_profile_called_srgb_leaves_pixels_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    profile = rgb_profile("sRGB, nearly", gamma=2.2)
    path.write_bytes(pillow(Image.fromarray(NOISE), icc_profile=profile))
    assert np.array_equal(read_picture(path), NOISE)


@pytest.mark.parametrize("profile", [b"nonsense", gray_profile(), rgb_profile()[:200]])
def test_unusable_profile_is_told_and_ignored(profile: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(pillow(Image.fromarray(NOISE), icc_profile=profile))
    info = probe_picture(path)
    assert info.has_bad_profile
    assert info.icc_name is None
    assert np.array_equal(read_picture(path), NOISE)


def test_cut_off_anywhere_is_refused_by_name(tmp_path: Path) -> None:
    whole = encode_png(walk(1)[0].painted).to_bytes("stamp")
    path = tmp_path / "cel.0007.png"
    for end in (*range(0, 120, 7), *range(120, len(whole), 97), len(whole) - 1):
        path.write_bytes(whole[:end])
        for read in (probe_png, read_picture, read_line):
            with pytest.raises(ArtError, match=r"cel\.0007\.png"):
                read(path)


@settings(max_examples=60, deadline=None, suppress_health_check=FEW)
@given(kind=st.sampled_from(list(KINDS)), data=st.data())
def test_flipped_bits_never_pass_for_another_picture(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    flipped = bytearray(KINDS[kind])
    at = data.draw(st.integers(0, len(flipped) - 1))
    flipped[at] ^= data.draw(st.integers(1, 255))
    path, good = tmp_path / "a.png", tmp_path / "good.png"
    path.write_bytes(flipped)
    good.write_bytes(KINDS[kind])
    try:
        rgba = read_picture(path)
    except ArtError:
        return
    known = read_picture(good)
    # What is left are ancillary chunks, which have a checksum but may be renamed away.
    assert rgba.shape == known.shape


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"not a picture at all", "is not a PNG"),
        (raw_png(0, 5, 8, 0, b""), "has no pixels"),
        (raw_png(20_000, 20_000, 8, 0, b""), "400 million pixels"),
        (raw_png(4, 4, 3, 0, b""), "is damaged"),
        (raw_png(4, 4, 8, 3, bytes(20)), "is damaged"),
        (raw_png(4, 4, 8, 0, bytes(20)).replace(b"IDAT", b"iDAT"), "is damaged"),
        (SIGNATURE + chunk(b"IEND", b""), "is damaged"),
    ],
)
def test_unusable_file_is_told(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    for read in (probe_png, read_picture, read_line):
        with pytest.raises(ArtError, match=said) as caught:
            read(path)
        assert caught.value.problems[0].hint
        assert caught.value.problems[0].where == str(path)


def test_too_little_data_with_good_checksums_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(raw_png(4, 4, 8, 0, bytes(15)))
    with pytest.raises(ArtError, match="is damaged"):
        read_line(path)
    path.write_bytes(raw_png(4, 4, 8, 3, bytes(15), chunk(b"PLTE", bytes(6))))
    with pytest.raises(ArtError, match="is damaged"):
        read_line(path)
    capfd.readouterr()  # libpng speaks up on its own


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    save_png(tmp_path / "walk.0001.png", NOISE)
    with pytest.raises(ArtError, match="does not exist") as caught:
        read_picture(tmp_path / "walk.001.png")
    assert caught.value.problems[0].hint == "did you mean `walk.0001.png`?"
    with pytest.raises(ArtError, match="folder"):
        probe_png(tmp_path / "nowhere" / "a.png")
    with pytest.raises(ArtError, match="cannot be read"):
        read_picture(tmp_path)


@pytest.mark.parametrize("kind", ["TIFF", "TGA", "BMP", "WEBP", "JPEG"])
def test_other_kinds_are_read_by_content(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "background.bin"
    flat = np.full((8, 16, 3), (40, 80, 160), np.uint8)
    options = {"lossless": True} if kind == "WEBP" else {}
    if kind == "TGA":
        path = path.with_suffix(".tga")
    Image.fromarray(flat).save(path, kind, **options)
    assert probe_picture(path).size == (16, 8)
    assert np.abs(read_picture(path)[..., :3].astype(int) - flat).max() <= 2
    assert read_line(path).shape == (8, 16)


def test_16_bit_tiff_is_rounded_and_cmyk_refused(tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (4, 5), np.uint16)
    path = tmp_path / "a.tif"
    Image.fromarray(deep).save(path)
    assert np.array_equal(read_picture(path)[..., 0], np.round(deep / 257).astype(np.uint8))
    assert probe_picture(path).depth == 16
    Image.new("CMYK", (4, 4)).save(path)
    with pytest.raises(ArtError, match="CMYK"):
        probe_picture(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtError, match=r"a\.tif"):
        read_picture(path)
