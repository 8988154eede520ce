"""One window drawn: both ends as pictures in, all its frames out, in one piece or in tiles.

Letters: f frames, h w picture size, H W of a tensor.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toonctl.core.errors import CheckFailed
from toonctl.core.types import Pixels, Size
from toonctl.engines.inbetween._pictures import Fit
from toonctl.engines.tooncrafter.networks import Networks
from toonctl.engines.tooncrafter.options import Options
from toonctl.models.tooncrafter.sampler import Contexts, Step, ddim_steps, drawn_noise
from toonctl.models.tooncrafter.tiles import Tile, blended, lay_tiles, tiled_velocity
from toonctl.models.tooncrafter.window import Keys, Sampling, for_frames

Look = Callable[[Step], object]
"""Sees every step; raises CheckFailed to end the drawing."""

Watch = Callable[[str, Tensor], Look]
"""The name of a pass and the keys' latents `[1, 4, F, h, w]` -> what looks at its steps."""

_GAIN, _OFFSET = (0.8, 1.25), 32.0
"""How far colors may be corrected: more is no drift but another picture."""


@dataclass(frozen=True, slots=True)
class ClipJob:
    """A window to draw between two pictures RGB `[h, w, 3]`, covering `share` 0..1 of the way of two keys."""

    first: Pixels
    last: Pixels
    n_frames: int
    share: float
    prompt: str
    seed: int


class ClipDrawer:
    """Draws windows with given networks."""

    def __init__(self, networks: Networks, options: Options) -> None:
        self._networks, self._options = networks, options

    def draw(self, job: ClipJob, watch: Watch) -> Pixels:
        """All frames RGB `[f, h, w, 3]`, both ends among them as the network draws them.

        Raises: CheckFailed when a drawing is no picture.
        """
        size = (job.first.shape[1], job.first.shape[0])
        drawn = self._options.drawn_size(size)
        if size == drawn:
            return self._matched(self._whole(job, watch), job)
        fit = Fit(size, drawn)
        small = ClipJob(
            fit.into(job.first), fit.into(job.last), job.n_frames, job.share, job.prompt, job.seed
        )
        frames = self._matched(self._whole(small, watch), small)
        large = np.stack([fit.back(frame) for frame in frames])
        return self._matched(self._redrawn(large, job, drawn, watch), job)

    def _whole(self, job: ClipJob, watch: Watch) -> Pixels:
        """The window in one piece, from pure noise."""
        networks, sampling = self._networks, self._options.sampling(job.share)
        generator = _generator(job.seed, "whole")
        pair = torch.stack([_tensor(job.first), _tensor(job.last)], 1)[None]  # [1, 3, 2, H, W]
        contexts = self._contexts(job, pair[:, :, 0], sampling)
        shape = (1, 4, job.n_frames, *(side // networks.params.vae.downsampling for side in pair.shape[-2:]))
        noise = torch.randn((*shape[:2], 2, *shape[3:]), generator=generator)
        start = torch.randn(shape, generator=generator)
        keys = networks.keys(pair, noise, job.n_frames)
        window = networks.window(sampling)
        draw = drawn_noise(start.shape, generator)
        latents, look = start, watch("whole", keys.beside)
        for step in window.steps(start.to(networks.device), keys=keys, contexts=contexts, draw=draw):
            look(step)
            latents = step.latents
        _refuse_no_numbers(latents)
        with networks.coder():
            return _pixels(window.frames(latents, keys))

    @torch.no_grad()
    def _redrawn(self, frames: Pixels, job: ClipJob, drawn: Size, watch: Watch) -> Pixels:
        """Enlarged `frames` drawn again in tiles of `drawn` size, beginning in the middle of the steps."""
        networks, sampling = self._networks, self._options.sampling(job.share)
        scale, generator = networks.params.vae.downsampling, _generator(job.seed, "tiles")
        overlap = self._options.overlap_px // scale
        pair = torch.stack([_tensor(job.first), _tensor(job.last)], 1)[None]  # [1, 3, 2, H, W]
        size = (pair.shape[-2] // scale, pair.shape[-1] // scale)
        tiles = lay_tiles(size, (drawn[1] // scale, drawn[0] // scale), overlap)
        noise = torch.randn((1, 4, 2, *size), generator=generator)
        start = torch.randn((1, 4, job.n_frames, *size), generator=generator)

        def keys(tile: Tile) -> Keys:
            return networks.keys(tile.of(pair, scale), tile.of(noise), job.n_frames)

        clip = torch.stack([_tensor(frame) for frame in frames])  # [F, 3, H, W]
        coded = ((tile, networks.latents(tile.of(clip, scale))) for tile in tiles)
        clean = blended(coded, size, overlap=overlap)
        # The encoder's maps of all tiles together would fill the card: they are made again for decoding.
        besides = [keys(tile).beside for tile in tiles]
        firsts = torch.cat([tile.of(pair[:, :, 0], scale) for tile in tiles])
        contexts = _each(self._contexts(job, firsts, sampling))
        window = networks.window(sampling)
        velocity = tiled_velocity(
            [
                (tile, window.velocity(Keys(beside, ()), context))
                for tile, beside, context in zip(tiles, besides, contexts, strict=True)
            ],
            size,
            overlap=overlap,
        )
        n_steps = len(window.grid.timesteps)
        skipped = min(round((1 - self._options.redraw) * n_steps), n_steps - 1)
        look = watch("tiles", blended(zip(tiles, besides, strict=True), size, overlap=overlap))
        latents = window.noisy(clean, start, skipped)
        draw = drawn_noise(start.shape, generator)
        for step in ddim_steps(velocity, latents, grid=window.grid, draw=draw, first=skipped):
            look(step)
            latents = step.latents
        _refuse_no_numbers(latents)

        def decoded(tile: Tile) -> Tensor:
            seen = keys(tile)
            with networks.coder():
                return window.frames(tile.of(latents), seen).cpu()

        parts = ((tile, decoded(tile)) for tile in tiles)
        return _pixels(blended(parts, size, overlap=overlap, scale=scale))

    def _contexts(self, job: ClipJob, first_keys: Tensor, sampling: Sampling) -> Contexts:
        contexts = self._networks.contexts(job.prompt, first_keys, sampling)
        if self._options.compat == "upstream" or job.n_frames == self._networks.n_frames:
            return contexts
        return for_frames(contexts, job.n_frames)

    def _matched(self, frames: Pixels, job: ClipJob) -> Pixels:
        return match_colors(frames, (job.first, job.last)) if self._options.match_colors else frames


def match_colors(frames: Pixels, ends: tuple[Pixels, Pixels]) -> Pixels:
    """`frames` `[f, h, w, 3]` with the colors that take the drawn ends nearest to the true `ends`.

    Per channel a gain and an offset, those of the two ends passing into each other over the frames.
    """
    (gain, offset), (last_gain, last_offset) = (
        _fit_colors(drawn, true) for drawn, true in zip((frames[0], frames[-1]), ends, strict=True)
    )
    share = np.linspace(0, 1, len(frames), dtype=np.float32)[:, None, None, None]
    gains, offsets = gain + share * (last_gain - gain), offset + share * (last_offset - offset)
    return np.clip(np.rint(frames * gains + offsets), 0, 255).astype(np.uint8)


def _fit_colors(drawn: Pixels, true: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gain and offset by channel `[3]`, least squares, within what counts as drift."""
    x, y = (picture.reshape(-1, 3).astype(np.float32) for picture in (drawn, true))
    spread = x.var(0)
    gain = ((x - x.mean(0)) * (y - y.mean(0))).mean(0) / np.maximum(spread, 1)
    # A flat channel says nothing of contrast.
    gain = np.clip(np.where(spread > 1, gain, 1), *_GAIN)
    return gain, np.clip(y.mean(0) - gain * x.mean(0), -_OFFSET, _OFFSET)


def _each(contexts: Contexts) -> list[Contexts]:
    """One clip's contexts after the other."""
    full, empty, image = contexts.full, contexts.empty, contexts.image_only
    return [
        Contexts(
            full[i : i + 1],
            None if empty is None else empty[i : i + 1],
            None if image is None else image[i : i + 1],
        )
        for i in range(len(full))
    ]


def _generator(seed: int, part: str) -> torch.Generator:
    digest = hashlib.sha256(f"{seed} {part}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def _tensor(picture: Pixels) -> Tensor:
    """RGB `[h, w, 3]` as `[3, H, W]` in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).float() / 127.5 - 1


def _pixels(frames: Tensor) -> Pixels:
    """`[1, 3, F, H, W]`, about -1..1, as RGB `[f, h, w, 3]`."""
    levels = ((frames[0].clamp(-1, 1) + 1) * 127.5).round()
    return np.ascontiguousarray(levels.permute(1, 2, 3, 0).to(torch.uint8).cpu().numpy())


def _refuse_no_numbers(latents: Tensor) -> None:
    if not bool(latents.isfinite().all()):
        hint = 'set `dtype = "bf16"` in `[engine]`, or take guidance nearer to 5'
        raise CheckFailed("the drawing broke off: its latents are no numbers", "engine", hint)
