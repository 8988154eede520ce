"""Names in the published files that FramePack needs against those of diffusers and transformers 5.

Sources: `lllyasviel/FramePackI2V_HY` (its names are diffusers' own), `vae`, `text_encoder` and
`text_encoder_2` of `hunyuanvideo-community/HunyuanVideo`, `image_encoder` of `lllyasviel/flux_redux_bfl`.
"""

from toonctl.models.keymaps.rules import KeyMap, Rule

TRANSFORMER = KeyMap("FramePack transformer", ())

VAE = KeyMap("HunyuanVideo VAE", ())

LLAMA = KeyMap(
    "Llama of HunyuanVideo",
    (Rule("model.{rest:.+}", "{rest}"),),
    dropped=("lm_head.weight", "{rest:.*}rotary_emb.inv_freq"),
)
"""A file of the whole language model has `model.` before every name, and a head that nothing here uses."""

CLIP_TEXT = KeyMap(
    "CLIP-L text tower of HunyuanVideo",
    (Rule("text_model.{rest:.+}", "{rest}"),),
    dropped=("{rest:.*}embeddings.position_ids", "text_projection.weight"),
)
"""Names of transformers 5, which leaves out the `text_model.` of its earlier files."""

SIGLIP = KeyMap(
    "SigLIP image tower",
    (Rule("vision_model.{rest:.+}", "{rest}"),),
    dropped=("{rest:.*}embeddings.position_ids",),
)
