"""A SentencePiece vocabulary read without its library: pieces, blanks, normalization, faults."""

import pytest

from engines.longanimation.weights import spiece
from toonctl.core.errors import CheckpointError
from toonctl.models.sentencepiece import unigram_tokenizer

PIECES = ["▁", "a", "b", "o", "y", "▁boy", "▁a"]


def test_the_likeliest_pieces_win_and_the_end_follows() -> None:
    tokenizer = unigram_tokenizer(spiece(PIECES), name="spiece.model")
    ids = {piece: 3 + place for place, piece in enumerate(PIECES)}
    assert tokenizer.encode("a boy").ids == [ids["▁a"], ids["▁boy"], 1]
    assert tokenizer.encode("  a \n boy ").ids == tokenizer.encode("a boy").ids
    assert tokenizer.encode("").ids == [1]
    assert tokenizer.encode("boz").ids == [ids["▁"], ids["b"], ids["o"], 2, 1]


@pytest.mark.parametrize("data", [b"", b"\x00" * 40, b"PK\x03\x04 not this", spiece(PIECES)[:20]])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError, match="SentencePiece"):
        unigram_tokenizer(data, name="spiece.model")
