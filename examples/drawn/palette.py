"""The colors of the examples: a number per color, its sRGB value in `WALK` and `CUT` at that number."""

from enum import IntEnum


class Walk(IntEnum):
    """Colors of the walk."""

    SKY = 0
    GROUND = 1
    CURB = 2
    PUDDLE = 3
    PUDDLE_LIGHT = 4
    LEAF = 5
    LEAF_SHADE = 6
    COAT = 7
    COAT_SHADE = 8
    BROWN = 9
    RED = 10
    RED_SHADE = 11
    CREAM = 12
    TROUSERS = 13
    BOOT = 14
    BOOT_LIGHT = 15
    SKIN = 16
    SKIN_SHADE = 17
    BLUSH = 18
    HAIR = 19
    HAIR_LIGHT = 20
    WHITE = 21
    IRIS = 22
    FOX = 23
    FOX_SHADE = 24


WALK = [
    "E3F0F0",
    "D8CCB9",
    "C2B5A3",
    "9CC7DB",
    "C8E5EE",
    "B9CF9C",
    "93B383",
    "F7C948",
    "DFA035",
    "A9683F",
    "D9503F",
    "A5353B",
    "FBEBD3",
    "56618F",
    "2E8E9C",
    "86CCC4",
    "FBDDC6",
    "EDBDA4",
    "F39E8C",
    "4B3A50",
    "7A6488",
    "FFFFFF",
    "2F6670",
    "EF8636",
    "C9642B",
]


class Cut(IntEnum):
    """Colors of the cut; 0 is the bare cel."""

    NONE = 0
    FUR = 1
    FUR_LIGHT = 2
    MUZZLE = 3
    EAR = 4
    NOSE = 5
    MOUTH = 6
    TONGUE = 7
    HAT = 8
    BAND = 9
    SHIRT = 10
    STRIPE = 11
    APRON = 12
    POCKET = 13
    PAN = 14
    PAN_LIGHT = 15
    HANDLE = 16
    CAKE = 17
    CRUST = 18
    CRUMB = 19
    BLUSH = 20


CUT = [
    "000000",
    "B8764A",
    "D39A66",
    "FBE6C8",
    "EFA68C",
    "3B2A33",
    "8E2F3A",
    "F0847A",
    "FDF6EA",
    "E0533D",
    "F4EFE6",
    "5B86B5",
    "2F9C8F",
    "F2C14E",
    "57596E",
    "8C90A8",
    "7A4A34",
    "F3C56B",
    "C4813A",
    "FBE8B8",
    "EE9A86",
]
CUT_SHADOW = "B9B4D6"  # laid over the paint, blend mode multiply
