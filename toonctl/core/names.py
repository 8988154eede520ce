"""Shot and layer names are one path component each, since folders and files are named by them."""

from unicodedata import normalize

MAX_NAME_BYTES = 120


def composed(name: str) -> str:
    """`name` as every system spells it: some take letters and their accents apart."""
    return normalize("NFC", name)


def name_fault(name: str) -> str | None:
    """What keeps `name` from being one path component (`contains "/"`), None when it is usable."""
    if not name.strip():
        return "is empty"
    if name in (".", ".."):
        return "is not a name"
    for character in name:
        if character in "/\\":
            return f"contains `{character}`"
        if ord(character) < 32 or 127 <= ord(character) < 160:
            return f"contains the control character U+{ord(character):04X}"
    try:
        n_bytes = len(name.encode())
    except UnicodeEncodeError:
        return "contains half a character"
    if n_bytes > MAX_NAME_BYTES:
        return f"is {n_bytes} bytes long, {MAX_NAME_BYTES} are allowed"
    return None
