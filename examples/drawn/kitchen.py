"""The kitchen around the bear: a painted background and the counter in front of it, without lines."""

import cv2
import numpy as np

from drawn.bear import SIZE
from drawn.pencil import BITS, FINE, Plane, Points, curve, ellipse

_WIDTH, _HEIGHT = SIZE


class Board:
    """A painted picture: flat and vertically graded shapes on RGBA, smoothed in the end."""

    def __init__(self) -> None:
        self.rgba: Plane = np.zeros((_HEIGHT * FINE, _WIDTH * FINE, 4), np.uint8)

    def fill(self, outline: Points, color: str, below: str | None = None) -> None:
        """A shape of one color, or graded from `color` at its top to `below` at its foot."""
        mask = np.zeros(self.rgba.shape[:2], np.uint8)
        fixed = np.round((outline * FINE + (FINE - 1) / 2) * (1 << BITS)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 255, shift=BITS)
        rows = np.flatnonzero(mask.any(axis=1))
        if not rows.size:
            return
        first, last = rows[0], rows[-1] + 1
        top, foot = np.array([*bytes.fromhex(color)]), np.array([*bytes.fromhex(below or color)])
        # Whole picture rows share a color: smooth to the eye and short in run-length coded files.
        share = (np.arange(first, last) // FINE * FINE - first).clip(0)[:, None] / max(last - first - 1, 1)
        graded = np.round(top + (foot - top) * share).astype(np.uint8)
        inside = mask[first:last] > 0
        self.rgba[first:last, :, :3][inside] = np.broadcast_to(graded[:, None], (*inside.shape, 3))[inside]
        self.rgba[first:last, :, 3][inside] = 255

    def box(
        self, x: float, y: float, width: float, height: float, color: str, below: str | None = None
    ) -> None:
        """An upright rectangle."""
        self.fill(np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]), color, below)

    def picture(self) -> Plane:
        """`[H, W, 4]` straight alpha, black where nothing is painted."""
        color = self.rgba.astype(np.float32)
        color[..., :3] *= color[..., 3:] / 255.0
        small = cv2.resize(color, SIZE, interpolation=cv2.INTER_AREA)
        alpha = small[..., 3:]
        small[..., :3] = np.where(alpha > 0, small[..., :3] * 255.0 / np.maximum(alpha, 1e-3), 0)
        return np.round(small.clip(0, 255)).astype(np.uint8)


def draw_background() -> Plane:
    """`[720, 1280, 4]` the back wall at sunset."""
    board = Board()
    board.box(0, 0, _WIDTH, _HEIGHT, "5E8C86", "8FB5A0")
    _tiles(board)
    _window(board)
    _shelf(board)
    _lamp(board)
    return board.picture()


def draw_counter() -> Plane:
    """`[720, 1280, 4]` the counter in front with what stands on it; the rest is clear."""
    board = Board()
    board.box(0, 580, _WIDTH, 34, "E9C79A", "DDB381")
    board.box(0, 612, _WIDTH, 10, "A9714A")
    board.box(0, 622, _WIDTH, 98, "B98358", "8A5A40")
    for x in (60, 370, 680, 990):
        board.box(x, 642, 250, 90, "9C6848", "7B4E39")
        board.box(x + 12, 654, 226, 90, "B07B53", "895A41")
        board.box(x + 105, 672, 40, 9, "F2D9A2")
    _stack(board, 190, 584)
    _flowers(board, 1130, 588)
    _syrup(board, 330, 592)
    return board.picture()


def _tiles(board: Board) -> None:
    board.box(0, 396, _WIDTH, 200, "DDE5D2", "C3D3C2")
    for row in range(4):
        y = 404 + row * 48
        for column in range(-1, 10):
            x = column * 144 + 4 + (row % 2) * 72
            board.box(x, y, 136, 40, "EDF1E2" if (row * 5 + column * 3) % 7 else "CFE0D6")
    board.box(0, 384, _WIDTH, 14, "3F6963")
    board.box(0, 384, _WIDTH, 4, "7FA79C")


def _window(board: Board) -> None:
    x, y, width, height = 70.0, 60.0, 330.0, 268.0
    board.box(x - 22, y - 22, width + 44, height + 44, "F4E3C6", "E3C9A2")
    board.box(x, y, width, height, "6A6FA8", "F9B27C")
    board.box(x, y + 90, width, height - 90, "C98FA6", "FBCB86")
    for size, color in ((64.0, "FBC98B"), (52.0, "FCD89B"), (40.0, "FFF0C2")):
        board.fill(_held(ellipse(x + 224, y + 172, size, size), x, y, width, height), color)
    for cx, cy, k in ((110.0, 62.0, 1.0), (250.0, 100.0, 0.8)):
        puff = [(-58, 12), (-44, -4), (-20, -8), (0, -20), (24, -10), (48, -6), (60, 12), (0, 16)]
        board.fill(curve([(x + cx + k * a, y + cy + k * b) for a, b in puff]), "F7C3B0", "F5A896")
    far = curve(
        [
            (x, y + 210, 1),
            (x + 60, y + 178),
            (x + 140, y + 200),
            (x + 230, y + 170),
            (x + width, y + 204, 1),
            (x + width, y + height, 1),
            (x, y + height, 1),
        ]
    )
    board.fill(far, "8C6F98", "77608A")
    near = curve(
        [
            (x, y + 236, 1),
            (x + 90, y + 246),
            (x + 190, y + 214),
            (x + 270, y + 222),
            (x + width, y + 240, 1),
            (x + width, y + height, 1),
            (x, y + height, 1),
        ]
    )
    board.fill(near, "4F5B7C", "434E70")
    board.box(x + width / 2 - 8, y, 16, height, "F4E3C6", "E3C9A2")
    board.box(x, y + 120, width, 12, "EFDAB8")
    board.box(x - 38, y + height + 22, width + 76, 18, "F8EBD2", "DCC099")
    for side in (-1, 1):
        cx = x + width / 2 + side * (width / 2 + 12)
        drape = [
            (cx + side * 26, 26, 1),
            (cx - side * 74, 26, 1),
            (cx - side * 60, 130),
            (cx - side * 8, 214),
            (cx - side * 14, 330, 1),
            (cx + side * 30, 330, 1),
        ]
        board.fill(curve(drape), "E8745F", "C5544C")
        for k in (0.25, 0.6):
            fold = [
                (cx + side * (20 - 80 * k), 26, 1),
                (cx + side * (4 - 74 * k), 26, 1),
                (cx + side * (14 - 50 * k), 150),
                (cx + side * 12, 224),
                (cx + side * 10, 200),
            ]
            board.fill(curve(fold), "D8604F", "B84A46")
    board.box(x - 60, 14, width + 120, 16, "8A5A40", "6E4534")


def _held(points: Points, x: float, y: float, width: float, height: float) -> Points:
    return np.stack([points[:, 0].clip(x, x + width), points[:, 1].clip(y, y + height)], axis=1)


def _shelf(board: Board) -> None:
    board.box(960, 300, 300, 16, "A9714A", "8A5A40")
    for x in (990, 1216):
        board.fill(np.array([(x, 316.0), (x + 14, 316), (x + 14, 352)]), "6E4534")
    jars = (
        (984, 62, 84, "C4574C", "E9A08A"),
        (1062, 54, 66, "E2A93B", "F6D98A"),
        (1132, 58, 96, "5B86B5", "A9C6DE"),
    )
    for x, width, height, dark, pale in jars:
        y = 300 - height
        board.fill(_round(x, y, width, height, 12), pale)
        board.fill(_round(x, y + height * 0.34, width, height * 0.66, 12), dark)
        board.box(x + 8, y + 12, 8, height - 28, "FFFFFF" if dark == "5B86B5" else "FBE8D0")
        board.box(x + 4, y - 12, width - 8, 14, "F4E3C6", "D9BE94")
    board.fill(curve([(1206, 300, 1), (1200, 262, 1), (1250, 262, 1), (1244, 300, 1)]), "D9805F", "B9624A")
    for turn in (-0.9, -0.45, 0.0, 0.45, 0.9):
        tip = (1225 + 44 * np.sin(turn), 262 - 46 * np.cos(turn))
        mid = (1225 + 20 * np.sin(turn), 262 - 24 * np.cos(turn))
        side = np.array([np.cos(turn), np.sin(turn)]) * 9
        leaf = [
            (1225, 264, 1),
            (mid[0] - side[0], mid[1] - side[1]),
            (*tip, 1),
            (mid[0] + side[0], mid[1] + side[1]),
        ]
        board.fill(curve(leaf), "6FA36B" if turn in (-0.45, 0.45) else "4F8660")


def _round(x: float, y: float, width: float, height: float, r: float) -> Points:
    """A rectangle with round corners."""
    corners = (
        (x + r, y + r, np.pi),
        (x + width - r, y + r, 1.5 * np.pi),
        (x + width - r, y + height - r, 0.0),
        (x + r, y + height - r, 0.5 * np.pi),
    )
    arc = np.linspace(0, np.pi / 2, 7)
    return np.vstack(
        [np.stack([cx + r * np.cos(a + arc), cy + r * np.sin(a + arc)], axis=1) for cx, cy, a in corners]
    )


def _lamp(board: Board) -> None:
    x = 690.0
    for size, color in ((150.0, "7FA79A"), (116.0, "93B5A2"), (84.0, "ABC5AC")):
        board.fill(ellipse(x, 92, size * 1.25, size * 0.9), color)
    board.box(x - 2, 0, 4, 40, "3A4A4C")
    board.fill(ellipse(x, 92, 24, 18), "FFF3CE")
    board.fill(
        curve(
            [
                (x - 20, 38, 1),
                (x + 20, 38, 1),
                (x + 44, 66),
                (x + 84, 90, 1),
                (x, 98),
                (x - 84, 90, 1),
                (x - 44, 66),
            ]
        ),
        "E2A93B",
        "C4813A",
    )


def _stack(board: Board, x: float, y: float) -> None:
    board.fill(ellipse(x, y + 10, 120, 17), "C9A27A")
    board.fill(ellipse(x, y + 4, 112, 17), "FFFFFF", "CBD6DE")
    board.fill(ellipse(x, y, 92, 11), "E6EDF0")
    for layer in range(4):
        cy, cx = y - 8 - 17 * layer, x + (5, -6, 4, -2)[layer]
        board.fill(_round(cx - 78, cy - 17, 156, 20, 9.5), "FBE0A4", "E7B568")
        board.fill(_round(cx - 78, cy - 17, 156, 8, 3.9), "C4813A")
    board.fill(ellipse(x - 2, y - 75, 76, 12), "D9994E")
    syrup = [
        (x - 50, y - 78),
        (x, y - 86),
        (x + 52, y - 77),
        (x + 58, y - 62),
        (x + 52, y - 44),
        (x + 45, y - 62),
        (x + 10, y - 66),
        (x + 4, y - 36),
        (x - 6, y - 64),
        (x - 46, y - 66),
    ]
    board.fill(curve(syrup), "9A4F2C", "82401F")
    board.fill(
        np.array([(x - 20, y - 92.0), (x + 12, y - 96), (x + 20, y - 82), (x - 14, y - 78)]),
        "FFF0A8",
        "F3D36B",
    )


def _flowers(board: Board, x: float, y: float) -> None:
    board.fill(
        curve([(x - 42, y - 74, 1), (x + 42, y - 74, 1), (x + 34, y + 12, 1), (x - 34, y + 12, 1)]),
        "6FA9C4",
        "467F9F",
    )
    board.box(x - 47, y - 86, 94, 18, "8FC3D8", "6FA9C4")
    for turn, size in ((-0.85, 66), (-0.4, 104), (0.05, 82), (0.5, 112), (0.95, 70)):
        tip = np.array([x + size * np.sin(turn), y - 86 - size * np.cos(turn)])
        side = np.array([2.0, 0.0])
        board.fill(np.array([(x - 3, y - 84.0), (x + 3, y - 84), tip + side, tip - side]), "4F8660")
        for k in range(6):
            a = k * np.pi / 3 + turn
            board.fill(
                ellipse(tip[0] + 15 * np.cos(a), tip[1] + 15 * np.sin(a), 12, 9, a),
                "F6D0C4" if size > 100 else "F7C948",
            )
        board.fill(ellipse(*tip, 9, 9), "C5544C" if size > 100 else "A9714A")


def _syrup(board: Board, x: float, y: float) -> None:
    board.fill(_round(x - 28, y - 66, 56, 72, 14), "B5632F", "82401F")
    board.fill(_round(x - 12, y - 98, 24, 40, 6), "B5632F", "A3562A")
    board.fill(_round(x - 16, y - 108, 32, 16, 5), "E0533D", "B84A46")
    board.fill(_round(x - 28, y - 44, 56, 32, 4), "FBEBD3", "EBD3AC")
    board.fill(
        curve(
            [
                (x, y - 20, 1),
                (x - 13, y - 32),
                (x - 6, y - 39),
                (x, y - 34, 1),
                (x + 6, y - 39),
                (x + 13, y - 32),
            ]
        ),
        "E0533D",
    )
