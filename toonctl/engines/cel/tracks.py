"""One color for a region as long as it can be followed.

Drawing by drawing, a region near a tie would change its color back and forth. Where a region and one of the
drawing before take each other for the same, they are links of a track; the track decides as a whole, and what
the segment before decided has its say. Letters: n regions of a drawing, T tracks, K colors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toonctl.engines.cel.evidence import Evidence, agreement, log_share, normalized, score
from toonctl.engines.cel.memory import MemoryItem

_SURE_LINK = 0.7
_DISTANT_SHARE = 0.5
_WORD_OF_BEFORE = 8.0
"""Chosen offline on the first 60 to 120 frames of ten development shots; foreground, regions, and tracks that
change color. With weights of 8,450 steps: no tracks .926, .803, .106; link .8, distant .5, before 8 .930,
.808, .003; in segments of 16 with distant 0 .929, .803, .017, and with before 1 .925, .802, .030. With the
shipped weights: link .8 .922, .822, .003; link .7 .923, .824, .002; before 12 the same."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The evidence on one drawing: of references, of the bank, and of the drawings before and after it."""

    references: tuple[Evidence, ...]
    bank: tuple[Evidence, ...]
    before: Evidence | None
    after: Evidence | None = None

    @property
    def all(self) -> tuple[Evidence, ...]:
        """Every piece of it."""
        return (*self.references, *self.bank, *(e for e in (self.before, self.after) if e is not None))

    def and_back(self, after: Evidence) -> "Heard":
        """The same with what the drawing after it says."""
        return replace(self, after=after)


def agree(
    items: Sequence[MemoryItem], heard: Sequence[Heard], start: tuple[MemoryItem, Evidence] | None
) -> list[MemoryItem]:
    """The items of a segment with one belief for every track.

    `start` is the drawing the segment comes from, and what its first drawing says of it.
    """
    tracks, n_tracks = _follow(items, heard, start)
    n_colors = items[0].belief.shape[1]
    total, words = np.zeros((n_tracks, n_colors)), np.zeros((n_tracks, 1))
    if start is not None:
        n = start[0].view.n
        total[:n], words[:n] = _WORD_OF_BEFORE * log_share(start[0].belief), _WORD_OF_BEFORE
    for item, known, track in zip(items, heard, tracks, strict=True):
        distant = sum(score(e) for e in (*known.references, *known.bank))
        np.add.at(total, track, log_share(item.belief) + _DISTANT_SHARE * distant)
        np.add.at(words, track, 1)
    belief = normalized(total / np.maximum(words, 1)).astype(np.float32)
    confidence = _confidence(belief, heard, tracks, start)
    return [
        replace(item, belief=belief[track], confidence=confidence[track])
        for item, track in zip(items, tracks, strict=True)
    ]


def _follow(
    items: Sequence[MemoryItem], heard: Sequence[Heard], start: tuple[MemoryItem, Evidence] | None
) -> tuple[list[NDArray[np.int64]], int]:
    """The track of every region, and how many there are; the first are those of `start`."""
    n_tracks = start[0].view.n if start is not None else 0
    before = np.arange(n_tracks)
    seen_from_before = start[1] if start is not None else None
    tracks: list[NDArray[np.int64]] = []
    for item, known in zip(items, heard, strict=True):
        track = np.full(item.view.n, -1, np.int64)
        if known.before is not None and seen_from_before is not None and len(before):
            link = known.before.nearest
            is_mutual = (link >= 0) & (seen_from_before.nearest[link] == np.arange(item.view.n))
            is_sure = (known.before.nearest_share > _SURE_LINK) & (
                seen_from_before.nearest_share[link] > _SURE_LINK
            )
            track = np.where(is_mutual & is_sure, before[link], -1)
        is_new = track < 0
        track[is_new] = n_tracks + np.arange(int(is_new.sum()))
        n_tracks += int(is_new.sum())
        tracks.append(track)
        before, seen_from_before = track, known.after
    return tracks, n_tracks


def _confidence(
    belief: NDArray[np.float32],
    heard: Sequence[Heard],
    tracks: Sequence[NDArray[np.int64]],
    start: tuple[MemoryItem, Evidence] | None,
) -> NDArray[np.float32]:
    """How far to trust each track's color, `[T]`.

    The geometric mean of how far all evidence along the track agrees, and how far the references do by
    themselves: a chain of neighbors that repeat one guess is no proof of it.
    """
    agreed, by_reference = np.zeros(len(belief)), np.zeros(len(belief))
    words, lengths = np.zeros(len(belief)), np.zeros(len(belief))
    if start is not None:
        n = start[0].view.n
        agreed[:n], words[:n] = _WORD_OF_BEFORE * start[0].confidence, _WORD_OF_BEFORE
    colors = belief.argmax(1)
    for known, track in zip(heard, tracks, strict=True):
        all_agree = _mean_agreement(known.all, colors[track])
        support = _mean_agreement(known.references, colors[track]) if known.references else all_agree
        np.add.at(agreed, track, all_agree)
        np.add.at(words, track, 1)
        np.add.at(by_reference, track, support)
        np.add.at(lengths, track, 1)
    product = agreed / np.maximum(words, 1) * by_reference / np.maximum(lengths, 1)
    return np.sqrt(product).astype(np.float32)


def _mean_agreement(found: Sequence[Evidence], colors: NDArray[np.int64]) -> NDArray[np.float64]:
    total = sum(e.weight for e in found)
    return np.asarray(sum(e.weight * agreement(e, colors) for e in found) / total, np.float64)
