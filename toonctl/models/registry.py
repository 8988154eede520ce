"""Published weights: which there are, under which licence, and where they lie on this host.

The registry is `registry.toml` beside this file; a site adds its own rows in `models.d/*.toml` beside its
`site.toml`, which go first. Free of torch and of the network.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from toonctl.core.errors import CheckpointError
from toonctl.models.licences import Licence, require_accepted, site_folder
from toonctl.models.shelves import Entry, PublishedFile, gaps, given_path, places, searched, size_text

_PACKAGED = Path(__file__).with_name("registry.toml")

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Found:
    """Weights on this host: what the engine is given, where it was found, the row it fits (None = named)."""

    path: Path
    source: str
    entry: Entry | None

    @property
    def licence(self) -> str:
        """The licence's id; that of files a user names is theirs to know."""
        return self.entry.licence.id if self.entry else "as named by the user"


def locate(engine: str, role: str, *, given: Mapping[str, str]) -> Path:
    """File or folder of a role: what `given` names for it, else the first registered row found here.

    Raises: CheckpointError when nothing is there, naming repository, files, sizes, digest and licence, or
    when the licence is not accepted on this site.
    """
    return find(engine, role, given=given).path


def find(engine: str, role: str, *, given: Mapping[str, str]) -> Found:
    """As `locate`, with what is known of the weights. Raises: CheckpointError."""
    if role in given:
        return Found(given_path(engine, role, given[role]), "named", None)
    rows = entries(engine, role)
    broken: list[str] = []
    for entry in rows:
        for source, folder in places(entry):
            faults = gaps(entry, folder)
            if not faults:
                require_accepted(entry.licence, f"{engine}: {role}")
                return Found(entry.path_in(folder), source, entry)
            if len(faults) < len(entry.files):
                broken.append(f"{folder}: {', '.join(faults[:3])}")
    raise _missing(rows[0], broken)


def entries(engine: str | None = None, role: str | None = None) -> tuple[Entry, ...]:
    """All rows, or those of an engine or of one of its roles, in the order they are tried.

    Raises: CheckpointError when there is no such row, or the registry of the site has a fault.
    """
    rows = [row for row in _all_entries(site_folder()) if engine in (None, row.engine)]
    chosen = tuple(row for row in rows if role in (None, row.role))
    if chosen:
        return chosen
    known = sorted({row.role for row in rows} or {row.engine for row in _all_entries(site_folder())})
    what = (
        f"the registry knows no weights `{role}` of `{engine}`"
        if rows
        else f"no engine `{engine}` has weights"
    )
    raise CheckpointError(what, "models registry", f"choose one of: {', '.join(known)}")


def licences() -> Mapping[str, Licence]:
    """All licences by id, the site's own among them. Raises: CheckpointError as `entries`."""
    return _all_licences(site_folder())


def parse(data: bytes, *, name: str) -> tuple[Entry, ...]:
    """The rows of a registry file, which may use the packaged licences. Raises: CheckpointError."""
    document = _document(data, name)
    packaged = _document(_PACKAGED.read_bytes(), _PACKAGED.name)
    return _entries_of(
        name, document, {**_licences_of(_PACKAGED.name, packaged), **_licences_of(name, document)}
    )


@cache
def _all_licences(site: Path) -> dict[str, Licence]:
    found: dict[str, Licence] = {}
    for name, document in reversed(_documents(site)):
        found |= _licences_of(name, document)
    return found


@cache
def _all_entries(site: Path) -> tuple[Entry, ...]:
    rows: dict[str, Entry] = {}
    for name, document in _documents(site):
        for entry in _entries_of(name, document, _all_licences(site)):
            rows.setdefault(entry.id, entry)
    return tuple(rows.values())


def _licences_of(name: str, document: Mapping[str, Any]) -> dict[str, Licence]:
    return {
        each: _record(Licence, {**table, "id": each}, f"{name}: licences.{each}")
        for each, table in document.get("licences", {}).items()
    }


def _entries_of(name: str, document: Mapping[str, Any], known: Mapping[str, Licence]) -> tuple[Entry, ...]:
    rows: list[Entry] = []
    for number, table in enumerate(document.get("models", []), 1):
        where = f"{name}: models[{number}]"
        if table.get("licence") not in known:
            what = f"there is no licence `{table.get('licence')}`"
            raise CheckpointError(what, where, "describe it under `[licences]`, or use one that is there")
        files = tuple(_record(PublishedFile, file, where) for file in table.get("files", ()))
        values = {**table, "licence": known[table["licence"]], "files": files, "origin": name}
        rows.append(_record(Entry, values, where))
    return tuple(rows)


def _documents(site: Path) -> list[tuple[str, dict[str, Any]]]:
    """The registry's files by name, the site's first."""
    try:
        files = [(path.name, path.read_bytes()) for path in sorted((site / "models.d").glob("*.toml"))]
        files.append((_PACKAGED.name, _PACKAGED.read_bytes()))
    except OSError as error:
        what = f"the models registry cannot be read: {error.strerror or error}"
        raise CheckpointError(what, error.filename, "make the file readable") from error
    return [(name, _document(data, name)) for name, data in files]


def _document(data: bytes, name: str) -> dict[str, Any]:
    try:
        document = tomllib.loads(data.decode())
    except ValueError as error:
        raise CheckpointError(
            f"the models registry cannot be read: {error}", name, "correct the file"
        ) from error
    if unknown := document.keys() - {"licences", "models"}:
        raise CheckpointError(f"unknown table `{min(unknown)}`", name, "known are `licences` and `models`")
    return document


def _record(kind: type[R], table: Mapping[str, Any], where: str) -> R:
    """`table` as a record of `kind`. Raises: CheckpointError for unknown, missing and unusable values."""
    known = {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType]  # kinds are records
    if unknown := table.keys() - known:
        what = f"unknown {', '.join(f'`{key}`' for key in sorted(unknown))}"
        raise CheckpointError(what, where, f"known are: {', '.join(sorted(known))}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"not a whole row: {error}", where, "see `toonctl models list --json`"
        ) from error


def _missing(entry: Entry, broken: list[str]) -> CheckpointError:
    digests = [f"SHA-256 {file.sha256}" for file in entry.files if file.sha256]
    files = ", ".join(f"`{file.path}`" for file in entry.files)
    size = size_text(entry.n_bytes, is_exact=entry.is_exact)
    facts = [f"{entry.home}@{entry.commit}", files, size, *(digests or ["SHA-256 not known"])]
    what = f"the weights `{entry.role}` of `{entry.engine}` are not on this host"
    where = f"looked in {searched()}" + "".join(f"; incomplete in {each}" for each in broken[:2])
    hint = (
        f"`toonctl models fetch {entry.engine}` gets {', '.join(facts)}, licence {entry.licence.id}; "
        f'or name them in `[engine]`: weights = {{ {entry.role} = "..." }}'
    )
    return CheckpointError(what, where, hint)
