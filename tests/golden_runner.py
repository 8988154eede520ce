"""Computes every case of a folder of golden vectors and compares: python -m tests.golden_runner FOLDER

One line a case, `NAME ERROR TOLERANCE ok|FAIL`; exit 0 if all are ok. The engine named in `cases.json` has
its adapter in `goldens/`, whose contract stands in that package's docstring; tolerances come from there.
"""

import importlib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file
from torch import Tensor

_GOLDENS = f"{__package__}.goldens" if __package__ else "goldens"
_STITCHING = "stitching"

Settings = Mapping[str, Any]
"""One case of `cases.json`."""


class Adapter(Protocol):
    """What a file of `goldens/` offers."""

    RELATIVE: bool

    def compute(
        self, name: str, settings: Settings, stored: Mapping[str, Tensor], cases: Mapping[str, Settings]
    ) -> dict[str, Tensor]: ...

    def allowance(self, name: str, settings: Settings, tensor_name: str, expected: Tensor) -> Tensor: ...

    def stitch(self, settings: Settings) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst place of a case. `reason` says why it failed: not to be compared, or off where."""

    name: str
    error: float
    tolerance: float
    is_ok: bool
    reason: str = ""

    @property
    def line(self) -> str:
        verdict = "ok" if self.is_ok else "FAIL"
        return f"{self.name}  {self.error:.3g}  {self.tolerance:.3g}  {verdict}"

    @property
    def severity(self) -> float:
        """How far the tolerance is used up: at most 1 is within it."""
        if math.isnan(self.error):
            return math.inf
        return _share(self.error, self.tolerance)


def run(folder: Path) -> Iterator[Verdict]:
    """One verdict per case of `folder`, computed as they are asked for."""
    table = json.loads((folder / "cases.json").read_text("utf-8"))
    cases: Mapping[str, Settings] = table["cases"]
    names = [*cases, *([_STITCHING] if (folder / f"{_STITCHING}.json").exists() else [])]
    try:
        adapter: Adapter = importlib.import_module(f"{_GOLDENS}.{table['engine']}")  # type: ignore[assignment]
    except ImportError as error:
        yield from (Verdict(name, math.nan, math.nan, False, _describe(error)) for name in names)
        return
    for name in names:
        is_stitching = name == _STITCHING and name not in cases
        yield _stitching(adapter, folder) if is_stitching else _case(adapter, folder, name, cases)


def main(arguments: Sequence[str]) -> int:
    """Prints a line per case; the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tests.golden_runner FOLDER\n")
        return 2
    folder = Path(arguments[0])
    verdicts: list[Verdict] = []
    try:
        for verdict in run(folder):
            verdicts.append(verdict)
            sys.stdout.write(verdict.line + "\n")
            sys.stdout.flush()
            if not verdict.is_ok:
                sys.stderr.write(f"{verdict.name}: {verdict.reason}\n")
    except (OSError, KeyError, ValueError) as error:
        sys.stderr.write(f"{folder / 'cases.json'} is not a set of cases: {_describe(error)}\n")
        return 1
    return 0 if verdicts and all(verdict.is_ok for verdict in verdicts) else 1


def _case(adapter: Adapter, folder: Path, name: str, cases: Mapping[str, Settings]) -> Verdict:
    settings, tolerance = cases[name], math.nan
    try:
        stored = load_file(folder / f"{name}.safetensors")
        expected = {key: tensor for key, tensor in stored.items() if not key.startswith("in.")}
        tolerance = _smallest(adapter, name, settings, expected)
        listed = [key for key in settings.get("tensors", ()) if key not in stored]
        if listed or not expected:
            reason = f"listed but not stored: {', '.join(listed)}" if listed else "no tensor to compare"
            return Verdict(name, math.nan, tolerance, False, reason)
        with torch.no_grad():
            computed = adapter.compute(name, settings, stored, cases)
        verdicts = [
            _compare(name, key, computed.get(key), tensor, adapter.allowance(name, settings, key, tensor))
            for key, tensor in expected.items()
        ]
    # Whatever goes wrong inside an engine is that case's failure; the other cases go on.
    except Exception as error:
        return Verdict(name, math.nan, tolerance, False, _describe(error))
    if adapter.RELATIVE:
        verdicts = [
            _relative(verdict, expected[key]) for verdict, key in zip(verdicts, expected, strict=True)
        ]
    return max(verdicts, key=lambda verdict: verdict.severity)


def _compare(name: str, key: str, computed: Tensor | None, expected: Tensor, allowed: Tensor) -> Verdict:
    allowed = torch.as_tensor(allowed, dtype=torch.float64).expand(expected.shape)
    strictest = float(allowed.min()) if allowed.numel() else 0.0
    if computed is None:
        return Verdict(name, math.nan, strictest, False, f"{key} was not computed")
    if computed.shape != expected.shape:
        reason = f"{key} is {tuple(computed.shape)}, not {tuple(expected.shape)}"
        return Verdict(name, math.nan, strictest, False, reason)
    error = (computed.detach().cpu().double() - expected.double()).abs().flatten()
    allowed = allowed.flatten()
    if not bool(error.isfinite().all()):
        return Verdict(name, math.nan, strictest, False, f"{key} is not finite")
    if not len(error):
        return Verdict(name, 0.0, strictest, True)
    shares = torch.where(error == 0, 0.0, error / allowed)
    is_ok = bool((error <= allowed).all())
    place = int((error if is_ok else shares).argmax())
    worst, tolerance = float(error[place]), float(allowed[place])
    return Verdict(name, worst, tolerance, is_ok, "" if is_ok else f"{key} is off by {worst:.3g}")


def _relative(verdict: Verdict, expected: Tensor) -> Verdict:
    scale = _magnitude(expected)
    return replace(verdict, error=verdict.error / scale, tolerance=verdict.tolerance / scale)


def _smallest(adapter: Adapter, name: str, settings: Settings, expected: Mapping[str, Tensor]) -> float:
    """The strictest tolerance of a case, in the unit of its line: shown where there is nothing to compare."""
    found = [math.inf]
    for key, tensor in expected.items():
        scale = _magnitude(tensor) if adapter.RELATIVE else 1.0
        found.append(float(torch.as_tensor(adapter.allowance(name, settings, key, tensor)).min()) / scale)
    return min(found) if expected else math.nan


def _magnitude(tensor: Tensor) -> float:
    """The largest absolute value; 1 where that is 0, so that one can divide by it."""
    return (float(tensor.double().abs().max()) if tensor.numel() else 0.0) or 1.0


def _stitching(adapter: Adapter, folder: Path) -> Verdict:
    try:
        rows = json.loads((folder / f"{_STITCHING}.json").read_text("utf-8"))
        computed = [adapter.stitch({"input_frames": row["input_frames"]}) for row in rows]
    # As above: the failure of one case.
    except Exception as error:
        return Verdict(_STITCHING, math.nan, 0.0, False, _describe(error))
    plain = json.loads(json.dumps([dict(row) for row in computed]))
    wrong = [str(row["input_frames"]) for row, ours in zip(rows, plain, strict=True) if ours != row]
    is_ok = bool(rows) and not wrong
    reason = f"rows that differ: input_frames {', '.join(wrong)}" if wrong else "no rows"
    return Verdict(_STITCHING, float(len(wrong)), 0.0, is_ok, "" if is_ok else reason)


def _share(error: float, tolerance: float) -> float:
    if error == 0:
        return 0.0
    return error / tolerance if tolerance else math.inf


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
