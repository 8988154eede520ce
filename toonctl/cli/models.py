"""See which published weights there are and where they lie, check them, fetch them, accept their licences."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toonctl.cli._options import OutputOptions, takes

if TYPE_CHECKING:
    from toonctl.pipelines.models import FetchPlan, Licence, SiteLicences, Standing

_CANNOT_WORK = 6

app = typer.Typer(no_args_is_help=True)
licences = typer.Typer(no_args_is_help=True)
app.add_typer(licences, name="licences", help="Licences of weights, and which this site has accepted.")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyEngine(OutputOptions):
    engine: Annotated[
        str | None, typer.Argument(metavar="[ENGINE]", help="Only those of one engine.", show_default=False)
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneEngine(OutputOptions):
    engine: Annotated[
        str, typer.Argument(metavar="ENGINE", help="`tooncrafter`, `metrics`.", show_default=False)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathOptions(OneEngine):
    role: Annotated[
        str | None,
        typer.Argument(metavar="[ROLE]", help="Only one role, such as `vae`.", show_default=False),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions(AnyEngine):
    anew: Annotated[bool, typer.Option("--anew", help="Read files again that have not changed since.")] = (
        False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions(OneEngine):
    role: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="Only this role; repeatable. All needed by default."),
    ] = None
    id_: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="ID", help="Just this row of `models list`; repeatable."),
    ] = None
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="Where to; the first writable models folder by default."),
    ] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say which files and bytes; fetch nothing.")] = (
        False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions(OutputOptions):
    file: Annotated[
        Path, typer.Argument(metavar="FILE.toml", help="Rows as in the registry.", show_default=False)
    ]
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file of this name.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceOptions(OutputOptions):
    licence: Annotated[
        str, typer.Argument(metavar="ID", help="A licence of `models list`.", show_default=False)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOptions(LicenceOptions):
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who accepts it for the site.")]
    country: Annotated[
        str | None, typer.Option("--country", metavar="CODE", help="The site's country, as in `JP`.")
    ] = None


@app.command("list", help="List all weights, each with its state on this host.")
@takes(AnyEngine)
def list_all(options: AnyEngine) -> None:
    from toonctl.cli._run import session

    with session("models-list", options) as at:
        from toonctl.pipelines import models

        found = models.standings(options.engine)
        at.result([_line(each) for each in found], {"models": [_row(each) for each in found]})


@app.command("path", help="Print where the weights of an engine lie.")
@takes(PathOptions)
def path(options: PathOptions) -> None:
    from toonctl.cli._run import session

    with session("models-path", options) as at:
        from toonctl.pipelines import models

        found = models.paths(options.engine, options.role)
        lines = [f"{role}  {each.path}  ({each.source})" for role, each in found]
        document = [
            {"role": role, "path": str(each.path), "source": each.source, "licence": each.licence}
            for role, each in found
        ]
        lines = [str(each.path) for _, each in found] if options.role else lines
        at.result(lines, {"paths": document})


@app.command("check", help="Look whether all files of an engine are there in their size.")
@takes(OneEngine)
def check(options: OneEngine) -> None:
    from toonctl.cli._run import session

    with session("models-check", options) as at:
        from toonctl.pipelines import models

        found = models.paths(options.engine, None)
        at.result([f"{role}: whole" for role, _ in found], {"status": "ok", "roles": [r for r, _ in found]})


@app.command("verify", help="Compare the SHA-256 of the files that are here with the published ones.")
@takes(VerifyOptions)
def verify(options: VerifyOptions) -> None:
    from toonctl.cli._run import session

    with session("models-verify", options) as at:
        from toonctl.pipelines import models

        checked = models.verify(options.engine, is_anew=options.anew, report=at.reporter)
        words = {"ok": "as published", "unknown": "no digest is published"}
        document = [
            {"id": file.entry.id, "path": str(file.path), "sha256": file.sha256, "state": file.state}
            for file in checked
        ]
        lines = [f"{file.sha256}  {file.path}  ({words[file.state]})" for file in checked]
        at.result(lines or ["no registered weights are here"], {"files": document})


@app.command("fetch", help="Fetch what an engine lacks; the only command that uses the network.")
@takes(FetchOptions)
def fetch(options: FetchOptions) -> None:
    from toonctl.cli._run import session

    with session("models-fetch", options) as at:
        from toonctl.pipelines import models

        plans = models.plan(
            options.engine,
            roles=options.role or (),
            ids=options.id_ or (),
            root=options.root,
            is_dry=options.dry_run,
        )
        files = [_plan(plan) for plan in plans]
        if options.dry_run:
            at.result(_plan_lines(plans), {"status": "planned", "models": files})
            return
        outputs = models.fetch(plans, report=at.reporter, stop=at.stop)
        lines = [str(output) for output in outputs] or [f"`{options.engine}` has all it needs here"]
        at.result(lines, {"status": "done", "outputs": [str(output) for output in outputs], "models": files})


@app.command("add", help="Add rows of the site's own to the registry.")
@takes(AddOptions)
def add(options: AddOptions) -> None:
    from toonctl.cli._run import session

    with session("models-add", options) as at:
        from toonctl.pipelines import models

        target = models.add(options.file, overwrite=options.overwrite)
        at.result([str(target)], {"outputs": [str(target)]})


@licences.command("list", help="List the licences of all weights, and who accepted which.")
@takes(OutputOptions)
def list_licences(options: OutputOptions) -> None:
    from toonctl.cli._run import session

    with session("models-licences-list", options) as at:
        from toonctl.pipelines import models

        site = models.read_site_licences()
        known = models.registry.licences().values()
        lines = [f"{each.id}  {each.name}: {_state(each, site)}" for each in known]
        at.result(lines, {"country": site.country, "licences": [_licence(each, site) for each in known]})


@licences.command("show", help="Print a licence: its address, its terms, and its words where they are here.")
@takes(LicenceOptions)
def show(options: LicenceOptions) -> None:
    from toonctl.cli._run import session

    with session("models-licences-show", options) as at:
        from toonctl.pipelines import models

        licence = models.licence(options.licence)
        site, words = models.read_site_licences(), models.licence_text(licence)
        lines = [licence.name, licence.text, *([licence.terms] if licence.terms else [])]
        if licence.territory_excluded:
            lines.append(f"excluded: {', '.join(licence.territory_excluded)}")
        lines.append(_state(licence, site))
        lines += ["", words.rstrip("\n")] if words else ["its words come with the weights, or at the address"]
        at.result(lines, {**_licence(licence, site), "words": words})


@licences.command("accept", help="Accept a licence for this site, after reading it.")
@takes(AcceptOptions)
def accept(options: AcceptOptions) -> None:
    from toonctl.cli._run import session

    with session("models-licences-accept", options) as at:
        from toonctl.pipelines import models

        target = models.accept(options.licence, by=options.by, country=options.country)
        at.result([str(target)], {"outputs": [str(target)]})


def _line(each: "Standing") -> str:
    entry = each.entry
    commit = entry.commit if len(entry.commit) < 40 else entry.commit[:8]
    home = f"{entry.home}@{commit}" if entry.repo else entry.home
    facts = [f"{entry.engine}  {entry.role}  {entry.id}", home, each.size, entry.licence.id]
    state = f"{each.state} ({each.source})" if each.source else each.state
    return "  ".join([*facts, state, *([each.refusal] if each.refusal else [])])


def _row(each: "Standing") -> dict[str, object]:
    entry = each.entry
    return {
        "id": entry.id,
        "engine": entry.engine,
        "role": entry.role,
        "repo": entry.repo or None,
        "url": entry.url or None,
        "commit": entry.commit,
        "revision": entry.revision,
        "seen": entry.seen or None,
        "licence": entry.licence.id,
        "optional": entry.is_optional,
        "note": entry.note,
        "origin": entry.origin,
        "files": [
            {"path": f.path, "bytes": f.bytes, "about_bytes": f.about_bytes, "sha256": f.sha256}
            for f in entry.files
        ],
        "state": each.state,
        "folder": None if each.folder is None else str(each.folder),
        "source": each.source or None,
        "faults": list(each.faults),
        "refusal": each.refusal,
    }


def _plan_lines(plans: "Sequence[FetchPlan]") -> list[str]:
    from toonctl.pipelines.models import total_size

    lines: list[str] = []
    for plan in plans:
        missing = plan.missing
        note = f" ({plan.note})" if plan.note else ""
        lines.append(f"{plan.entry.id}: licence {plan.entry.licence.id}, into {plan.folder}{note}")
        for file in missing:
            size = "size not known" if file.bytes is None else f"{file.bytes} bytes"
            lines.append(f"  {file.path}  {size}  {file.sha256 or 'SHA-256 not known'}")
    n_files = sum(len(plan.missing) for plan in plans)
    return [*lines, f"{n_files} files, {total_size(plans)}" if plans else "nothing to fetch"]


def _plan(plan: "FetchPlan") -> dict[str, object]:
    return {
        "id": plan.entry.id,
        "folder": str(plan.folder),
        "commit": plan.commit or None,
        "note": plan.note,
        "files": [{"path": f.path, "bytes": f.bytes, "sha256": f.sha256, "url": f.url} for f in plan.missing],
    }


def _state(licence: "Licence", site: "SiteLicences") -> str:
    if why := site.refusal(licence):
        return why
    accepted = site.of(licence)
    return f"accepted by {accepted.by} on {accepted.date}" if accepted else "allows every use"


def _licence(licence: "Licence", site: "SiteLicences") -> dict[str, object]:
    accepted = site.of(licence)
    return {
        "id": licence.id,
        "name": licence.name,
        "text": licence.text,
        "commercial": licence.commercial,
        "terms": licence.terms,
        "territory_excluded": list(licence.territory_excluded),
        "accepted_by": accepted.by if accepted else None,
        "accepted_on": accepted.date if accepted else None,
        "refusal": site.refusal(licence),
    }
