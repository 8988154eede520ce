"""Inbetweens of the built-in engine: the right middle, exact colors, whole lines, declared fall-backs."""

import numpy as np
import pytest

from engines.inbetween_toys import (
    COAT,
    EYE,
    HAT,
    HEIGHT,
    INK,
    SKIN,
    SKY,
    WIDTH,
    Page,
    Place,
    draw,
    laid,
    line_gap,
    man,
    off_palette,
)
from toonctl.core.errors import EngineError, SpecError
from toonctl.engines.base import KeyPicture
from toonctl.engines.cel.inbetween.reading import read_key
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.engines.inbetween.cel import Engine
from toonctl.spec.engine_tables import CelInbetween

HERE = Place(120, 90)
MOVES = {
    "across": (HERE, Place(160, 96)),
    "turning": (HERE, Place(136, 92, turn=0.4)),
    "growing": (HERE, Place(132, 92, size=1.25)),
}


def middle(first: Place, second: Place, share: float = 0.5) -> Place:
    """The place in between: straight way, size by power."""
    return Place(
        first.x + share * (second.x - first.x),
        first.y + share * (second.y - first.y),
        first.turn + share * (second.turn - first.turn),
        first.size ** (1 - share) * second.size**share,
    )


@pytest.mark.parametrize("move", MOVES)
def test_a_figure_stands_where_it_should_in_the_middle(move: str) -> None:
    first, second = MOVES[move]
    keys = [man(Page(), place).layered() for place in (first, second)]
    (drawn,) = draw(keys)["A"]
    truth = man(Page(), middle(first, second))
    assert drawn.fell_back == ()
    assert drawn.line is not None
    assert drawn.paint is not None
    assert line_gap(drawn.line[..., 3], truth.coverage()) < 0.6
    clear = truth.coverage() == 0
    wrong = (drawn.paint[clear] != truth.flats()[clear]).any(-1)
    assert wrong.mean() < 0.004


@pytest.mark.parametrize("time", [0.2, 0.8])
def test_the_drawing_follows_the_time(time: float) -> None:
    first, second = MOVES["across"]
    (drawn,) = draw([man(Page(), place).layered() for place in (first, second)], (time,))["A"]
    assert drawn.line is not None
    truth = man(Page(), middle(first, second, time))
    assert line_gap(drawn.line[..., 3], truth.coverage()) < 0.6


@pytest.mark.parametrize(("time", "key"), [(0.001, 0), (0.999, 1)])
@pytest.mark.parametrize("width", [1.0, 2.0])
def test_a_drawing_right_beside_a_key_looks_like_it(time: float, key: int, width: float) -> None:
    pages = [man(Page(), place, width).flat() for place in MOVES["turning"]]
    (drawn,) = draw(pages, (time,))["A"]
    off = np.abs(drawn.picture.astype(int) - pages[key].picture).max(-1)
    assert (off > 48).mean() < 0.001
    assert off.mean() < 0.25


def test_an_eye_nearly_cut_in_half_by_its_pupil_is_one_part() -> None:
    page = Page()
    page.shape(EYE, HERE.points([(-16, -12), (16, -12), (16, 12), (-16, 12)]))
    page.shape(COAT, HERE.points([(-5, -8), (5, -8), (5, 8), (-5, 8)]))
    options = InbetweenOptions.of(CelInbetween().model_dump())
    key = read_key(page.flat(), options)
    assert [color[:3] for color in key.colors[key.color].tolist()].count(list(EYE)) == 1
    lines = read_key(page.lines_only(), options)
    assert lines.n > key.n  # where nothing but lines divides, a waist like that is a gap


def test_paint_has_the_colors_of_the_keys_only() -> None:
    keys = [man(Page(), place).layered() for place in MOVES["turning"]]
    (drawn,) = draw(keys)["A"]
    assert drawn.paint is not None
    assert drawn.line is not None
    assert off_palette(drawn.paint) == 0
    assert off_palette(drawn.picture[drawn.line[..., 3] == 0][None]) == 0
    assert (np.abs(drawn.picture.astype(int) - laid(drawn.paint, drawn.line)) <= 1).all()


def test_lines_are_found_in_a_picture_that_has_no_line_layer() -> None:
    first, second = MOVES["across"]
    (drawn,) = draw([man(Page(), place).flat() for place in (first, second)])["A"]
    assert drawn.paint is None
    assert drawn.line is None
    truth = man(Page(), middle(first, second)).layered().picture
    off = np.abs(drawn.picture.astype(int) - truth).max(-1)
    assert (off > 64).mean() < 0.003


def test_flat_shapes_without_any_line_keep_exact_colors() -> None:
    keys = [man(Page(), place, width=0).flat() for place in MOVES["turning"]]
    (drawn,) = draw(keys)["A"]
    truth = man(Page(), middle(*MOVES["turning"]), width=0)
    differs = (drawn.picture != truth.flat().picture).any(-1)
    assert off_palette(drawn.picture) <= off_palette(keys[0].picture)
    assert differs.mean() < 0.01


def test_the_weight_of_lines_is_kept() -> None:
    for width in (1.5, 4.0):
        keys = [man(Page(), place, width).layered() for place in MOVES["turning"]]
        (drawn,) = draw(keys)["A"]
        assert drawn.line is not None
        amount = [int(key.line[..., 3].sum()) for key in keys if key.line is not None]
        assert drawn.line[..., 3].sum() == pytest.approx(np.mean(amount), rel=0.04)


def test_no_slit_opens_between_parts_that_touch() -> None:
    def key(x: float, turn: float) -> Page:
        page = Page()
        place = Place(x, 90, turn)
        page.shape(COAT, place.points([(-60, -30), (0, -30), (0, 30), (-60, 30)]), 0)
        page.shape(HAT, place.points([(0, -30), (60, -30), (60, 30), (0, 30)]), 0)
        return page

    (drawn,) = draw([key(130, 0.0).flat(), key(170, 0.3).flat()])["A"]
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    import cv2

    corners = Place(150, 90, 0.15).points([(-57, -27), (57, -27), (57, 27), (-57, 27)])
    cv2.fillPoly(inside, [np.rint(corners).astype(np.int32)], 1)
    assert off_palette(drawn.picture[inside > 0][None], [COAT, HAT]) == 0


def test_what_does_not_move_keeps_its_bytes() -> None:
    def key(x: float) -> KeyPicture:
        page = man(Page(), Place(80, 90))
        page.shape(HAT, Place(x, 120).points([(-15, -15), (15, -15), (15, 15), (-15, 15)]))
        return page.flat()

    keys = [key(220), key(260)]
    (drawn,) = draw(keys)["A"]
    still = np.s_[:, :150]
    assert (drawn.picture[still] == keys[0].picture[still]).all()


def test_equal_keys_are_held_byte_for_byte() -> None:
    key = man(Page(), HERE).layered()
    (drawn,) = draw([key, key])["A"]
    assert drawn.picture.tobytes() == key.picture.tobytes()
    assert drawn.line is not None
    assert key.line is not None
    assert drawn.line.tobytes() == key.line.tobytes()
    assert drawn.fell_back == ()


def test_line_drawings_give_line_drawings() -> None:
    first, second = MOVES["across"]
    (drawn,) = draw([man(Page(), place).lines_only() for place in (first, second)])["A"]
    truth = man(Page(), middle(first, second))
    assert (drawn.picture[..., 0] == drawn.picture[..., 2]).all()
    assert line_gap(255 - drawn.picture[..., 0], truth.coverage()) < 0.6


def test_colored_lines_keep_their_color() -> None:
    def key(place: Place) -> KeyPicture:
        key = man(Page(), place).layered()
        assert key.line is not None
        line = key.line.copy()
        trace = Page(None)
        trace.stroke(place.points([(-20, 40), (20, 40)]))
        covered = trace.coverage() > 0
        line[covered] = np.concatenate(
            [np.full((int(covered.sum()), 3), (0, 0, 255)), trace.coverage()[covered][:, None]], 1
        )
        return KeyPicture(laid(man(Page(), place).flats(), line), line)

    (drawn,) = draw([key(place) for place in MOVES["across"]])["A"]
    assert drawn.line is not None
    inks = {tuple(color) for color in drawn.line[drawn.line[..., 3] > 0][:, :3].tolist()}
    assert inks == {INK, (0, 0, 255)}


def test_parts_move_on_an_arc_through_a_third_key() -> None:
    places = [Place(80, 110), Place(160, 60), Place(240, 110)]
    keys = [man(Page(), place).layered() for place in places]
    curved, straight = (draw(keys, arcs=arcs)["A"][0] for arcs in (True, False))

    def height_of(drawn: object) -> float:
        paint = np.asarray(drawn.paint)  # type: ignore[attr-defined]
        return float(np.nonzero((paint[..., :3] == COAT).all(-1))[0].mean())

    # Toward the top of the arc the way is steeper at first: half way it has risen more than half.
    assert height_of(curved) < height_of(straight) - 2


def test_what_only_one_key_shows_appears_half_way() -> None:
    def key(has_ball: bool) -> KeyPicture:
        page = man(Page(), HERE if has_ball else Place(128, 90))
        if has_ball:
            page.shape((90, 200, 90), Place(260, 60).points([(-12, -12), (12, -12), (12, 12), (-12, 12)]))
        return page.layered()

    early, late = draw([key(False), key(True)], (0.3, 0.7))["A"]
    has_ball = [bool((d.picture[60, 260, :3] == (90, 200, 90)).all()) for d in (early, late)]
    assert has_ball == [False, True]


def test_layers_laid_over_each_other_are_the_flat_drawing() -> None:
    def key(place: Place, x: float) -> dict[str, KeyPicture]:
        below, above = Page(None), Page(None)
        man(below, place)
        above.shape(HAT, Place(x, 140).points([(-30, -10), (30, -10), (30, 10), (-30, 10)]))
        ground = Page()
        return {"BG": KeyPicture(ground.flats(), None), "A": below.layered(), "B": above.layered()}

    keys = [key(HERE, 200), key(Place(150, 94), 170)]
    layers = draw(keys)
    whole = laid(laid(layers["BG"][0].picture, layers["A"][0].picture), layers["B"][0].picture)
    truth = laid(
        laid(Page().flats(), man(Page(None), Place(135, 92)).layered().picture), key(HERE, 185)["B"].picture
    )
    off = np.abs(whole.astype(int) - truth).max(-1)
    assert (off > 64).mean() < 0.004
    assert (layers["BG"][0].picture == keys[0]["BG"].picture).all()


def test_a_held_layer_keeps_its_bytes_beside_a_moving_one() -> None:
    held = man(Page(None), Place(240, 90)).layered()
    keys = [{"A": held, "B": man(Page(None), place).layered()} for place in MOVES["across"]]
    (drawn,) = draw(keys)["A"]
    assert drawn.picture.tobytes() == held.picture.tobytes()


def test_another_scene_is_held_and_said() -> None:
    other = Page((30, 90, 40))
    other.shape((120, 20, 130), Place(160, 90).points([(-90, -60), (90, -60), (60, 60), (-90, 70)]))
    keys = [man(Page(), HERE).flat(), other.flat()]
    early, late = draw(keys, (0.3, 0.7))["A"]
    assert early.picture.tobytes() == keys[0].picture.tobytes()
    assert late.picture.tobytes() == keys[1].picture.tobytes()
    assert [f.what for f in early.fell_back] == ["frame"]
    assert "held" in early.fell_back[0].how


def hills(wave: float) -> KeyPicture:
    """A map in five flat colors, bent everywhere as if seen through water."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    x, y = x + wave * np.sin(y / 14), y + wave * np.sin(x / 17)
    height = np.sin(x / 19) + np.cos(y / 15) + np.sin((x + y) / 31)
    colors = [(250, 240, 200), (200, 60, 60), (60, 120, 200), (60, 180, 90), (240, 190, 40)]
    table = np.array([(*color, 255) for color in colors], np.uint8)
    return KeyPicture(table[np.digitize(height, [-1.2, -0.3, 0.5, 1.3])], None)


def test_what_no_part_can_follow_goes_along_flow_and_says_so() -> None:
    keys = [hills(0), hills(9)]
    (drawn,) = draw(keys)["A"]
    assert [(f.what, f.how) for f in drawn.fell_back] == [("frame", "winner takes all along optical flow")]
    assert (
        off_palette(drawn.picture, [tuple(c) for c in np.unique(keys[0].picture.reshape(-1, 4), axis=0)]) == 0
    )
    wrong = (drawn.picture != hills(4.5).picture).any(-1).mean()
    held = (keys[0].picture != hills(4.5).picture).any(-1).mean()
    assert wrong < 0.5 * held


def test_parts_in_doubt_are_kept_where_flow_does_no_better() -> None:
    keys = [man(Page(), place).flat() for place in MOVES["turning"]]
    (drawn,) = draw(keys, region_score=1.0, bad_share=0.0)["A"]
    assert {f.what for f in drawn.fell_back} == {"region"}


def test_a_layer_in_one_key_only_is_held_and_said() -> None:
    key = man(Page(None), HERE).layered()
    sky = KeyPicture(Page().flats(), None)
    early, late = draw([{"BG": sky, "A": key}, {"BG": sky}], (0.3, 0.7))["A"]
    assert early.picture.tobytes() == key.picture.tobytes()
    assert not late.picture.any()
    assert [f.what for f in (*early.fell_back, *late.fell_back)] == ["frame", "frame"]


def test_keys_of_different_sizes_are_refused() -> None:
    key = man(Page(), HERE).flat()
    with pytest.raises(EngineError, match="pixels"):
        draw([key, KeyPicture(key.picture[:100], None)])


@pytest.mark.parametrize("color", [SKY, SKIN])
def test_empty_pages_pass(color: tuple[int, int, int]) -> None:
    keys = [Page(SKY).flat(), Page(color).flat()]
    (drawn,) = draw(keys)["A"]
    assert off_palette(drawn.picture) == 0


def test_the_same_request_gives_the_same_bytes() -> None:
    keys = [man(Page(), place).flat() for place in MOVES["growing"]]
    one, two = (draw(keys, (0.25, 0.5))["A"] for _ in range(2))
    assert [d.picture.tobytes() for d in one] == [d.picture.tobytes() for d in two]


def test_options_have_no_defaults_of_their_own() -> None:
    with pytest.raises(SpecError, match="region_score"):
        Engine().facts({"matcher": "geometric"})


def test_what_the_edge_cuts_in_one_key_keeps_its_shape() -> None:
    # The coat's hem is beyond the edge in the second key: on its way there it is no longer than it was.
    first, second = Place(120, 120), Place(140, 140)
    (drawn,) = draw([man(Page(), place).layered() for place in (first, second)], (0.6,))["A"]
    truth = man(Page(), middle(first, second, 0.6))
    assert drawn.paint is not None
    clear = truth.coverage() == 0
    assert (drawn.paint[clear] != truth.flats()[clear]).any(-1).mean() < 0.006


def test_what_is_hidden_in_the_nearer_key_is_whole_in_the_other() -> None:
    # A stick slides behind a block: halfway more of it shows than the second key has.
    def key(x: float) -> Page:
        page = Page()
        page.shape(HAT, Place(x, 90).points([(-50, -12), (20, -12), (20, 12), (-50, 12)]))
        page.shape(SKIN, Place(x, 90).points([(-50, -12), (-26, -12), (-26, 12), (-50, 12)]))
        page.shape(COAT, Place(200, 90).points([(-40, -60), (40, -60), (40, 60), (-40, 60)]))
        return page

    (drawn,) = draw([key(170).layered(), key(204).layered()], (0.6,))["A"]
    truth = key(170 + 0.6 * 34)
    assert drawn.paint is not None
    clear = truth.coverage() == 0
    assert (drawn.paint[clear] != truth.flats()[clear]).any(-1).mean() < 0.006
