"""The drawings the matcher learns from: repeatable, well formed, and with regions of one color each."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from toonctl.core.types import LineFrame
from toonctl.regions.segment import SegmentOptions, find_regions
from toonctl.training.drawings import (
    DrawnFrame,
    camera,
    closeups,
    draw_shot,
    gallery,
    patterns,
    props,
    space,
    turning,
)
from toonctl.training.drawings.brush import Brush, LineLook
from toonctl.training.drawings.cast import KINDS, ODDS
from toonctl.training.drawings.curves import box, ellipse
from toonctl.training.drawings.finish import boiled, punch
from toonctl.training.drawings.motion import Mover
from toonctl.training.drawings.paints import Paints, Palette
from toonctl.training.drawings.turnheads import TurnHead
from toonctl.training.drawings.walkers import Walker

SMALL = (480, 270)
FULL = (960, 540)
SEEDS = range(30)
STEADY = LineLook(
    weight=2.0,
    inner=0.8,
    jitter=0.0,
    vary=0.0,
    passes=1,
    spread=0.0,
    gap_rate=0.0,
    gap=0.0,
    holes=0,
    boil=0.0,
    breath=0.0,
)


def purities(labels: NDArray[np.int64], color: NDArray[np.uint16]) -> tuple[NDArray, NDArray]:
    """Pixels of every region, and the share of its commonest color; label 0 is ink."""
    paper = labels > 0
    pairs, sizes = np.unique(labels[paper].astype(np.int64) * 65536 + color[paper], return_counts=True)
    total, largest = np.zeros(int(labels.max()) + 1), np.zeros(int(labels.max()) + 1)
    np.add.at(total, pairs // 65536, sizes)
    np.maximum.at(largest, pairs // 65536, sizes)
    return total[1:], largest[1:] / np.maximum(total[1:], 1)


def share_in_pure_regions(frame: DrawnFrame) -> float:
    """Share of the pixels in regions, closed over gaps as the product does, of which 98 % have one color."""
    ink = np.maximum(frame.line, frame.trace)
    regions = find_regions(LineFrame(ink, frame.trace), SegmentOptions.for_height(ink.shape[0]))
    sizes, shares = purities(regions.label_map().astype(np.int64), frame.color)
    return float(sizes[shares >= 0.98].sum() / sizes.sum())


@dataclass(frozen=True)
class Sketch:
    """What a figure looks like alone on a sheet."""

    ink: NDArray[np.uint8]
    color: NDArray[np.uint16]
    n_colors: int

    def regions(self) -> tuple[NDArray, NDArray]:
        """Sizes and purities of the regions of at least six pixels."""
        _, labels = cv2.connectedComponents((self.ink < 64).astype(np.uint8), connectivity=4)
        sizes, shares = purities(labels.astype(np.int64), self.color)
        return sizes[sizes >= 6], shares[sizes >= 6]

    @property
    def n_regions(self) -> int:
        return len(self.regions()[0])

    def share_pure(self) -> float:
        """Share of the regions, tiny ones left out, that are of one color."""
        sizes, shares = self.regions()
        return float(np.mean(shares[sizes >= 20] >= 0.95))


def sketch(
    make: Callable[[np.random.Generator, Mover, Paints], Callable[[Brush, float], None]],
    seed: int,
    *,
    time: float = 7.0,
) -> Sketch:
    """What `make` draws at `time` in the middle of a sheet, feet at three quarters of the height."""
    rng = np.random.default_rng(seed)
    palette = Palette(rng)
    draw = make(rng, Mover(rng, 0.5), Paints(palette, thrift=0.0, bare=0.0))
    brush = Brush(FULL, STEADY, np.random.default_rng(1))
    with brush.moved(480, 470, sx=1.4):
        draw(brush, time)
    return Sketch(np.maximum(brush.finish_ink(), brush.trace), brush.color, len(palette.table()))


def test_a_frame_has_three_planes_of_the_asked_size() -> None:
    frame = draw_shot(3, size=SMALL).frame(7)
    for plane, kind in ((frame.line, np.uint8), (frame.trace, np.uint8), (frame.color, np.uint16)):
        assert plane.shape == (270, 480)
        assert plane.dtype == kind


def test_the_shot_knows_its_length_and_palette() -> None:
    shot = draw_shot(3, n_frames=12)
    assert shot.n_frames == 12
    assert shot.palette.dtype == np.uint8
    assert shot.palette.ndim == 2
    assert shot.palette.shape[1] == 3
    assert len(np.unique(shot.palette, axis=0)) == len(shot.palette)


@pytest.mark.parametrize("seed", [0, 11, 29])
def test_frames_do_not_depend_on_the_order_they_are_asked_for(seed: int) -> None:
    first, second = draw_shot(seed, size=SMALL), draw_shot(seed, size=SMALL)
    forward = [first.frame(index) for index in (0, 40, 90)]
    backward = [second.frame(index) for index in (90, 40, 0)][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert np.array_equal(one.line, other.line)
        assert np.array_equal(one.trace, other.trace)
        assert np.array_equal(one.color, other.color)
    assert np.array_equal(first.palette, second.palette)


def test_other_seeds_give_other_shots() -> None:
    assert not np.array_equal(draw_shot(1, size=SMALL).frame(0).line, draw_shot(2, size=SMALL).frame(0).line)


def test_color_ids_lie_within_the_palette() -> None:
    for seed in SEEDS:
        shot = draw_shot(seed, size=SMALL)
        assert int(shot.frame(seed).color.max()) < len(shot.palette)


def test_most_regions_have_one_color() -> None:
    shares = [share_in_pure_regions(draw_shot(seed).frame(20)) for seed in SEEDS]
    # Wide gaps and sketchy lines leak on purpose, in a fifth of 150 shots; these are 30 of them.
    assert np.mean(np.array(shares) > 0.97) >= 0.7


def test_few_frames_are_empty() -> None:
    filled = [float((draw_shot(seed, size=SMALL).frame(20).color > 0).mean()) for seed in SEEDS]
    # Figures leave the frame in some shots.
    assert np.mean(np.array(filled) > 0.003) > 0.85


def test_every_kind_of_figure_has_odds() -> None:
    assert len(KINDS) == len(ODDS)
    assert sum(ODDS) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_figure_is_repeatable_and_of_clean_regions(
    kind: Callable[[np.random.Generator, Mover, Paints], object],
) -> None:
    def make(rng: np.random.Generator, mover: Mover, paints: Paints) -> Callable[[Brush, float], None]:
        return kind(rng, mover, paints).draw  # pyright: ignore[reportAttributeAccessIssue] # all have one

    drawn = [sketch(make, seed) for seed in (1, 2, 3)]
    again = sketch(make, 1)
    assert np.array_equal(drawn[0].ink, again.ink)
    assert np.array_equal(drawn[0].color, again.color)
    assert np.mean([one.n_regions for one in drawn]) >= 6
    assert np.mean([one.share_pure() for one in drawn]) > 0.9
    assert all(int(one.color.max()) < one.n_colors for one in drawn)


@pytest.mark.parametrize("view", space.VIEWS)
def test_a_walker_shows_in_every_view(view: str) -> None:
    def make(rng: np.random.Generator, mover: Mover, paints: Paints) -> Callable[[Brush, float], None]:
        walker = Walker(rng, mover, paints)
        walker.yaw = space.choose_yaw(mover, view)
        return walker.draw

    drawn = [sketch(make, seed, time=time) for seed, time in ((1, 0.0), (2, 9.0), (3, 40.0))]
    assert all(one.n_regions >= 12 for one in drawn)
    assert np.mean([one.share_pure() for one in drawn]) > 0.9


def test_a_heading_turns_places() -> None:
    ahead = space.Heading(0.0, 0.0)
    assert ahead.show(3.0, 5.0, 2.0) == pytest.approx((3, 5))
    assert ahead.depth(3.0, 2.0) == pytest.approx(2)
    right = space.Heading(np.pi / 2, 0.0)
    assert right.show(3.0, 5.0, 2.0) == pytest.approx((2, 5))
    assert right.depth(3.0, 2.0) == pytest.approx(-3)
    assert right.width(10.0, 4.0) == pytest.approx(4)


def test_a_hanging_limb_reaches_straight_down() -> None:
    bones = space.Bones((4.0, 0.0, 0.0), (10.0, 8.0), swing=0.0, splay=0.0, bend=0.0, side=1)
    limb = bones.shown(space.Heading(0.0, 0.0))
    assert limb.joints == pytest.approx(np.array([[4, 0], [4, 10], [4, 18]]))


def test_left_and_right_limbs_differ_in_half_of_the_walkers() -> None:
    rng = np.random.default_rng(3)
    walkers = [Walker(rng, Mover(rng, 0.5), Paints(Palette(rng), thrift=0.0, bare=0.0)) for _ in range(40)]
    uneven = [walker.legs[0].base != walker.legs[1].base for walker in walkers]
    assert 0.3 < np.mean(uneven) < 0.8


@pytest.mark.parametrize("yaw", [-3.0, -1.5, -0.7, 0.0, 0.7, 1.5, 3.0])
def test_a_head_turns_all_around(yaw: float) -> None:
    def make(rng: np.random.Generator, mover: Mover, paints: Paints) -> Callable[[Brush, float], None]:
        head = TurnHead(rng, mover, paints)

        def draw(brush: Brush, time: float) -> None:
            with brush.moved(0, -150, sx=90):
                head.draw(brush, time, yaw)

        return draw

    drawn = [sketch(make, seed) for seed in (1, 2, 3)]
    assert np.mean([one.n_regions for one in drawn]) >= (3 if abs(yaw) > 2 else 8)


@pytest.mark.parametrize("kind", turning.KINDS)
def test_a_turning_thing_shows_other_sides_later(kind: str) -> None:
    def make(rng: np.random.Generator, mover: Mover, paints: Paints) -> Callable[[Brush, float], None]:
        thing = turning.Turning(rng, mover, paints)
        thing.kind, thing.turns, thing.spin = kind, True, 0.3
        return thing.draw

    first, later = sketch(make, 5, time=0.0), sketch(make, 5, time=9.0)
    assert min(first.n_regions, later.n_regions) >= 4
    assert not np.array_equal(first.color, later.color)


@pytest.mark.parametrize("kind", closeups.KINDS)
def test_a_close_view_shows_many_small_parts(kind: str) -> None:
    def make(rng: np.random.Generator, mover: Mover, paints: Paints) -> Callable[[Brush, float], None]:
        detail = closeups.CloseUp(rng, mover, paints)
        detail.kind = kind
        return detail.draw

    drawn = [sketch(make, seed, time=time) for seed, time in ((1, 0.0), (2, 9.0), (3, 40.0))]
    assert np.mean([one.n_regions for one in drawn]) >= 8
    assert np.mean([one.share_pure() for one in drawn]) > 0.9


@pytest.mark.parametrize("kind", props.KINDS)
def test_a_prop_is_held(kind: str) -> None:
    def make(rng: np.random.Generator, mover: Mover, paints: Paints) -> Callable[[Brush, float], None]:
        prop = props.Prop(rng, mover, paints)
        prop.kind = kind

        def draw(brush: Brush, time: float) -> None:
            with brush.moved(0, -150, sx=16):
                prop.draw(brush, time)

        return draw

    assert sketch(make, 3).n_regions >= 3


@pytest.mark.parametrize(
    ("kind", "screen"),
    [(kind, "") for kind in gallery.KINDS] + [("planks", screen) for screen in gallery.SCREENS],
)
def test_a_gallery_is_a_row_of_many_colors(kind: str, screen: str) -> None:
    def make(rng: np.random.Generator, mover: Mover, paints: Paints) -> Callable[[Brush, float], None]:
        row = gallery.Gallery(rng, mover, paints)
        row.kind, row.screen, row.level = kind, screen, 0.0

        def draw(brush: Brush, time: float) -> None:
            with brush.moved(0, -150):
                row.draw(brush, time, in_front=False)
                row.draw(brush, time, in_front=True)

        return draw

    drawn = [sketch(make, seed) for seed in (1, 2, 4)]
    assert np.mean([len(np.unique(one.color)) for one in drawn]) >= 4
    assert np.mean([one.n_regions for one in drawn]) >= 6


@pytest.mark.parametrize("kind", patterns.KINDS)
@pytest.mark.parametrize("turn", [None, 0.8])
def test_a_pattern_stays_within_its_outline(kind: str, turn: float | None) -> None:
    rng = np.random.default_rng(4)
    pattern = patterns.Pattern(rng, Paints(Palette(rng), thrift=0.0, bare=0.0), "print")
    pattern.kind, pattern.smooth = kind, kind in ("dots", "scales", "feathers")
    pattern.colors = [1, 2, 3]
    brush = Brush(FULL, STEADY, rng)
    outline = brush.fill(box(480, 270, 300, 200), 999, smooth=False)
    pattern.draw(brush, outline, patterns.Field(480, 270, 150, 100, turn))
    outside = np.ones(brush.color.shape, bool)
    outside[168:373, 328:633] = False
    assert not brush.color[outside].any()
    assert not brush.finish_ink()[outside].any()
    assert len(np.unique(brush.color)) >= 3


def test_what_is_clipped_keeps_the_outline() -> None:
    brush = Brush(FULL, STEADY, np.random.default_rng(1))
    outline = brush.fill(ellipse(480, 270, 100, 100, 16), 1)
    before = brush.finish_ink().copy()
    with brush.clipped(outline):
        brush.fill(box(480, 270, 900, 900), 2, smooth=False)
    assert set(np.unique(brush.color)) == {0, 2}
    rim = before >= 250
    assert (brush.finish_ink()[rim] >= 200).all()


def test_a_drawing_beyond_the_frame_is_clipped_away() -> None:
    brush = Brush(FULL, STEADY, np.random.default_rng(1))
    outline = brush.fill(box(-400, 270, 100, 100), 1, smooth=False)
    with brush.clipped(outline):
        brush.fill(box(480, 270, 900, 900), 2, smooth=False)
    assert not brush.color.any()
    assert not brush.finish_ink().any()


def test_gaps_open_a_line_and_the_gap_radius_closes_it() -> None:
    line = np.zeros((540, 960), np.uint8)
    cv2.circle(line, (480, 270), 200, 255, 3)
    whole = line.copy()
    punch(line, 8, np.random.default_rng(2), thick=3.0)
    assert 8 * 2 * 3 < np.count_nonzero(whole) - np.count_nonzero(line) < 8 * 6 * 8
    frame = LineFrame(line, np.zeros_like(line))
    assert find_regions(frame, SegmentOptions(gap_px=0.0)).n == 1
    assert find_regions(frame, SegmentOptions.for_height(540)).n == 2


def test_no_line_has_no_gaps() -> None:
    line = np.zeros((54, 96), np.uint8)
    punch(line, 5, np.random.default_rng(2), thick=3.0)
    assert not line.any()


def test_line_and_color_are_bent_alike() -> None:
    line = np.zeros((270, 480), np.uint8)
    color = np.zeros((270, 480), np.uint16)
    cv2.rectangle(color, (150, 60), (330, 200), 3, -1)
    cv2.rectangle(line, (150, 60), (330, 200), 255, 3)
    bent = boiled((line, np.zeros_like(line), color), 2.5, np.random.default_rng(3))
    assert not np.array_equal(bent[0], line)
    assert not bent[1].any()
    edge = cv2.morphologyEx((bent[2] == 3).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    assert np.mean(bent[0][edge > 0] > 0) > 0.97


@pytest.mark.parametrize("kind", camera.KINDS)
def test_a_camera_keeps_its_scale_within_bounds(kind: str) -> None:
    rng = np.random.default_rng(6)
    mover = Mover(rng, 0.8)
    lens = next(
        one
        for one in (camera.Camera(rng, mover, mover.channel(-200, 200)) for _ in range(200))
        if one.kind == kind
    )
    scales = [lens.place(float(time), np.random.default_rng(0))[2] for time in range(100)]
    assert 0.3 < min(scales) <= max(scales) < 4
    assert (max(scales) - min(scales) < 1e-9) is (kind == "held")
