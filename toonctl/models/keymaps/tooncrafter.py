"""Names in ToonCrafter's published file (`model.ckpt`) against ours, the whole model in one map.

The denoiser, the coder and the image projection keep the published names behind a prefix; the CLIP towers are
open_clip's there and transformers' here. Tensors that nothing reads are named, not skipped by guess.
"""

from toonctl.models.keymaps.rules import KeyMap, Rule

TABLES = (
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
    "scale_arr",
)
"""Stored tables of the noise schedule; ours are computed, and compared with these."""

_TEXT, _BOTH = "cond_stage_model.model", "embedder.model"


def _tower(published: str, ours: str) -> tuple[Rule, ...]:
    """A CLIP tower's layers; open_clip keeps queries, keys and values in one tensor."""
    block, layer = f"{published}.transformer.resblocks.{{n}}", f"{ours}.encoder.layers.{{n}}"
    return (
        Rule(f"{block}.ln_{{p:1|2}}.{{w}}", f"{layer}.layer_norm{{p}}.{{w}}"),
        Rule(f"{block}.attn.in_proj_{{w}}", tuple(f"{layer}.self_attn.{part}_proj.{{w}}" for part in "qkv")),
        Rule(f"{block}.attn.out_proj.{{w}}", f"{layer}.self_attn.out_proj.{{w}}"),
        Rule(f"{block}.mlp.c_fc.{{w}}", f"{layer}.mlp.fc1.{{w}}"),
        Rule(f"{block}.mlp.c_proj.{{w}}", f"{layer}.mlp.fc2.{{w}}"),
    )


def tooncrafter_map(n_text_layers: int = 24) -> KeyMap:
    """The rules of a file whose text tower stores `n_text_layers` layers; its last one is never run."""
    vision = f"{_BOTH}.visual"
    return KeyMap(
        "ToonCrafter",
        (
            Rule("model.diffusion_model.{rest:.+}", "unet.{rest}"),
            Rule("first_stage_model.{rest:.+}", "vae.{rest}"),
            Rule("image_proj_model.{rest:.+}", "resampler.{rest}"),
            Rule(f"{vision}.class_embedding", "vision.embeddings.class_embedding"),
            Rule(f"{vision}.positional_embedding", "vision.embeddings.position_embedding.weight"),
            Rule(f"{vision}.conv1.weight", "vision.embeddings.patch_embedding.weight"),
            Rule(f"{vision}.ln_pre.{{w}}", "vision.pre_layrnorm.{w}"),
            Rule(f"{vision}.ln_post.{{w}}", "vision.post_layernorm.{w}"),
            *_tower(vision, "vision"),
            Rule(f"{_TEXT}.positional_embedding", "text.embeddings.position_embedding.weight"),
            Rule(f"{_TEXT}.token_embedding.weight", "text.embeddings.token_embedding.weight"),
            Rule(f"{_TEXT}.ln_final.{{w}}", "text.final_layer_norm.{w}"),
            *_tower(_TEXT, "text"),
        ),
        dropped=(
            *TABLES,
            f"{_TEXT}.transformer.resblocks.{n_text_layers - 1}.{{rest:.+}}",
            f"{_TEXT}.{{end:text_projection|logit_scale}}",
            f"{vision}.proj",
            # What is left of a second text tower, without its layers.
            f"{_BOTH}.{{end:positional_embedding|text_projection|logit_scale}}",
            f"{_BOTH}.token_embedding.weight",
            f"{_BOTH}.ln_final.{{w}}",
        ),
    )


TOONCRAFTER = tooncrafter_map()


def plain_name(key: str) -> str:
    """The published name of a file's `key`: without the lead DeepSpeed writes, 256-pixel spelling mended."""
    return key.removeprefix("_forward_module.").replace("framestride_embed.", "fps_embedding.")
