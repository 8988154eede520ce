"""What the `[engine]` tables of all published models share; each model's own file changes the defaults."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from toonctl.spec.engine_tables import EngineTable
from toonctl.spec.problems import nearest
from toonctl.spec.table import refusal


class DiffusionTable(EngineTable):
    """A published diffusion model: needs its weights and a graphics card."""

    weights: dict[str, str] = Field(
        default_factory=dict[str, str],
        description='File or folder by role, in place of the registered ones: { base = "/models/wan" }.',
    )
    memory: Literal["auto", "resident", "streamed", "int8", "fp8", "streamed-int8", "nf4"] = Field(
        default="auto",
        description="Where the network lies while it draws; auto takes the first plan that fits the card, "
        "fp8 never.",
    )
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = Field(
        default="auto", description="Number format it computes in; auto is the one it was published with."
    )
    steps: int = Field(default=25, ge=1, le=1000, description="Denoising steps.")
    guidance: float = Field(
        default=5.0,
        ge=0,
        le=100,
        description="How much the prompt counts against no prompt; 1 = no guidance.",
    )
    compat: Literal["fixed", "upstream"] = Field(
        default="fixed", description='"upstream" repeats known faults of the published program too.'
    )
    compile: bool = Field(
        default=False, description="Compile the network's blocks: a slow first step, faster ones after it."
    )
    attention: Literal["auto", "native", "cudnn", "flash", "efficient", "math"] = Field(
        default="auto",
        description="Attention kernel of torch; auto times those there are on the real shape, on a card.",
    )
    cache: Literal["off", "steps"] = Field(
        default="off", description='"steps" leaves out the denoising steps that the preset\'s table names.'
    )

    roles: ClassVar[tuple[str, ...]] = ()
    """What `weights` may name; empty when the table looks itself."""

    @field_validator("weights")
    @classmethod
    def _names_roles(cls, weights: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(weights) - set(cls.roles)) if cls.roles else []:
            hint = nearest(unknown[0], cls.roles, noun="roles")
            raise refusal(f"this engine has no weights `{unknown[0]}`", hint)
        return weights

    def summary(self) -> str:
        name = type(self).model_fields["name"].default
        return f"engine {name}, {self.steps} steps, memory plan {self.memory}, on {self.device}"
