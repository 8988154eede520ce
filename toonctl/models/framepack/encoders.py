"""What FramePack is told: the prompt through Llama and CLIP-L, a key through SigLIP.

Letters: B batch, N text tokens, D text width, P pooled width, M image tokens, E image width, H W pixel size,
S side of SigLIP's square.
"""

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor
from transformers import (
    CLIPTextModel,
    LlamaModel,
    PreTrainedTokenizerBase,
    SiglipVisionModel,
)

from toonctl.models.framepack.sampling import Prompt

TEXT_TOKENS = 256
_CLIP_TOKENS = 77
_LAYERS_LEFT_OUT = 2


@torch.no_grad()
def encode_text(llama: LlamaModel, tokenizer: PreTrainedTokenizerBase, text: str) -> tuple[Tensor, Tensor]:
    """States `[1, N, D]` of a text and their mask `[1, N]`, 1 where real, both on the CPU.

    The text is set into HunyuanVideo's template, whose own tokens are cut off again; the states are those
    two layers below the last.
    """
    # Here only: the pipeline's file holds the template, and pulls in much that nothing else needs.
    from diffusers.pipelines.hunyuan_video.pipeline_hunyuan_video import DEFAULT_PROMPT_TEMPLATE

    start = DEFAULT_PROMPT_TEMPLATE["crop_start"]
    found = tokenizer(
        [DEFAULT_PROMPT_TEMPLATE["template"].format(text)],
        max_length=TEXT_TOKENS + start,
        padding="max_length",
        truncation=True,
        return_tensors="pt",
        return_attention_mask=True,
    )
    device = llama.embed_tokens.weight.device
    ids, mask = found["input_ids"].to(device), found["attention_mask"].to(device)
    layers = llama(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
    states = layers[-(_LAYERS_LEFT_OUT + 1)]
    return states[:, start:].cpu(), mask[:, start:].cpu()


@torch.no_grad()
def encode_pooled(clip: CLIPTextModel, tokenizer: PreTrainedTokenizerBase, text: str) -> Tensor:
    """CLIP's pooled state `[1, P]` of a text, cut to 77 tokens, on the CPU."""
    found = tokenizer(
        [text], max_length=_CLIP_TOKENS, padding="max_length", truncation=True, return_tensors="pt"
    )
    device = next(clip.parameters()).device
    return clip(input_ids=found["input_ids"].to(device)).pooler_output.cpu()


def join(text: tuple[Tensor, Tensor], pooled: Tensor) -> Prompt:
    """The prompt as both encoders read it."""
    return Prompt(text[0], text[1], pooled)


@torch.no_grad()
def encode_image(siglip: SiglipVisionModel, key: Tensor) -> Tensor:
    """Features `[B, M, E]` of a picture `[B, 3, H, W]` in -1..1, on the CPU: SigLIP's last states."""
    weight = next(siglip.parameters())
    pixels = siglip_pixels(key, int(siglip.config.to_dict()["image_size"])).to(weight.device, weight.dtype)
    return siglip(pixel_values=pixels).last_hidden_state.cpu()


def siglip_pixels(key: Tensor, side: int) -> Tensor:
    """SigLIP's input `[B, 3, S, S]` from a picture `[B, 3, H, W]` in -1..1: squashed to a square.

    Bicubic with antialiasing in 8 bits, as its processor resizes; that normalizes to mean and deviation 0.5,
    which is the range the picture has already.
    """
    if key.shape[-2:] == (side, side):
        return key.float()
    levels = ((key.cpu().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    square = F.interpolate(levels, (side, side), mode="bicubic", antialias=True)
    return square.float() / 127.5 - 1
