"""`doctor`: whether this machine can do the work, and what to do when it cannot."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Literal

from toonctl.core.cache import cache_folder
from toonctl.core.errors import SpecError, ToonctlError, UsageError
from toonctl.engines.diffusion.numbers import NETWORKS
from toonctl.engines.diffusion.peaks import Peaks
from toonctl.engines.diffusion.plans import plans_for
from toonctl.pipelines.models import standings
from toonctl.spec.commands import TASKS
from toonctl.spec.preset import site_file
from toonctl.spec.problems import nearest

_NEEDED = (
    "einops",
    "imageio-ffmpeg",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "psd-tools",
    "scipy",
    "torch",
)
"""What the cel engine and the delivery cannot do without; a missing one of the others costs one feature."""

_LEAST_MEMORY_GB = 2.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `fail` = the engine cannot work here, `remedy` is empty when all is well."""

    name: str
    status: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""


def run(engine: str | None) -> tuple[Finding, ...]:
    """Everything looked at, with `engine` also what it alone needs. Raises: UsageError if there is none."""
    findings = [*_host(), *_packages(), *_ffmpeg(), *_weights(), *_folders(), *_site()]
    if engine is not None:
        findings += _engine(engine)
    return tuple(findings)


def _host() -> Iterator[Finding]:
    version = platform.python_version()
    is_old = sys.version_info < (3, 11)
    yield Finding(
        "python", "fail" if is_old else "ok", version, "install Python 3.11 or newer" if is_old else ""
    )
    n_cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cpu", "ok", f"{n_cpus} cores, {platform.machine()}")
    total_gb = _memory_gb()
    if total_gb is not None:
        is_small = total_gb < _LEAST_MEMORY_GB
        remedy = "close other programs, or color in smaller `--frames` ranges" if is_small else ""
        yield Finding("memory", "warn" if is_small else "ok", f"{total_gb:.1f} GB", remedy)
    yield _gpu()


def _memory_gb() -> float | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _gpu() -> Finding:
    none = Finding("gpu", "ok", "none found; the cel engine needs none")
    program = shutil.which("nvidia-smi")
    if program is None:
        return none
    query = [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        remedy = "ask for a GPU in the job, or repair the driver"
        return Finding("gpu", "warn", f"nvidia-smi fails: {error}", remedy)
    cards = "; ".join(line.strip() for line in answer.stdout.splitlines() if line.strip())
    return Finding("gpu", "ok", cards) if cards else none


def _packages() -> Iterator[Finding]:
    try:
        required = importlib.metadata.requires("toonctl") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("package toonctl", "warn", "run from its source folder", "pip install -e .")
        required = list(_NEEDED)
    names = {re.split(r"[^A-Za-z0-9._-]", line)[0] for line in required if "extra ==" not in line}
    for name in sorted(names, key=str.casefold):
        try:
            yield Finding(f"package {name}", "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            status = "fail" if name in _NEEDED else "warn"
            yield Finding(f"package {name}", status, "not installed", f"pip install {name}")


def _ffmpeg() -> Iterator[Finding]:
    from toonctl.formats.mov import find_ffmpeg, missing_encoders

    try:
        program = find_ffmpeg()
        missing = missing_encoders()
    except ToonctlError as error:
        problem = error.problems[0]
        yield Finding("ffmpeg", "fail", problem.what, problem.hint or "pip install imageio-ffmpeg")
        return
    remedy = "unset `TOONCTL_FFMPEG` to use the bundled one, or leave out these profiles" if missing else ""
    detail = f"{program} lacks {', '.join(missing)}" if missing else f"{program}, all profiles"
    yield Finding("ffmpeg", "warn" if missing else "ok", detail, remedy)


def _weights() -> Iterator[Finding]:
    shipped = [item for item in files("toonctl.weights").iterdir() if item.name.endswith(".safetensors")]
    if not shipped:
        yield Finding("weights", "fail", "the shipped weights are missing", "install toonctl again")
    for item in shipped:
        yield Finding("weights", "ok", item.name)


def _folders() -> Iterator[Finding]:
    for folder in filter(None, os.environ.get("TOONCTL_MODELS", "").split(os.pathsep)):
        is_there = Path(folder).is_dir()
        remedy = "" if is_there else "mount it, or take it out of `TOONCTL_MODELS`"
        yield Finding("models", "ok" if is_there else "warn", folder, remedy)
    hub = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser()
    yield Finding("models", "ok", f"{hub}{'' if hub.is_dir() else ' (empty)'}")
    cache = cache_folder()
    fault = _write_fault(cache)
    remedy = "name a writable folder in `TOONCTL_CACHE`" if fault else ""
    yield Finding("cache", "warn" if fault else "ok", f"{cache}: {fault}" if fault else str(cache), remedy)


def _write_fault(folder: Path) -> str | None:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _site() -> Iterator[Finding]:
    try:
        path = site_file()
    except SpecError as error:
        yield Finding("site file", "fail", error.problems[0].what, "fix or unset `TOONCTL_SITE`")
        return
    yield Finding("site file", "ok", str(path) if path else "none")


def _engine(name: str) -> Iterator[Finding]:
    engines = files("toonctl.engines")
    known = {
        item.name.removesuffix(".py").replace("_", "-"): task
        for task in TASKS.values()
        for item in engines.joinpath(task).iterdir()
        if item.name.endswith(".py") and not item.name.startswith("_")
    }
    if name not in known:
        raise UsageError(f"there is no engine `{name}`", "--engine", nearest(name, known, noun="engines"))
    try:
        module = import_module(f"toonctl.engines.{known[name]}.{name.replace('-', '_')}")
        torch = import_module("torch")
    except (ImportError, OSError) as error:
        yield Finding(f"engine {name}", "fail", f"cannot be loaded: {error}", "install toonctl again")
        return
    has_cuda = torch.cuda.is_available()
    needs_cuda = bool(module.NEEDS["cuda"])
    detail = f"torch {torch.__version__}, {'CUDA ready' if has_cuda else 'CPU only'}"
    is_stuck = needs_cuda and not has_cuda
    remedy = "run on a host with an NVIDIA GPU, or use `--engine cel`" if is_stuck else ""
    yield Finding(f"engine {name}", "fail" if is_stuck else "ok", detail, remedy)
    yield Finding(f"engine {name}", "ok", " ".join((module.__doc__ or "").split()))
    if name in NETWORKS:
        yield from _memory_plans(name, has_cuda=has_cuda)
        yield from _published_weights(name)


def _memory_plans(name: str, *, has_cuda: bool) -> Iterator[Finding]:
    """What each plan needs, and with a card which of them `auto` would take now."""
    network = NETWORKS[name]
    for line in network.lines():
        yield Finding(f"engine {name}", "ok", line)
    detail = f"reckoned for {network.at}, not measured"
    if has_cuda:
        device = import_module("torch").device("cuda", 0)
        peaks = Peaks(name, network.need, device)
        for plan, n_bytes in peaks.known().items():
            yield Finding(f"engine {name}", "ok", f"measured here: plan {plan} took {n_bytes / 1e9:.1f} GB")
        first = plans_for("auto", device, network.need, peaks)[0]
        detail += f"; `auto` would take `{first}` now"
    yield Finding(f"engine {name}", "ok", detail)


def _published_weights(name: str) -> Iterator[Finding]:
    try:
        rows = standings(name)
    except ToonctlError as error:
        yield Finding("models", "fail", error.problems[0].what, error.problems[0].hint or "correct the file")
        return
    for role in dict.fromkeys(row.entry.role for row in rows if not row.entry.is_optional):
        of_role = [row for row in rows if row.entry.role == role]
        best = next((row for row in of_role if row.state == "here"), of_role[0])
        detail = f"{best.entry.id} {best.state}" + (f" in {best.folder}" if best.folder else "")
        remedy = f"`toonctl models fetch {name} --role {role}`, {best.size}" if best.state != "here" else ""
        if best.refusal is not None:
            detail += f"; the licence `{best.entry.licence.id}` {best.refusal}"
            remedy = f"`toonctl models licences show {best.entry.licence.id}`" + (
                f"; {remedy}" if remedy else ""
            )
        yield Finding(f"weights {role}", "fail" if remedy else "ok", detail, remedy)
