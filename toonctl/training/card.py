"""What a file of trained weights says of itself."""

import json
from pathlib import PurePath

from toonctl.spec.table import Table


def card(recipe: Table, step: int) -> dict[str, str]:
    """Metadata of a weights file: the recipe as JSON and the step reached.

    Of paths only the last name stays: weights travel, and folders of the training host concern nobody.
    """
    values = {
        key: PurePath(value).name if isinstance(value, str) and "/" in value else value
        for key, value in recipe.model_dump(mode="json").items()
    }
    return {"recipe": json.dumps(values), "step": str(step)}
