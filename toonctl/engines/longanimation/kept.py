"""What a film leaves on disk as it goes, so that a farm task or a resumed run goes on from there."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from toonctl.engines.base import StateStore
from toonctl.models.longanimation.sampling import SampledSegment
from toonctl.models.longanimation.state import FilmState, load_state, save_state

_LATENTS, _TAIL, _VALUE = "latents", "tail.", "value"


@dataclass(frozen=True, slots=True)
class FilmStore:
    """Memory after a segment, its latents, its features, and encoded texts; by number, or by digest."""

    store: StateStore
    device: torch.device

    def memory(self, number: int) -> FilmState | None:
        """What segment `number` left to the next one; None when nothing usable is there."""
        data = self.store.get(_memory_name(number))
        return None if data is None else load_state(data, segment=number, device=self.device)

    def keep_memory(self, state: FilmState) -> None:
        self.store.put(_memory_name(state.segment), save_state(state))

    def sampled(self, number: int) -> SampledSegment | None:
        """Segment `number` as it was sampled; None when nothing usable is there."""
        tensors = self._tensors(f"latents_{number}")
        if _LATENTS not in tensors:
            return None
        tails = {int(key.removeprefix(_TAIL)): t for key, t in tensors.items() if key.startswith(_TAIL)}
        return SampledSegment(tensors[_LATENTS], tails)

    def keep_sampled(self, number: int, segment: SampledSegment) -> None:
        tails = {f"{_TAIL}{step}": tail for step, tail in segment.tails.items()}
        self._put(f"latents_{number}", {_LATENTS: segment.latents, **tails})

    def features(self, number: int) -> Tensor | None:
        """What the video understanding model saw of the frames of segment `number`."""
        return self._tensors(f"features_{number}").get(_VALUE)

    def keep_features(self, number: int, features: Tensor) -> None:
        self._put(f"features_{number}", {_VALUE: features})

    def text(self, text: str) -> Tensor | None:
        """The features of a text."""
        return self._tensors(_text_name(text)).get(_VALUE)

    def keep_texts(self, texts: Sequence[str], features: Sequence[Tensor]) -> None:
        for text, value in zip(texts, features, strict=True):
            self._put(_text_name(text), {_VALUE: value})

    def _tensors(self, name: str) -> Mapping[str, Tensor]:
        data = self.store.get(f"{name}.safetensors")
        if data is None:
            return {}
        try:
            return {key: tensor.to(self.device) for key, tensor in load(data).items()}
        except (SafetensorError, ValueError):
            return {}  # cut off on a full disk: it is made again

    def _put(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        data = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        self.store.put(f"{name}.safetensors", save(data))


def _memory_name(number: int) -> str:
    return f"memory_{number}.safetensors"


def _text_name(text: str) -> str:
    return f"text_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
