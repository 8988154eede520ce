"""A SentencePiece vocabulary (`spiece.model`) as a tokenizer, without the library that made it.

The file is a protocol buffer. Read of it: pieces with their scores and kinds, the unknown piece, and the
table that normalizes characters. Unigram language model: arXiv 1804.10959.
"""

import struct
from collections.abc import Iterator

from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from toonctl.core.errors import CheckpointError

_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_PIECE, _SCORE = 1, 2
_MODEL_TYPE, _UNIGRAM = 3, 1
_CHARSMAP = 2
_END, _UNKNOWN = "</s>", "<unk>"

Field = tuple[int, int | bytes]
"""Number and value of one field; numbers of fixed width stay bytes."""


def unigram_tokenizer(data: bytes, *, name: str) -> Tokenizer:
    """The tokenizer of a `spiece.model` as T5 uses it: blanks made one, the end token after every text.

    Raises: CheckpointError when the bytes are no such vocabulary.
    """
    try:
        fields = list(_fields(data))
        vocabulary = [_piece(value) for number, value in fields if number == _PIECES]
        kinds = [dict(_fields(_bytes(value))).get(_MODEL_TYPE) for n, value in fields if n == _TRAINER]
        charsmaps = [dict(_fields(_bytes(value))).get(_CHARSMAP) for n, value in fields if n == _NORMALIZER]
        places = {piece: place for place, (piece, _) in enumerate(vocabulary)}
        tokenizer = Tokenizer(Unigram(vocabulary, unk_id=places[_UNKNOWN], byte_fallback=False))
        end = places[_END]
    except (ValueError, KeyError, IndexError, struct.error) as error:
        what = f"`{name}` is not a SentencePiece vocabulary"
        raise CheckpointError(what, name, "fetch the tokenizer's folder again") from error
    if any(kind not in (None, _UNIGRAM) for kind in kinds):
        raise CheckpointError(f"`{name}` is no unigram vocabulary", name, "name the published tokenizer")
    charsmap = next((value for value in charsmaps if isinstance(value, bytes) and value), None)
    if charsmap is not None:
        tokenizer.normalizer = normalizers.Precompiled(charsmap)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", _END], pair=["$A", _END, "$B", _END], special_tokens=[(_END, end)]
    )
    return tokenizer


def _piece(value: int | bytes) -> tuple[str, float]:
    fields = dict(_fields(_bytes(value)))
    (score,) = struct.unpack("<f", _bytes(fields.get(_SCORE, b"\0\0\0\0")))
    return _bytes(fields[_PIECE]).decode(), score


def _fields(data: bytes) -> Iterator[Field]:
    """The fields of a protocol buffer message. Raises: ValueError when it is cut off or none."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _number(data, at)
        elif kind in (1, 2, 5):
            length, at = _number(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
            value, at = data[at : at + length], at + length
        else:
            raise ValueError(f"a field of kind {kind}")
        if at > len(data):
            raise ValueError("cut off")
        yield tag >> 3, value


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    value = shift = 0
    while data[at] & 128:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where text was expected")
    return value
