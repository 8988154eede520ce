"""The tables of the inbetweening benchmark: targets of cel-engine.md chapter 6 beside what was reached."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .inbetween_judge import Judged
from .rows import share

OURS = "toonctl"
HALFWAY = "halfway"
RIVALS = ("rife", "rife_new")
EARLY = 100
_RELEASE_RATIO = 0.75
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Middle:
    """What came of one pair of keys: judgment and processor milliseconds by contestant.

    `error` is our command's.
    """

    shot: str
    first: int
    gap: int
    judged: Mapping[str, Judged] = field(default_factory=dict[str, Judged])
    ms: Mapping[str, float] = field(default_factory=dict[str, float])
    n_fell_back: int = 0
    error: str | None = None

    @property
    def title(self) -> str:
        """`A1 9-17`: the shot and its keys' 1-based frames."""
        return f"{self.shot} {self.first + 1}-{self.first + 2 * self.gap + 1}"


@dataclass(frozen=True, slots=True)
class Timed:
    """How long our command took for `n` inbetweens of a size, files and start included.

    Memory is that of all processes at its peak, what they share counted once; `early_bytes` until a hundred
    inbetweens stood, 0 where that was not asked for.
    """

    what: str
    n: int
    wall_s: float = 0.0
    cpu_s: float = 0.0
    pss_bytes: int = 0
    early_bytes: int = 0
    error: str | None = None


Get = Callable[[Judged], float | None]


def main_lines(middles: Sequence[Middle], timed: Sequence[Timed], titles: Mapping[str, str]) -> list[str]:
    """The main table: a row a measure, a column a contestant, means over the pairs that all of them did."""
    names = list(titles)
    common = [m for m in middles if OURS in m.judged] or list(middles)
    head = ["what", "first version", "release", *titles.values()]
    lines = [_row(head), "|" + "---|" * len(head)]

    def add(what: str, first: str, release: str, cells: Mapping[str, str]) -> None:
        lines.append(_row([what, first, release, *(cells.get(name, _NOTHING) for name in names)]))

    get_by_row: dict[str, Get] = {
        "line chamfer, px at 540 lines": lambda j: j.chamfer,
        "off-palette share over truth": lambda j: j.off_palette,
        "SSIM in the figure box": lambda j: j.ssim,
        "wrong color share of the figure": lambda j: j.wrong,
    }
    targets = {"off-palette share over truth": ("<= .003", "0")}
    for what, get in get_by_row.items():
        first, release = targets.get(what, ("", ""))
        cells = {name: _number(_mean(common, name, get), what) for name in names}
        add(what, first, release, cells)
    for rival in RIVALS:
        if rival in titles:
            add(*_against(common, rival, titles[rival]))
    for rival in RIVALS:
        if rival in titles and any(HALFWAY in m.judged for m in common):
            add(*_reachable(common, rival, titles[rival]))
    add("processor ms for a middle frame, 540p, without files", "", "", _peer_ms(common, names))
    for row in timed:
        wall, cpu = (f"{seconds / row.n * 1000:.0f}" for seconds in (row.wall_s, row.cpu_s))
        reached = row.error or f"{wall} ms, processor {cpu} ms ({row.n} frames)"
        targets_ms = ("300 ms", "120 ms") if "1080" in row.what else ("", "")
        add(f"{row.what}, per frame, files and start included", *targets_ms, {OURS: reached})
        if row.early_bytes:
            early, whole = (f"{size / 1e6:.0f} MB" for size in (row.early_bytes, row.pss_bytes))
            what = f"{row.what}, memory of all processes: first {EARLY} inbetweens / whole run"
            add(what, "< 1.5 GB", "< 1 GB", {OURS: f"{early} / {whole}"})
    fell = sum(m.n_fell_back for m in middles)
    failed = [m.title for m in middles if m.error]
    note = f"{fell} in {len(common)} pairs" + (f"; **failed**: {', '.join(failed)}" if failed else "")
    add("places drawn by a fall-back", "", "", {OURS: note})
    return lines


def pair_lines(middles: Iterable[Middle], titles: Mapping[str, str]) -> list[str]:
    """A line a pair: chamfer / off-palette / SSIM / wrong color of every contestant."""
    head = ["keys", *titles.values()]
    lines = [_row(head), "|" + "---|" * len(head)]
    for middle in middles:
        cells = [_four(middle.judged.get(name)) for name in titles]
        if middle.error:
            cells[list(titles).index(OURS)] = f"failed: {middle.error}"
        lines.append(_row([middle.title, *cells]))
    return lines


def _against(middles: Sequence[Middle], rival: str, title: str) -> tuple[str, str, str, Mapping[str, str]]:
    """The row that sets us beside a rival on the same pairs."""
    both = [(m.judged[OURS], m.judged[rival]) for m in middles if OURS in m.judged and rival in m.judged]
    what = f"against {title}: chamfer x / SSIM +"
    if not both:
        return what, "<= 1.0 / -.01", "<= .75 / +.01", {}
    ratio = sum(a.chamfer for a, _ in both) / max(sum(b.chamfer for _, b in both), 1e-9)
    median = float(np.median([a.chamfer / max(b.chamfer, 1e-3) for a, b in both]))
    gain = float(np.mean([a.ssim - b.ssim for a, b in both]))
    reached = f"{ratio:.2f} (median pair {median:.2f}) / {gain:+.3f}"
    return what, "<= 1.0 / -.01", "<= .75 / +.01", {OURS: reached}


def _reachable(middles: Sequence[Middle], rival: str, title: str) -> tuple[str, str, str, Mapping[str, str]]:
    """The row that says what two keys let anybody reach on generated pairs, beside what we do."""
    pairs = [m.judged for m in middles if {OURS, HALFWAY, rival} <= m.judged.keys()]
    cells = list[str]()
    for name in (OURS, HALFWAY):
        ratios = [j[name].chamfer / max(j[rival].chamfer, 1e-3) for j in pairs]
        gains = [j[name].ssim - j[rival].ssim for j in pairs]
        within = sum(ratio <= _RELEASE_RATIO for ratio in ratios)
        mean = float(np.exp(np.mean(np.log(ratios)))) if pairs else float("nan")
        cells.append(f"{mean:.2f} ({within} of {len(pairs)} within) / {np.mean(gains):+.3f}")
    what = f"{len(pairs)} generated pairs against {title}, beside every joint half-way between the keys'"
    return what, "", "<= .75 / +.01", {OURS: f"{cells[0]}; half-way {cells[1]}"}


def _peer_ms(middles: Sequence[Middle], names: Iterable[str]) -> dict[str, str]:
    cells: dict[str, str] = {}
    for name in names:
        taken = [m.ms[name] for m in middles if name in m.ms]
        if taken and name != OURS:
            cells[name] = f"{np.median(taken):.0f} ms"
    return cells


def _mean(middles: Iterable[Middle], name: str, get: Get) -> float | None:
    values = [get(m.judged[name]) for m in middles if name in m.judged]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _number(value: float | None, what: str) -> str:
    if value is None:
        return _NOTHING
    return f"{value:.2f}" if "px" in what else share(value)


def _four(judged: Judged | None) -> str:
    if judged is None:
        return _NOTHING
    shares = (share(judged.off_palette), share(judged.ssim), share(judged.wrong))
    return f"{judged.chamfer:.2f} / " + " / ".join(shares)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "/").split())[:160] for cell in cells) + " |"
