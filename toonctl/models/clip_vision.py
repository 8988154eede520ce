"""The picture tower of CLIP with its projection, out of a transformers folder."""

from pathlib import Path

from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from toonctl.core.errors import CheckpointError
from toonctl.models.checkpoint import Source, empty_model, load_files, open_weights, read_config
from toonctl.models.keymaps.rules import KeyMap

_TOWER = KeyMap(
    "CLIP",
    (),
    dropped=(
        "text_model.{rest:.*}",
        "text_projection.weight",
        "logit_scale",
        "vision_model.embeddings.position_ids",
    ),
)
"""A folder holds both towers; the other one is left where it is."""


def open_clip_vision(folder: Path) -> CLIPVisionModelWithProjection:
    """The tower with its weights, ready to be called.

    Raises: CheckpointError when the folder is of another network, or incomplete.
    """
    config = read_config(folder)
    try:
        vision = CLIPVisionConfig(
            **{**config["vision_config"], "projection_dim": config.get("projection_dim", 512)}
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"`{folder.name}` is no folder of CLIP: its `config.json` has no `vision_config` to be used"
        raise CheckpointError(what, str(folder), "fetch it again") from error
    model = empty_model(lambda: CLIPVisionModelWithProjection(vision))
    load_files(model, [Source(open_weights(folder), _TOWER)])
    return model.eval()
