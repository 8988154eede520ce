"""Look whether this machine can do the work, and say what to do when it cannot."""

from dataclasses import dataclass
from typing import Annotated

import typer

from toonctl.cli._options import OutputOptions, takes

_CANNOT_WORK = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(OutputOptions):
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="NAME", help="Also what this engine needs; loads torch.")
    ] = None


@takes(Options)
def run(options: Options) -> None:
    from toonctl.cli._run import session

    with session("doctor", options) as at:
        from toonctl.pipelines import doctor

        findings = doctor.run(options.engine)
        states = {finding.status for finding in findings}
        worst = "fail" if "fail" in states else "warn" if "warn" in states else "ok"
        at.exit_code = _CANNOT_WORK if worst == "fail" else 0
        lines: list[str] = []
        for finding in findings:
            lines.append(f"{finding.status:4}  {finding.name}: {finding.detail}")
            if finding.remedy:
                lines.append(f"      do: {finding.remedy}")
        document = [
            {"name": f.name, "status": f.status, "detail": f.detail, "remedy": f.remedy} for f in findings
        ]
        at.result(lines, {"status": worst, "checks": document})
