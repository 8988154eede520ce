"""Licences of published weights, and whether this site has accepted them.

Acceptances stand in `licences.toml` of the site's folder, with the country the site works in. Licences that
allow every use need none.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from toonctl.core.errors import CheckpointError

# fmt: off
_EUROPEAN_UNION = frozenset((
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence: `text` is the address of its words, `terms` what is known of them.

    `commercial` is `yes`, `register` (with the publisher first), `read` (its words decide) or `no`.
    `territory_excluded` are two-letter country codes, `EU` for the European Union.
    """

    id: str
    name: str
    text: str
    commercial: Literal["yes", "register", "read", "no"]
    terms: str = ""
    territory_excluded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.commercial not in ("yes", "register", "read", "no"):
            raise ValueError(f"`commercial` of `{self.id}` is not `yes`, `register`, `read` or `no`")

    @property
    def needs_acceptance(self) -> bool:
        return self.commercial != "yes" or bool(self.territory_excluded)

    def excludes(self, country: str) -> bool:
        """Whether it grants nothing in a country, by its two-letter code."""
        is_union = country in _EUROPEAN_UNION and "EU" in self.territory_excluded
        return is_union or country in self.territory_excluded


@dataclass(frozen=True, slots=True)
class Accepted:
    """Who accepted a licence for this site, and on which day."""

    licence: str
    by: str
    date: str


@dataclass(frozen=True, slots=True)
class SiteLicences:
    """`licences.toml`: the site's country, empty when not said, and what it has accepted."""

    country: str = ""
    accepted: tuple[Accepted, ...] = ()

    def of(self, licence: Licence) -> Accepted | None:
        return next((each for each in self.accepted if each.licence == licence.id), None)

    def refusal(self, licence: Licence) -> str | None:
        """Why the site may not use weights under a licence, None when it may."""
        if licence.territory_excluded and not self.country:
            excluded = ", ".join(licence.territory_excluded)
            return f"grants nothing in {excluded}, and the site's country is not declared"
        if licence.excludes(self.country):
            return f"grants nothing in {self.country}, the site's country"
        if licence.needs_acceptance and self.of(licence) is None:
            return "is not accepted on this site"
        return None


def site_folder() -> Path:
    """Where the site's registry and acceptances stand.

    The folder of `TOONCTL_SITE`; else this user's, if it holds settings, else this machine's.
    """
    if named := os.environ.get("TOONCTL_SITE"):
        return Path(named).expanduser().parent
    from platformdirs import site_config_path, user_config_path

    own = user_config_path("toonctl")
    return next((folder for folder in (own, site_config_path("toonctl")) if _has_settings(folder)), own)


def site_licences_file() -> Path:
    """Where acceptances stand."""
    return site_folder() / "licences.toml"


def read_site_licences() -> SiteLicences:
    """What this site has accepted, nothing without a file. Raises: CheckpointError when it is unreadable."""
    path = site_licences_file()
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        accepted = tuple(Accepted(**table) for table in document.get("accepted", []))
        return SiteLicences(str(document.get("country", "")), accepted)
    except FileNotFoundError:
        return SiteLicences()
    except (OSError, ValueError, TypeError) as error:
        hint = "restore the file, or remove it and accept the licences again"
        raise CheckpointError(f"the accepted licences cannot be read: {error}", str(path), hint) from error


def require_accepted(licence: Licence, where: str) -> None:
    """Raises: CheckpointError when the site may not use weights under `licence`, with its address."""
    why = read_site_licences().refusal(licence)
    if why is None:
        return
    country = " --country CODE" if licence.territory_excluded else ""
    hint = f"read {licence.text}, then `toonctl models licences accept {licence.id} --by NAME{country}`"
    if licence.excludes(read_site_licences().country):
        hint = f"use another engine, such as `wan-flf2v` or `cel`; the licence: {licence.text}"
    raise CheckpointError(f"the licence `{licence.id}` ({licence.name}) {why}", where, hint)


def _has_settings(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("site.toml", "licences.toml", "models.d"))
