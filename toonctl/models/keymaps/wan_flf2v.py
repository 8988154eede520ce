"""Names in the published first-last-frame files of Wan 2.1 against those of diffusers."""

from toonctl.models.keymaps.rules import KeyMap, Rule
from toonctl.models.keymaps.tooncomposer import TRANSFORMER as WAN

TRANSFORMER = KeyMap(
    "Wan 2.1 first-last-frame transformer",
    (Rule("img_emb.emb_pos", "condition_embedder.image_embedder.pos_embed"), *WAN.rules),
    dropped=("blocks.{n}.attn2.norm_added_q.weight",),
)
"""The rules of ToonComposer's base, and the places of both pictures' tokens."""
