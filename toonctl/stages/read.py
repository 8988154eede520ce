"""From the shot file to the art it names: every file found, probed and hashed, next to nothing decoded."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from toonctl.core.art import Art, LayerRole
from toonctl.spec.shot import ShotSpec
from toonctl.stages.cel_parts import ReadOptions
from toonctl.stages.findings import Findings
from toonctl.stages.psd_layers import read_layers
from toonctl.stages.roles import RolePatterns

if TYPE_CHECKING:
    from toonctl.spec.colorize_long import ColorizeLongSpec
    from toonctl.spec.inbetween import InbetweenSpec
    from toonctl.spec.layerpack import LayerpackSpec
    from toonctl.spec.postkey import PostkeySpec

__all__ = ["ReadOptions", "layer_roles", "read_art", "read_options"]


def read_art(spec: ShotSpec, *, folder: Path) -> Art:
    """The art of a shot whose file lies in `folder`.

    Raises: SpecError for a faulty sheet, or a frame, layer or drawing that is asked for and not there;
    ArtError for pictures that are missing, broken or of different sizes. Either lists all problems of the
    shot.
    """
    findings = Findings(folder)
    options = read_options(spec)
    # Each kind has models and readers of its own, which the other commands start faster without.
    if spec.art_kind == "lines":
        from toonctl.stages.read_colorize import read_line_art

        return read_line_art(cast("ColorizeLongSpec", spec), options=options, findings=findings)
    if spec.art_kind == "keys":
        from toonctl.stages.read_keys import read_keyed_art

        return read_keyed_art(cast("InbetweenSpec | LayerpackSpec", spec), options=options, findings=findings)
    from toonctl.stages.read_sketches import read_sketched_art

    return read_sketched_art(cast("PostkeySpec", spec), options=options, findings=findings)


def read_options(spec: ShotSpec) -> ReadOptions:
    """`[psd]` of the shot file, as `load_cel` wants it."""
    roles = {str(role): patterns for role, patterns in spec.psd.roles.items()}
    return ReadOptions(roles, applies_corrections=spec.psd.corrections == "apply")


def layer_roles(path: Path, overrides: RolePatterns) -> tuple[LayerRole, ...]:
    """The role of every layer of the PSD at `path`, bottom to top.

    Raises: ArtError when it cannot be read.
    """
    findings = Findings(path.parent)
    document = findings.psd(path)
    read_layers(document, options=ReadOptions(overrides), sheet={}, is_line_art=True, findings=findings)
    return findings.inputs[0].layers
