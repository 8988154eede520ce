"""Names in LongAnimation's published files, and in those it stands on, against ours.

Sources: `control_module.safetensors`, `glm_module.safetensors` (CNcreator0331/LongAnimation), `transformer/`
(CogVideoX1.5-5B-I2V), `VideoXL_weight_8/` (sy1998/Video_XL), `sk_model.pth` (lllyasviel/Annotators).
"""

from toonctl.models.keymaps.rules import KeyMap, Rule

PREFIXES = ("module.", "transformer_control.", "glm.")
"""Leads that trainers put before every key of a file; one that all keys share is taken off."""

SKETCH_DIT = KeyMap("LongAnimation control module", ())
"""The names are diffusers' own, and so are ours."""

BASE = KeyMap("CogVideoX 1.5 5B I2V transformer", ())

DGLM = KeyMap(
    "LongAnimation memory module",
    (
        Rule("{side:key|value}_mapping_{n}.{rest:.+}", "layers.{n}.{side}_mapping.{rest}"),
        Rule("layers.{n}.0.{rest:.+}", "layers.{n}.attention.{rest}"),
        Rule("layers.{n}.1.{rest:.+}", "layers.{n}.feed_forward.{rest}"),
    ),
)


def lvu(n_layers: int) -> KeyMap:
    """The map of Video-XL's language model, of whose layer `n_layers` only keys and values are read."""
    last = f"model.layers.{n_layers - 1}."
    return KeyMap(
        "Video-XL language model",
        (
            Rule("model.embed_tokens.weight", "embed_tokens.weight"),
            Rule("model.beacon_embed_tokens.weight", "beacon_embed_tokens.weight"),
            Rule("model.layers.{n}.{rest:.+}", "layers.{n}.{rest}"),
        ),
        dropped=(
            "lm_head.weight",
            "model.norm.weight",
            f"{last}self_attn.{{p:q_proj|o_proj|beacon_q_proj}}.{{w}}",
            f"{last}mlp.{{rest:.+}}",
            f"{last}post_attention_layernorm.weight",
            "model.vision_tower.{rest:.+}",
            "model.mm_projector.{rest:.+}",
        ),
    )


FRAME_READER = KeyMap(
    "Video-XL vision tower and projector",
    (
        Rule("model.vision_tower.vision_tower.vision_model.{rest:.+}", "vision_tower.{rest}"),
        Rule("model.mm_projector.{rest:.+}", "mm_projector.{rest}"),
        # The file of openai/clip-vit-large-patch14-336, where Video-XL's shards hold no tower.
        Rule("vision_model.{rest:.+}", "vision_tower.{rest}"),
    ),
    dropped=(
        "lm_head.weight",
        "model.embed_tokens.weight",
        "model.beacon_embed_tokens.weight",
        "model.norm.weight",
        "model.layers.{rest:.+}",
        "text_model.{rest:.+}",
        "text_projection.weight",
        "visual_projection.weight",
        "logit_scale",
        "{rest:.*}position_ids",
    ),
)

TEXT_ENCODER = KeyMap(
    "T5 text encoder",
    (),
    # One table of words, stored under two names by some programs.
    dropped=("encoder.embed_tokens.weight",),
)

LINE_EXTRACTOR = KeyMap("line extractor", ())
