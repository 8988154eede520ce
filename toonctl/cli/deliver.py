"""Finish a shot that was drawn in chunks: sheet, palette, PSD, movies, previews, manifest.

Every frame must be there; what is missing is named. Give the options that the chunks were drawn with.
"""

from toonctl.cli._finishing import FinishingOptions, run_finishing
from toonctl.cli._options import takes


@takes(FinishingOptions)
def run(options: FinishingOptions) -> None:
    from toonctl.pipelines import deliver

    run_finishing("deliver", options, deliver.run)
