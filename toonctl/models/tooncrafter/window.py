"""One window of ToonCrafter: two keys and a prompt in, the frames between them out.

The parts run one after the other, so that the caller can free an encoder before the denoiser begins:
`encode_context`, `encode_keys`, then `Window`.
Letters: b clips, f frames, c channels, h w latent size, l tokens.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from einops import rearrange
from torch import Tensor

from toonctl.models.tooncrafter.clip import TextEncoder, VisionEncoder
from toonctl.models.tooncrafter.params import IMAGE_TOKENS_PER_FRAME, TEXT_TOKENS
from toonctl.models.tooncrafter.resampler import Resampler
from toonctl.models.tooncrafter.sampler import Contexts, Guidance, Step, ddim_steps, guided_velocity
from toonctl.models.tooncrafter.schedule import Noising, Spacing, grid
from toonctl.models.tooncrafter.unet import UNet
from toonctl.models.tooncrafter.vae import Vae

Velocity = Callable[[Tensor, Tensor], Tensor]
"""The guided velocity of noisy latents `[B, 4, F, h, w]` at timesteps `[B]`."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a window is drawn; the defaults are those of the published script.

    `frame_stride` 5..30 is the "FPS" control: smaller is larger motion; None is the model's own default.
    After `guided_share` 0..1 of the steps the conditional pass runs alone.
    """

    n_steps: int = 50
    spacing: Spacing = Spacing.TRAILING
    eta: float = 1.0
    guidance: Guidance = field(default_factory=Guidance)
    frame_stride: int | None = 10
    guided_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of every clip as the denoiser and the decoder see them.

    `beside` `[B, 4, F, h, w]` lies beside the noisy latents, zero but for the first and the last frame;
    `references` are the encoder's maps, `[B, C, 2, H, W]` each.
    """

    beside: Tensor
    references: tuple[Tensor, ...]


def encode_context(
    text: TextEncoder,
    image: tuple[VisionEncoder, Resampler],
    *,
    ids: Tensor,
    empty_ids: Tensor,
    first_key: Tensor,
    guidance: Guidance,
) -> Contexts:
    """The contexts `[B, 77 + L, C]` that `guidance` needs.

    ids `[B, 77]` of the prompts, empty_ids `[1, 77]` of the empty prompt, first_key `[B, 3, H, W]` in -1..1.
    The unguided picture is all zeros, that is mid grey.
    """
    prompt, tokens = text.features(ids), _image_tokens(image, first_key)
    full = torch.cat([prompt, tokens], 1)
    if not guidance.is_guided:
        return Contexts(full)
    nothing = text.features(empty_ids).expand_as(prompt)
    grey = _image_tokens(image, torch.zeros_like(first_key[:1])).expand_as(tokens)
    empty = torch.cat([nothing, grey], 1)
    with_image = torch.cat([nothing, tokens], 1) if guidance.image_scale is not None else None
    return Contexts(full, empty, with_image)


def for_frames(contexts: Contexts, n_frames: int) -> Contexts:
    """The contexts of a clip of another length than the network's own: every frame the tokens nearest to it.

    As they come, tokens of another number of frames would be shown whole to every frame.
    """

    def fitted(context: Tensor) -> Tensor:
        n_known = (context.shape[1] - TEXT_TOKENS) // IMAGE_TOKENS_PER_FRAME
        nearest = [round(f * (n_known - 1) / max(1, n_frames - 1)) for f in range(n_frames)]
        tokens = context[:, TEXT_TOKENS:].unflatten(1, (n_known, IMAGE_TOKENS_PER_FRAME))[:, nearest]
        return torch.cat([context[:, :TEXT_TOKENS], tokens.flatten(1, 2)], 1)

    full, *others = contexts.full, contexts.empty, contexts.image_only
    return Contexts(fitted(full), *(None if each is None else fitted(each) for each in others))


def _image_tokens(image: tuple[VisionEncoder, Resampler], pictures: Tensor) -> Tensor:
    vision, resampler = image
    return resampler(vision.tokens(pictures))


def encode_keys(vae: Vae, keys: Tensor, noise: Tensor, *, n_frames: int) -> Keys:
    """The keys `[B, 3, 2, H, W]` in -1..1, first and last; latents drawn with `noise` `[B, 4, 2, h, w]`.

    Only these two pictures are encoded: the sixteen of the published script are copies of them.
    """
    pictures = rearrange(keys, "b c l h w -> (b l) c h w").to(vae.dtype)
    encoded = vae.encode(pictures)
    flat = rearrange(noise, "b c l h w -> (b l) c h w").to(encoded.mean)
    latents = vae.scaled_latents(encoded, flat, n_frames=2).float()
    beside = latents.new_zeros(*latents.shape[:2], n_frames, *latents.shape[3:])
    beside[:, :, 0], beside[:, :, -1] = latents[:, :, 0], latents[:, :, 1]
    return Keys(beside, encoded.references(2))


class Window:
    """Draws the frames between two keys with a denoiser and a coder, in whatever precision they are."""

    def __init__(self, unet: UNet, vae: Vae, sampling: Sampling) -> None:
        self.unet, self.vae, self.sampling = unet, vae, sampling
        self.grid = grid(sampling.n_steps, spacing=sampling.spacing, eta=sampling.eta)

    def velocity(self, keys: Keys, contexts: Contexts) -> Velocity:
        """The guided velocity of a clip with these keys."""
        stride = self.sampling.frame_stride
        dtype = self.unet.dtype

        def denoise(latents: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
            seen = torch.cat([latents, keys.beside.to(latents)], 1).to(dtype)
            strides = None if stride is None else torch.full_like(timestep, stride)
            return self.unet(seen, timestep, context.to(dtype), frame_stride=strides)

        n_guided = round(self.sampling.guided_share * len(self.grid.timesteps))
        guided = set(self.grid.timesteps.flip(0)[:n_guided].tolist())

        def velocity(latents: Tensor, timestep: Tensor) -> Tensor:
            is_guided = int(timestep[0]) in guided
            guidance = self.sampling.guidance if is_guided else Guidance(1.0)
            return guided_velocity(denoise, latents, timestep, contexts, guidance)

        return velocity

    @torch.inference_mode()
    def steps(
        self, start: Tensor, *, keys: Keys, contexts: Contexts, draw: Callable[[int], Tensor]
    ) -> Iterator[Step]:
        """Every step from pure noise `start` `[B, 4, F, h, w]`; `draw(i)` is the i-th step's fresh noise."""
        yield from ddim_steps(self.velocity(keys, contexts), start, grid=self.grid, draw=draw)

    def noisy(self, latents: Tensor, noise: Tensor, first: int) -> Tensor:
        """Clean latents `[B, 4, F, h, w]` as the steps from `first` on want to begin with them."""
        noising = Noising.published()
        timestep = self.grid.timesteps[-1 - first].to(latents.device).expand(len(latents))
        return noising.noisy(noising.rescaled(latents, timestep), noise.to(latents), timestep)

    @torch.inference_mode()
    def frames(self, latents: Tensor, keys: Keys) -> Tensor:
        """Frames `[B, 3, F, H, W]` float32, about -1..1, each clip decoded with its own keys.

        The two middle frames come from a second decoding without the neighbors of the keys, as published: the
        decoder pulls frames towards the keys, and these two lie furthest from both.
        """
        clips = [
            self._clip(clip[None], [reference[i : i + 1] for reference in keys.references])
            for i, clip in enumerate(latents)
        ]
        return torch.cat(clips)

    def _clip(self, latents: Tensor, references: list[Tensor]) -> Tensor:
        latents = latents.to(self.vae.dtype)
        frames = self.vae.decode(latents, references).float()
        n_frames = latents.shape[2]
        if n_frames < 4:  # nothing lies between the keys' neighbors
            return frames
        kept = [i for i in range(n_frames) if i not in (1, n_frames - 2)]
        apart = self.vae.decode(latents[:, :, kept], references).float()
        half = n_frames // 2
        frames[:, :, half - 1 : half + 1] = apart[:, :, half - 2 : half]
        return frames
