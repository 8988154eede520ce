"""Draws windows of ToonCrafter between the first and the last picture of a clip, for comparing weights."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toonctl.models.tooncrafter.model import ToonCrafter
    from toonctl.pipelines._verify_weights import Drawn


class WindowDrawer:
    """Draws with one set of weights; `size` is width and height in pixels, multiples of 8."""

    def __init__(self, model: "ToonCrafter", size: tuple[int, int], n_steps: int) -> None:
        from toonctl.models.tooncrafter.tokenizer import PromptTokenizer

        self.model, self.size, self.n_steps = model, size, n_steps
        self.tokenizer = PromptTokenizer(
            files("toonctl.weights").joinpath("clip_bpe_merges.txt.gz").read_bytes()
        )

    def draw(self, paths: Sequence[Path], *, seed: int) -> "Drawn":
        """The frames between the keys, with the true ones where they fall on a frame of the window."""
        import torch

        from toonctl.pipelines._verify_weights import Drawn
        from toonctl.training.tooncrafter_data import read_fit

        pictures = [read_fit(path, self.size) for path in paths]
        n_frames = self.model.params.resampler.n_frames
        with torch.inference_mode():
            frames = self._window(pictures[0], pictures[-1], n_frames, torch.Generator().manual_seed(seed))
        truths = [((picture + 1) / 2).permute(1, 2, 0).numpy() for picture in pictures[1:-1]]
        if not truths:
            return Drawn(frames[1:-1], [])
        places = [round(i * (n_frames - 1) / (len(truths) + 1)) for i in range(1, len(truths) + 1)]
        return Drawn([frames[place] for place in places], truths)

    def _window(self, first: Any, last: Any, n_frames: int, generator: Any) -> list[Any]:
        import torch

        from toonctl.models.tooncrafter.sampler import drawn_noise
        from toonctl.models.tooncrafter.window import Sampling, Window, encode_context, encode_keys

        model, sampling = self.model, Sampling(n_steps=self.n_steps)
        device = next(model.parameters()).device
        vision, text = model.clip
        keys = torch.stack([first, last], 1)[None].to(device)  # [1, 3, 2, H, W]
        contexts = encode_context(
            text,
            (vision, model.resampler),
            ids=self.tokenizer([""]).to(device),
            empty_ids=self.tokenizer([""]).to(device),
            first_key=keys[:, :, 0],
            guidance=sampling.guidance,
        )
        height, width = (side // 8 for side in first.shape[1:])
        noise = torch.randn((1, 4, 2, height, width), generator=generator)
        seen = encode_keys(model.vae, keys, noise, n_frames=n_frames)
        window = Window(model.unet, model.vae, sampling)
        start = torch.randn((1, 4, n_frames, height, width), generator=generator)
        draw = drawn_noise(start.shape, generator)
        *_, last_step = window.steps(start.to(device), keys=seen, contexts=contexts, draw=draw)
        frames = window.frames(last_step.latents, seen)[0].clamp(-1, 1)  # [3, F, H, W]
        return list(((frames + 1) / 2).permute(1, 2, 3, 0).cpu().numpy())
