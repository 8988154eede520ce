"""Make a contact sheet of what is drawn so far: references, first, last and key drawings of every layer."""

from toonctl.cli._finishing import FinishingOptions, run_finishing
from toonctl.cli._options import takes


@takes(FinishingOptions)
def run(options: FinishingOptions) -> None:
    from toonctl.pipelines import contact

    run_finishing("contact", options, contact.run)
