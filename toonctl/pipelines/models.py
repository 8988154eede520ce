"""`models`: which published weights there are, where they lie here, whether they are whole; fetching them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from toonctl.core.errors import CheckpointError, DeliveryError, Problem, UsageError
from toonctl.core.files import write_whole
from toonctl.core.reporter import Reporter
from toonctl.core.stop import StopFlag
from toonctl.models import registry
from toonctl.models.digests import digest
from toonctl.models.licences import (
    Accepted,
    Licence,
    SiteLicences,
    read_site_licences,
    require_accepted,
    site_folder,
    site_licences_file,
)
from toonctl.models.registry import Found
from toonctl.models.shelves import Entry, gaps, places, read_lock, roots, size_text
from toonctl.pipelines._fetch import FetchPlan, fetch_files, is_writable, plan_fetch, registered_plan
from toonctl.pipelines._web import Unreachable
from toonctl.spec.problems import nearest


@dataclass(frozen=True, slots=True)
class Standing:
    """How a row stands on this host: where its files are, or what is wanting where some are.

    `refusal` says why the site may not use it, None when it may.
    """

    entry: Entry
    folder: Path | None
    source: str
    faults: tuple[str, ...]
    refusal: str | None

    @property
    def state(self) -> str:
        """`here`, `incomplete` or `absent`."""
        return "absent" if self.folder is None else "incomplete" if self.faults else "here"

    @property
    def size(self) -> str:
        """`about 10.5 GB`."""
        return size_text(self.entry.n_bytes, is_exact=self.entry.is_exact)


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file held against its published digest: `ok`, `changed`, or `unknown` when none was published."""

    entry: Entry
    path: Path
    sha256: str
    state: str


def standings(engine: str | None = None) -> tuple[Standing, ...]:
    """How every row, or those of one engine, stand here. Raises: UsageError for an unknown engine."""
    accepted = read_site_licences()
    return tuple(_standing(entry, accepted) for entry in _rows(engine))


def paths(engine: str, role: str | None) -> tuple[tuple[str, Found], ...]:
    """Roles and where their weights are: of one role, or all an engine needs.

    Raises: CheckpointError naming everything that is missing; UsageError for an unknown engine or role.
    """
    found: list[tuple[str, Found]] = []
    problems: list[Problem] = []
    for each in _roles(_rows(engine), engine, [role] if role else []):
        try:
            found.append((each, registry.find(engine, each, given={})))
        except CheckpointError as error:
            problems += error.problems
    if problems:
        raise CheckpointError.listing(problems)
    return tuple(found)


def verify(engine: str | None, *, is_anew: bool, report: Reporter) -> tuple[CheckedFile, ...]:
    """Every file of the rows that are here, its SHA-256 held against registry and lock file.

    Raises: CheckpointError when files are not the published ones; UsageError for an unknown engine.
    """
    here = [(row.entry, row.folder) for row in standings(engine) if row.folder and not row.faults]
    files = [(entry, folder, path) for entry, folder in here for path in _files(entry, folder)]
    report.start(len(files), f"verify {engine or 'models'}")
    checked: list[CheckedFile] = []
    for number, (entry, folder, path) in enumerate(files, 1):
        checked.append(_checked(entry, folder, path, is_anew=is_anew))
        report.step(done=number, frame=number, layer="", note=path.name)
    if changed := [file for file in checked if file.state == "changed"]:
        hint = "remove the file and fetch it again; what was drawn with it is not what its manifest says"
        raise CheckpointError.listing(
            [
                Problem(f"`{file.path.name}` is not the published file", str(file.path), hint)
                for file in changed
            ]
        )
    return tuple(checked)


def plan(
    engine: str, *, roles: Sequence[str], ids: Sequence[str], root: Path | None, is_dry: bool
) -> tuple[FetchPlan, ...]:
    """What has to be fetched for `roles` of an engine, or rows by `ids`; empty when all is here.

    Of each role's rows the first is taken unless one is here. A dry plan asks neither for licences nor, when
    there is no network, for the publishers' sizes. Raises: UsageError, CheckpointError, DeliveryError.
    """
    target = root if root is not None else _first_writable()
    wanted = _by_id(engine, ids) if ids else _wanted(engine, roles)
    plans: list[FetchPlan] = []
    for entry in wanted:
        if not is_dry:
            require_accepted(entry.licence, f"{entry.engine}: {entry.role}")
        try:
            plans.append(plan_fetch(entry, target))
        except Unreachable as error:
            if not is_dry:
                raise
            plans.append(registered_plan(entry, target, error))
    return tuple(plans)


def fetch(plans: Sequence[FetchPlan], *, report: Reporter, stop: StopFlag) -> tuple[Path, ...]:
    """What `plans` name, on disk: the path of each row. Raises: as `_fetch.fetch_files`."""
    if not plans:
        return ()
    fetch_files(plans, plans[0].folder.parent, report=report, stop=stop)
    for each in plans:
        if not each.entry.is_pinned:
            which = f" at {each.commit}" if each.commit else ""
            report.notice(
                f"`{each.entry.id}` was not pinned; what came{which} is now locked in {each.folder}"
            )
    return tuple(each.entry.path_in(each.folder) for each in plans)


def total_size(plans: Sequence[FetchPlan]) -> str:
    """The size of what is still missing, `10.5 GB`; files of unknown size count nothing."""
    return size_text(sum(file.bytes or 0 for plan in plans for file in plan.missing))


def licence(name: str) -> Licence:
    """A licence by its id. Raises: UsageError with the nearest."""
    known = registry.licences()
    if name in known:
        return known[name]
    raise UsageError(f"there is no licence `{name}`", hint=nearest(name, known, noun="licences"))


def licence_text(wanted: Licence) -> str | None:
    """The words of a licence as its publisher sent them with weights that are here, None without any."""
    for entry in registry.entries():
        if entry.licence.id != wanted.id:
            continue
        for _, folder in places(entry) if entry.repo else ():
            for file in sorted(folder.glob("LICEN[SC]E*")):
                return file.read_text("utf-8", errors="replace")
    return None


def accept(name: str, *, by: str, country: str | None) -> Path:
    """The site's file, in which a licence is now accepted `by` somebody; `country` declares the site's.

    Raises: UsageError for an unknown licence, an unusable country, or none where the licence wants one;
    CheckpointError when the licence grants nothing there; DeliveryError.
    """
    wanted = licence(name)
    site = read_site_licences()
    code = (country or site.country).upper()
    if code and not re.fullmatch("[A-Z]{2}", code):
        raise UsageError(f"`{country}` is no two-letter country code", "--country", "as in `--country JP`")
    if wanted.territory_excluded and not code:
        what = f"`{name}` depends on the country, and the site's is not declared"
        raise UsageError(what, "--country", "name it by its two-letter code, as in `--country JP`")
    if wanted.excludes(code):
        what = f"`{name}` grants nothing in {code}: accepting it would change nothing"
        raise CheckpointError(what, wanted.text, "use another engine, such as `wan-flf2v` or `cel`")
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    others = tuple(each for each in site.accepted if each.licence != name)
    site = SiteLicences(code, (*others, Accepted(name, by, today)))
    write_whole(site_licences_file(), _site_text(site).encode())
    return site_licences_file()


def add(file: Path, *, overwrite: bool) -> Path:
    """The site's copy of a file with rows of its own, which is checked first.

    Raises: UsageError when `file` cannot be read; CheckpointError when a row has a fault; DeliveryError.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"`{file}` cannot be read: {error.strerror or error}", "FILE") from error
    registry.parse(data, name=file.name)
    target = site_folder() / "models.d" / f"{file.stem}.toml"
    if target.exists() and not overwrite:
        raise DeliveryError(
            f"`{target}` is already there", hint="name the file otherwise, or give `--overwrite`"
        )
    write_whole(target, data)
    return target


def _standing(entry: Entry, accepted: SiteLicences) -> Standing:
    best: Standing | None = None
    refusal = accepted.refusal(entry.licence)
    for source, folder in places(entry):
        faults = tuple(gaps(entry, folder))
        if not faults:
            return Standing(entry, folder, source, (), refusal)
        if best is None and any(file.within(folder) for file in entry.files):
            best = Standing(entry, folder, source, faults, refusal)
    return best or Standing(entry, None, "", (), refusal)


def _files(entry: Entry, folder: Path) -> list[Path]:
    return sorted({path for file in entry.files for path in file.within(folder)})


def _checked(entry: Entry, folder: Path, path: Path, *, is_anew: bool) -> CheckedFile:
    name = path.relative_to(folder).as_posix()
    locked = read_lock(folder).get("files", {}).get(name, {}).get("sha256")
    known = [file.sha256 for file in entry.files if file.sha256 and file.fits(name)]
    wanted = [text.lower() for text in (*known, locked) if isinstance(text, str)]
    try:
        sha256 = digest(path, is_anew=is_anew)
    except OSError as error:
        what = f"`{path.name}` cannot be read: {error.strerror or error}"
        raise CheckpointError(what, str(path), "make the files readable") from error
    state = "unknown" if not wanted else "ok" if all(map(sha256.startswith, wanted)) else "changed"
    return CheckedFile(entry, path, sha256, state)


def _rows(engine: str | None) -> tuple[Entry, ...]:
    rows = registry.entries()
    names = dict.fromkeys(row.engine for row in rows)
    if engine is not None and engine not in names:
        what = f"no engine `{engine}` has published weights"
        raise UsageError(what, "ENGINE", nearest(engine, names, noun="engines"))
    return tuple(row for row in rows if engine in (None, row.engine))


def _roles(rows: Iterable[Entry], engine: str, asked: Sequence[str]) -> tuple[str, ...]:
    """The roles asked for, or all that the engine cannot do without."""
    known = {row.role: row.is_optional for row in reversed(list(rows))}
    for role in asked:
        if role not in known:
            hint = nearest(role, dict.fromkeys(known), noun="roles")
            raise UsageError(f"`{engine}` has no weights `{role}`", "ROLE", hint)
    return tuple(asked) or tuple(role for role in reversed(known) if not known[role])


def _wanted(engine: str, roles: Sequence[str]) -> list[Entry]:
    """The first row of each role of which nothing is here."""
    rows = standings(engine)
    wanted: list[Entry] = []
    for role in _roles((row.entry for row in rows), engine, roles):
        of_role = [row for row in rows if row.entry.role == role]
        if all(row.state != "here" for row in of_role):
            wanted.append(of_role[0].entry)
    return wanted


def _by_id(engine: str, ids: Sequence[str]) -> list[Entry]:
    known = {row.id: row for row in _rows(engine)}
    for name in ids:
        if name not in known:
            raise UsageError(f"`{engine}` has no row `{name}`", "--id", nearest(name, known, noun="rows"))
    return [known[name] for name in ids]


def _first_writable() -> Path:
    folders = roots()
    return next((folder for folder in folders if is_writable(folder)), folders[-1])


def _site_text(site: SiteLicences) -> str:
    lines = ["# Licences of published weights that this site has accepted: `toonctl models licences accept`."]
    lines += [f'country = "{site.country}"'] if site.country else []
    for each in site.accepted:
        by = each.by.replace("\\", "\\\\").replace('"', '\\"')
        lines += ["", "[[accepted]]", f'licence = "{each.licence}"', f'by = "{by}"', f'date = "{each.date}"']
    return "\n".join(lines) + "\n"
