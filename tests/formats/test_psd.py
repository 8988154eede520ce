"""PSD: the tree and its pixels, files of psd-tools and our own, and everything that can be wrong with one."""

import struct
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import BlendMode, Compression, Resource
from psd_tools.psd.image_resources import ImageResource

from artkit import SIZE, ball, difference, painted_layers, rgb_profile, save_keys_psd, save_still_psd, walk
from toonctl.core.errors import ArtError, DeliveryError
from toonctl.core.types import Pixels
from toonctl.formats.psd import PsdDocument, PsdNode, PsdOut, load_node, load_nodes, open_psd, write_psd

DATA = Path(__file__).parent / "data"
RNG = np.random.default_rng(5)


def noise(width: int = 20, height: int = 12) -> Pixels:
    rgba = RNG.integers(0, 256, (height, width, 4), np.uint8)
    rgba[..., 3] |= 1
    return rgba


def names(nodes: Sequence[PsdNode]) -> list[object]:
    """The tree as nested lists of names."""
    return [[node.name, names(node.children)] if node.is_group else node.name for node in nodes]


def load_all(document: PsdDocument) -> None:
    for node in document.nodes:
        for inner in node.walk():
            load_node(document, inner.path)


def test_written_file_is_read_back_equal(tmp_path: Path) -> None:
    drawing = ball(60, 50)
    layers = (
        PsdOut("BG", np.full((SIZE[1], SIZE[0], 4), 255, np.uint8)),
        PsdOut(
            "A", children=(PsdOut("1", children=painted_layers(drawing, "")), PsdOut("空", is_visible=False))
        ),
        PsdOut("色トレス", drawing.shadow, blend="screen", is_visible=False),
        PsdOut(
            "group",
            children=(PsdOut("nothing", np.zeros((SIZE[1], SIZE[0], 4), np.uint8)),),
            blend="multiply",
        ),
    )
    path = tmp_path / "out" / "layered.psd"
    write_psd(path, layers, size=SIZE)
    document = open_psd(path)
    assert (document.size, document.depth, document.mode, document.icc_name) == (SIZE, 8, "RGB", None)
    inner = ["1", ["paint", "shadow", "trace", "line"]]
    assert names(document.nodes) == ["BG", ["A", [inner, ["空", []]]], "色トレス", ["group", ["nothing"]]]
    for at, part in enumerate(painted_layers(drawing, "")):
        node = document.node((1, 0, at))
        assert difference(load_node(document, node.path), part.rgba) == 0
        assert (node.blend, node.is_clipped) == (part.blend, part.is_clipped)
    assert not document.node((1, 1)).is_visible
    assert not document.node((2,)).is_visible
    assert document.node((2,)).blend == "screen"
    assert document.node((1,)).blend == "pass_through"
    assert document.node((3,)).blend == "multiply"
    left, top, right, bottom = document.node((1, 0, 0)).box
    alpha = drawing.paint[..., 3]
    assert alpha[top:bottom, left:right].sum() == alpha.sum()
    assert (right - left) * (bottom - top) < alpha.size
    assert not load_node(document, (3, 0)).any()


def test_preview_shows_the_visible_layers_over_white(tmp_path: Path) -> None:
    path = tmp_path / "a.psd"
    drawing = ball(60, 50)
    hidden = PsdOut("hidden", noise(*SIZE), is_visible=False)
    write_psd(path, (PsdOut("A", children=painted_layers(drawing)[:2]), hidden), size=SIZE)
    preview = np.asarray(PSDImage.open(path).topil())
    drawn = open_psd(path)
    wanted = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    shown = load_node(drawn, (0,))
    wanted[shown[..., 3] == 255] = shown[shown[..., 3] == 255, :3]
    assert np.array_equal(preview, wanted)


def test_equal_layers_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_psd(tmp_path / f"{name}.psd", painted_layers(ball(60, 50)), size=SIZE)
    assert (tmp_path / "a.psd").read_bytes() == (tmp_path / "b.psd").read_bytes()


def test_records_are_those_of_psd_tools(tmp_path: Path) -> None:
    rgba = noise()
    rgba[0], rgba[:, :2] = 0, 0
    rgba[1:, 2:, 3] |= 1
    document = PSDImage.new("RGB", (20, 12), compression=Compression.RLE)
    group = document.create_group(name="A", open_folder=True)
    group.create_pixel_layer_from_array(
        rgba[1:, 2:], name="line", left=2, top=1, blend_mode=BlendMode.MULTIPLY
    )
    theirs, ours = tmp_path / "theirs.psd", tmp_path / "ours.psd"
    document.save(theirs)
    write_psd(ours, (PsdOut("A", children=(PsdOut("line", rgba, blend="multiply"),)),), size=(20, 12))
    records = [
        [
            (
                r.name,
                r.top,
                r.left,
                r.bottom,
                r.right,
                r.blend_mode,
                r.opacity,
                r.clipping,
                [c.length for c in r.channel_info],
            )
            for r in PSDImage.open(path)._record.layer_and_mask_information.layer_info.layer_records
        ]
        for path in (theirs, ours)
    ]
    assert records[0] == records[1]


def test_writer_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="layer `A`"):
        write_psd(tmp_path / "a.psd", (PsdOut("A", noise()),), size=(5, 5))
    monkeypatch.setattr("toonctl.formats.psd_writer._MAX_BYTES", 100)
    with pytest.raises(DeliveryError, match="longer than a PSD"):
        write_psd(tmp_path / "a.psd", (PsdOut("A", noise()),), size=(20, 12))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("depth", [8, 16, 32])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_depths_are_rounded_to_8_bit(depth: Literal[8, 16, 32], mode: str, tmp_path: Path) -> None:
    n_colors = 3 if mode == "RGB" else 1
    values = RNG.random((12, 20, n_colors + 1)).astype(np.float32)
    values[..., -1] = 0.1 + 0.9 * values[..., -1]
    if depth == 32:
        values[0] = 1.7  # clipped
    document = PSDImage.new(mode, (20, 12), depth=depth)
    kind = Compression.ZIP_WITH_PREDICTION if depth > 8 else Compression.RAW
    document.create_pixel_layer_from_array(values, name="A", compression=kind)
    path = tmp_path / "deep.psd"
    document.save(path)
    opened = open_psd(path)
    assert (opened.depth, opened.mode) == (depth, "RGB" if mode == "RGB" else "gray")
    wanted = np.clip(values, 0, 1) * 255
    got = load_node(opened, (0,))
    assert np.abs(got[..., :n_colors] - wanted[..., :n_colors]).max() <= 0.51
    assert np.abs(got[..., 3] - wanted[..., -1]).max() <= 0.51
    assert (got[..., 0] == got[..., 2]).all() == (mode == "L")


@pytest.mark.parametrize("kind", list(Compression))
def test_every_compression_is_read(kind: Compression, tmp_path: Path) -> None:
    rgba = noise()
    document = PSDImage.new("RGB", (20, 12), compression=kind)
    document.create_pixel_layer_from_array(rgba, name="A", compression=kind)
    document.save(tmp_path / "a.psd")
    assert np.array_equal(load_node(open_psd(tmp_path / "a.psd"), (0,)), rgba)


def test_layers_masks_and_opacity_are_as_psd_tools_shows_them(tmp_path: Path) -> None:
    document = PSDImage.new("RGB", (20, 12))
    document.create_pixel_layer_from_array(noise(30, 30), name="large", left=-5, top=-9)
    masked = document.create_pixel_layer_from_array(noise(), name="masked", opacity=99)
    masked.create_mask(Image.fromarray(noise(9, 5)[..., 0]), top=3, left=4)
    group = document.create_group(name="group", opacity=140)
    group.create_pixel_layer_from_array(noise(8, 8), name="inner", left=9, top=9)
    path = tmp_path / "a.psd"
    document.save(path)
    opened, known = open_psd(path), PSDImage.open(path)
    for at in range(3):
        wanted = np.asarray(known[at].composite(viewport=(0, 0, 20, 12)).convert("RGBA")).astype(float)
        got = load_node(opened, (at,)).astype(float)
        assert np.abs(got[..., 3] - wanted[..., 3]).max() <= 1
        assert np.abs((got[..., :3] - wanted[..., :3]) * got[..., 3:] / 255).max() <= 2
    disabled = PSDImage.open(path)
    disabled[1].mask.disabled = True
    disabled.save(path)
    assert load_node(open_psd(path), (1,))[0, 0, 3] == round(masked.numpy()[0, 0, 3] * 99)


def test_clipped_layers_follow_their_base(tmp_path: Path) -> None:
    base, above = noise(), noise()
    base[..., 3], above[..., 3] = 0, 255
    base[3:6, 3:6, 3] = 255
    for is_base_visible in (True, False):
        layers = (PsdOut("base", base, is_visible=is_base_visible), PsdOut("above", above, is_clipped=True))
        write_psd(tmp_path / "a.psd", (PsdOut("A", children=layers),), size=(20, 12))
        document = open_psd(tmp_path / "a.psd")
        shown = load_node(document, (0,))
        assert (shown[..., 3] > 0).sum() == (9 if is_base_visible else 0)
        together = load_nodes(document, [(0, 0), (0, 1)])
        assert np.array_equal(together[4, 4], above[4, 4])
        assert np.array_equal(load_node(document, (0, 1)), above)


def test_what_only_psd_tools_draws_is_said_and_drawn(tmp_path: Path) -> None:
    below, above = noise(), noise()
    below[..., 3] = above[..., 3] = 255
    document = PSDImage.new("RGB", (20, 12))
    group = document.create_group(name="A")
    group.create_pixel_layer_from_array(below, name="paint")
    group.create_pixel_layer_from_array(above, name="glow", blend_mode=BlendMode.DIFFERENCE)
    document.save(tmp_path / "a.psd")
    opened = open_psd(tmp_path / "a.psd")
    assert opened.node((0, 1)).unsupported == "blend mode difference"
    assert opened.node((0, 0)).unsupported is None
    wanted = np.abs(below[..., :3].astype(int) - above[..., :3])
    assert np.array_equal(load_node(opened, (0,))[..., :3], wanted)
    assert np.array_equal(load_nodes(opened, [(0, 0), (0, 1)]), above)
    assert np.array_equal(load_node(opened, (0, 0)), below)


def test_embedded_profile_is_taken_to_srgb(tmp_path: Path) -> None:
    document = PSDImage.new("RGB", (20, 12))
    document.create_pixel_layer_from_array(np.full((12, 20, 4), 128, np.uint8), name="A")
    path = tmp_path / "a.psd"
    for profile, level in ((rgb_profile(), 188), (rgb_profile("sRGB IEC61966-2.1"), 128), (b"broken", 128)):
        resource = ImageResource(key=Resource.ICC_PROFILE.value, data=profile)
        document.image_resources[Resource.ICC_PROFILE] = resource
        document.save(path)
        opened = open_psd(path)
        assert opened.has_bad_profile == (profile == b"broken")
        assert abs(int(load_node(opened, (0,))[0, 0, 0]) - level) <= 1


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "1", "P"])
def test_other_color_modes_are_refused(mode: str, tmp_path: Path) -> None:
    header = {"CMYK": 4, "LAB": 9, "1": 0, "P": 2}[mode]
    path = tmp_path / "a.psd"
    path.write_bytes(
        struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 4, 4, 1 if mode == "1" else 8, header) + bytes(99)
    )
    with pytest.raises(ArtError, match="mode") as caught:
        open_psd(path)
    assert "RGB" in str(caught.value.problems[0].hint)


def test_no_layers_is_refused(tmp_path: Path) -> None:
    PSDImage.new("RGB", (20, 12)).save(tmp_path / "flat.psd")
    with pytest.raises(ArtError, match=r"flat\.psd` has no layers"):
        open_psd(tmp_path / "flat.psd")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (60_000, 10), (0, 5)])
def test_declared_sizes_are_refused_before_decoding(width: int, height: int, tmp_path: Path) -> None:
    write_psd(tmp_path / "a.psd", (PsdOut("A", noise()),), size=(20, 12))
    data = bytearray((tmp_path / "a.psd").read_bytes())
    data[14:22] = struct.pack(">II", height, width)
    (tmp_path / "a.psd").write_bytes(data)
    tracemalloc.start()
    with pytest.raises(ArtError, match=r"a\.psd"):
        open_psd(tmp_path / "a.psd")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_giant_layer_is_refused_by_name(tmp_path: Path) -> None:
    write_psd(tmp_path / "a.psd", (PsdOut("big one", noise()),), size=(20, 12))
    data = (tmp_path / "a.psd").read_bytes()
    box = struct.pack(">4i", 0, 0, 12, 20)
    assert data.count(box) == 1
    (tmp_path / "a.psd").write_bytes(data.replace(box, struct.pack(">4i", 0, 0, 12_000, 20_000)))
    with pytest.raises(ArtError, match=r"layer `big one` of `a\.psd` has 240 million pixels"):
        open_psd(tmp_path / "a.psd")


@pytest.mark.parametrize("name", ["broken_notpsd.psd", "broken_truncated.psd"])
def test_broken_samples_are_refused_by_name(name: str) -> None:
    with pytest.raises(ArtError, match=name) as caught:
        open_psd(DATA / name)
    assert caught.value.problems[0].hint


def test_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = save_still_psd(tmp_path / "whole.psd", {"A": ball(60, 50)}).read_bytes()
    path = tmp_path / "cut.psd"
    for end in (0, 1, 25, 26, *range(30, len(whole), 331), len(whole) - 40, len(whole) - 1):
        path.write_bytes(whole[:end])
        with pytest.raises(ArtError, match=r"cut\.psd"):
            open_psd(path)


@pytest.mark.parametrize("kind", list(Compression))
def test_cut_in_the_last_tenth_is_refused(kind: Compression, tmp_path: Path) -> None:
    document = PSDImage.new("RGB", (200, 200), compression=kind)
    document.create_pixel_layer_from_array(noise(200, 200), name="A")
    document.save(tmp_path / "whole.psd")
    whole = (tmp_path / "whole.psd").read_bytes()
    open_psd(tmp_path / "whole.psd")
    path = tmp_path / "cut.psd"
    path.write_bytes(whole[: int(len(whole) * 0.95)])
    with pytest.raises(ArtError, match="damaged"):
        open_psd(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.floats(0, 1, exclude_max=True),
    value=st.integers(0, 255),
    n_bytes=st.integers(1, 4),
    is_16=st.booleans(),
)
def test_mutated_files_give_pixels_or_an_art_error(
    at: float, value: int, n_bytes: int, is_16: bool, tmp_path: Path
) -> None:
    path = tmp_path / "a.psd"
    if is_16:
        document = PSDImage.new("RGB", (20, 12), depth=16)
        group = document.create_group(name="A")
        group.create_pixel_layer_from_array(noise(), name="line", compression=Compression.ZIP_WITH_PREDICTION)
        document.save(path)
    else:
        save_keys_psd(path, {"A": walk(2, size=(64, 40))}, size=(64, 40))
    data = bytearray(path.read_bytes())
    place = int(at**3 * len(data))  # mostly among the headers
    data[place : place + n_bytes] = bytes([value]) * n_bytes
    path.write_bytes(data)
    with suppress(ArtError):
        load_all(open_psd(path))


def test_changed_file_is_told(tmp_path: Path) -> None:
    path = save_keys_psd(tmp_path / "a.psd", {"A": walk(1)})
    with pytest.raises(ArtError, match="has changed"):
        load_node(open_psd(path), (0, 7))
    with pytest.raises(ArtError, match="does not exist"):
        open_psd(tmp_path / "b.psd")
