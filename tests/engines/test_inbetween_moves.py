"""Inbetweens of parts that pass, swing, hang together or show the ground: what must not break."""

import cv2
import numpy as np
import pytest

from engines.inbetween_toys import COAT, EYE, HAT, SKIN, SKY, Page, Place, draw, man, round_
from toonctl.core.types import Pixels
from toonctl.engines.base import KeyPicture
from toonctl.engines.cel.inbetween.reading import read_key
from toonctl.engines.cel.options import InbetweenOptions
from toonctl.spec.engine_tables import CelInbetween

CRATE, FRAME, SMILE = (140, 100, 60), (30, 40, 90), (200, 140, 60)
OPTIONS = InbetweenOptions.of(CelInbetween().model_dump())


def shown(picture: Pixels, color: tuple[int, int, int]) -> Pixels:
    """Where a picture has a color, `[H, W]` of 0 and 1."""
    return (picture[..., :3] == color).all(-1).astype(np.uint8)


def n_pieces(mask: Pixels, least: int = 6) -> int:
    """How many pieces of at least so many pixels a mask has."""
    _, _, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return int((facts[1:, cv2.CC_STAT_AREA] >= least).sum())


def middle(keys: list[Page]) -> Pixels:
    """The drawing half-way between two pages without line layers."""
    (drawn,) = draw([key.flat() for key in keys])["A"]
    return drawn.picture


def passing(crate: Place, him: Place) -> Page:
    """A man who walks past behind a crate."""
    page = man(Page(), him)
    page.shape(CRATE, crate.points([(-45, -30), (45, -30), (45, 45), (-45, 45)]))
    return page


def test_what_is_in_front_in_both_keys_is_so_between_them() -> None:
    keys = [passing(Place(150, 100), Place(95, 80)), passing(Place(170, 100), Place(225, 80))]
    truth = passing(Place(160, 100), Place(160, 80))
    inside = cv2.erode(shown(truth.flats(), CRATE), np.ones((9, 9), np.uint8)) > 0
    assert shown(middle(keys), CRATE)[inside].mean() > 0.99


def swinging(turn: float, x: float) -> Page:
    """A body with an arm that hangs from its shoulder, sleeve and hand."""
    page = Page()
    page.shape(COAT, Place(x, 100).points([(-25, -40), (25, -40), (25, 50), (-25, 50)]))
    shoulder = Place(x + 15, 70, turn)
    page.shape(SKIN, shoulder.points([(34, -7), (64, -7), (64, 7), (34, 7)]))
    page.shape(HAT, shoulder.points([(-6, -8), (36, -8), (36, 8), (-6, 8)]))
    return page


def test_an_arm_swings_about_its_shoulder() -> None:
    keys = [swinging(-0.7, 120), swinging(0.7, 130)]
    drawn, truth = middle(keys), swinging(0.0, 125).flat().picture
    for color in (HAT, SKIN):
        both = shown(drawn, color).astype(bool), shown(truth, color).astype(bool)
        assert (both[0] & both[1]).sum() > 0.7 * (both[0] | both[1]).sum()


def smiling(at: Place) -> Page:
    """A face in two colors with a thin colored smile across both."""
    page = Page()
    page.shape(SKIN, at.points(round_(0, 0, 60, 60)), 0)
    page.shape(EYE, at.points(round_(0, 0, 60, 60)[:25]), 0)
    angles = np.linspace(2.7, 0.5, 30)
    outer = [(30 * float(np.cos(a)), 30 * float(np.sin(a))) for a in angles]
    inner = [(27.4 * float(np.cos(a)), 27.4 * float(np.sin(a))) for a in angles[::-1]]
    page.shape(SMILE, at.points([*outer, *inner]), 0)
    return page


def test_a_thin_area_is_one_part() -> None:
    key = read_key(smiling(Place(150, 90)).flat(), OPTIONS)
    assert int((key.colors[key.color][:, :3] == SMILE).all(-1).sum()) == 1


def hanging(x: int, y: int) -> KeyPicture:
    """A lamp on a long bent wire three pixels thick, in one color, 540 lines high."""
    page = np.empty((540, 480, 4), np.uint8)
    page[:] = (*SKY, 255)
    wire = [(0, 0), (50, -60), (110, -70), (150, -20), (170, 60), (190, 150)]
    cv2.polylines(page, [np.add(wire, (x, y)).astype(np.int32)], False, (*SMILE, 255), 3)
    cv2.ellipse(page, (x + 190, y + 165), (36, 22), 10, 0, 360, (*SMILE, 255), -1)
    return KeyPicture(page, None)


def test_a_long_thread_is_one_part_beside_what_hangs_on_it() -> None:
    key = read_key(hanging(150, 200), OPTIONS)
    assert int((key.colors[key.color][:, :3] == SMILE).all(-1).sum()) == 2


def test_a_thread_does_not_break() -> None:
    (drawn,) = draw([hanging(140, 200), hanging(160, 206)])["A"]
    assert n_pieces(shown(drawn.picture, SMILE)) == 1


def test_a_smile_stays_in_one_piece() -> None:
    drawn = middle([smiling(Place(140, 90)), smiling(Place(160, 90, 0.5))])
    mask = shown(drawn, SMILE)
    assert n_pieces(cv2.dilate(mask, np.ones((3, 3), np.uint8))) == 1
    assert int(mask.sum()) == pytest.approx(
        int(shown(smiling(Place(150, 90, 0.25)).flats(), SMILE).sum()), rel=0.35
    )


@pytest.mark.parametrize("angle", [0.17, 0.5, 0.8, 1.05, 1.4])
def test_a_slanted_fold_is_one_stroke(angle: float) -> None:
    page = Page()
    page.shape(COAT, Place(160, 90).points([(-80, -70), (80, -70), (80, 70), (-80, 70)]))
    page.stroke(Place(160, 90, angle).points([(-40, 0), (40, 0)]))
    planar = read_key(page.flat(), OPTIONS).planar
    assert int((planar.left == planar.right).sum()) == 1


def bespectacled(at: Place) -> Page:
    """A face with a broad ring that stands out over its edge, so that the sky shows through."""
    page = Page()
    page.shape(SKIN, at.points(round_(0, 0, 45, 55)))
    ring, hole = round_(40, -10, 24, 24), round_(40, -10, 15, 15)
    page.shape(FRAME, at.points(ring), 0)
    face = at.points(round_(0, 0, 45, 55)).astype(np.float32)
    page.shape(SKY, at.points(hole), 0)
    seen = [
        corner
        for corner in hole
        if cv2.pointPolygonTest(face, at.points([corner])[0].tolist(), measureDist=False) > 0
    ]
    page.shape(SKIN, at.points(seen), 0)
    return page


def test_a_ring_through_which_the_ground_shows_stays_whole() -> None:
    drawn = middle([bespectacled(Place(110, 80)), bespectacled(Place(150, 110))])
    truth = bespectacled(Place(130, 95)).flat().picture
    ring = shown(drawn, FRAME).astype(bool), shown(truth, FRAME).astype(bool)
    assert (ring[0] & ring[1]).sum() > 0.85 * (ring[0] | ring[1]).sum()
