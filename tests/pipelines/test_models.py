"""`models fetch`, `verify`, `add` and licences, against a web server on this machine."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.publisher import LARGE, STORAGE, Publisher, publisher
from toonctl.core.errors import CheckpointError, DeliveryError, Stopped, UsageError
from toonctl.core.reporter import SilentReporter
from toonctl.core.stop import StopFlag
from toonctl.models import registry
from toonctl.models.shelves import LOCK
from toonctl.pipelines import models

WEIGHTS = bytes(range(256)) * 12
ROWS = """
[[models]]
id = "toy-base"
engine = "toy"
role = "base"
repo = "studio/toy-net"
licence = "{licence}"
gives = "transformer"
files = [{{ path = "transformer/*" }}]

[[models]]
id = "toy-vae"
engine = "toy"
role = "vae"
repo = "studio/toy-net"
licence = "{licence}"
gives = "vae.pth"
files = [{{ path = "vae.pth" }}]

[[models]]
id = "toy-lines"
engine = "toy"
role = "lines"
url = "{address}/files"
licence = "mit"
gives = "lines.pth"
is_optional = true
files = [{{ path = "lines.pth", sha256 = "{sha256}" }}]
"""
FILES = {
    "LICENSE": b"Do as you like.\n",
    "transformer/config.json": b"{}",
    "transformer/w-1.safetensors": WEIGHTS,
    "transformer/trainer.bin": WEIGHTS,
    "vae.pth": WEIGHTS[::-1],
}


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    """The publisher, a root for models, and a site with rows that name it."""
    with publisher() as web:
        web.publish("studio/toy-net", FILES)
        web.plain["/files/lines.pth"] = WEIGHTS
        monkeypatch.setenv("HF_ENDPOINT", web.address)
        monkeypatch.setenv("TOONCTL_MODELS", str(tmp_path / "models"))
        monkeypatch.setenv("TOONCTL_SITE", str(tmp_path / "site" / "site.toml"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        write_rows(tmp_path, web)
        yield web


def write_rows(tmp_path: Path, web: Publisher, *, licence: str = "mit", sha256: str | None = None) -> None:
    digest = hashlib.sha256(WEIGHTS).hexdigest() if sha256 is None else sha256
    folder = tmp_path / "site" / "models.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toy.toml").write_text(ROWS.format(licence=licence, address=web.address, sha256=digest))
    registry._all_entries.cache_clear()  # a process reads the registry once


def fetch(*roles: str, stop: StopFlag | None = None) -> tuple[Path, ...]:
    plans = models.plan("toy", roles=roles, ids=(), root=None, is_dry=False)
    return models.fetch(plans, report=SilentReporter(), stop=stop or StopFlag())


def test_what_an_engine_needs_is_fetched_whole_and_locked(web: Publisher, tmp_path: Path) -> None:
    commit = web.branches["studio/toy-net", "main"]
    folder = tmp_path / "models" / f"studio--toy-net@{commit[:8]}"
    assert fetch() == (folder / "transformer", folder / "vae.pth")
    names = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.name.startswith(".")
    }
    assert names == {
        "LICENSE",
        "transformer",
        "transformer/config.json",
        "transformer/w-1.safetensors",
        "vae.pth",
    }
    assert (folder / "vae.pth").read_bytes() == FILES["vae.pth"]
    assert (folder / "vae.pth").stat().st_mode & 0o222 == 0
    lock = json.loads((folder / LOCK).read_text())
    assert (lock["repo"], lock["commit"]) == ("studio/toy-net", commit)
    wanted = {"bytes": len(WEIGHTS), "sha256": hashlib.sha256(WEIGHTS).hexdigest()}
    assert lock["files"]["transformer/w-1.safetensors"] == wanted
    assert registry.locate("toy", "base", given={}) == folder / "transformer"
    web.asked.clear()
    assert fetch() == ()
    assert web.asked == []


def test_a_pattern_never_fetches_a_pickle(web: Publisher, tmp_path: Path) -> None:
    fetch("base")
    assert not [line for line in web.asked if "trainer.bin" in line]


def test_a_token_is_shown_to_the_hub_alone(web: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    fetch("vae")
    shown = {line.split()[1].split("/")[1]: line.endswith(" who") for line in web.asked}
    assert shown == {"api": True, "studio": True, "storage": False}


def test_a_dry_run_tells_files_and_bytes_and_fetches_nothing(web: Publisher, tmp_path: Path) -> None:
    plans = models.plan("toy", roles=(), ids=(), root=None, is_dry=True)
    files = {file.path: file.bytes for plan in plans for file in plan.missing}
    assert files["transformer/w-1.safetensors"] == len(WEIGHTS)
    assert files["vae.pth"] == len(WEIGHTS)
    assert not (tmp_path / "models").exists()
    assert not [line for line in web.asked if "/resolve/" in line]


def test_without_network_a_dry_run_tells_what_is_registered(
    web: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    [plan] = models.plan("toy", roles=["vae"], ids=(), root=None, is_dry=True)
    assert [file.path for file in plan.files] == ["vae.pth"]
    assert "as registered" in plan.note
    with pytest.raises(CheckpointError, match="cannot be reached") as raised:
        fetch("vae")
    assert raised.value.exit_code == 6


def test_an_unpinned_repository_stays_at_the_commit_first_fetched(web: Publisher, tmp_path: Path) -> None:
    first = web.branches["studio/toy-net", "main"]
    fetch("base")
    web.publish("studio/toy-net", {**FILES, "vae.pth": b"newer"})
    [vae] = fetch("vae")
    assert vae.parent.name == f"studio--toy-net@{first[:8]}"
    assert vae.read_bytes() == FILES["vae.pth"]


def test_a_broken_answer_goes_on_where_it_stopped(web: Publisher) -> None:
    web.stumbles.add("vae.pth")
    with pytest.raises(CheckpointError, match="broke off"):
        fetch("vae")
    [vae] = fetch("vae")
    assert vae.read_bytes() == FILES["vae.pth"]
    again = [line for line in web.asked if "bytes=" in line]
    assert again[-1].startswith(f"GET {STORAGE}")
    assert again[-1].endswith(f"vae.pth bytes={len(WEIGHTS) // 2}-")


def test_a_file_that_is_not_the_published_one_is_thrown_away(web: Publisher, tmp_path: Path) -> None:
    write_rows(tmp_path, web, sha256="00000000")
    with pytest.raises(CheckpointError, match="not 00000000"):
        fetch("lines")
    assert [path.name for path in (tmp_path / "models" / "toy-lines").iterdir()] == [LOCK]
    write_rows(tmp_path, web, sha256=hashlib.sha256(WEIGHTS).hexdigest()[:8])
    assert [path.name for path in fetch("lines")] == ["lines.pth"]


def test_a_fetch_that_was_cut_short_is_not_taken_for_a_whole_one(web: Publisher) -> None:
    web.stumbles.add("w-1.safetensors")
    with pytest.raises(CheckpointError, match="broke off"):
        fetch()
    assert {row.entry.id: row.state for row in models.standings("toy")}["toy-base"] == "incomplete"
    assert len(fetch()) == 2


def test_a_signal_keeps_what_is_whole(web: Publisher) -> None:
    stop = StopFlag()
    stop.set("SIGTERM")
    with pytest.raises(Stopped):
        fetch(stop=stop)
    assert len(fetch()) == 2


def test_two_do_not_fetch_into_one_folder(web: Publisher, tmp_path: Path) -> None:
    root = tmp_path / "models"
    root.mkdir()
    lock = {"host": "another", "pid": 1, "time": "2026-11-21T00:00:00Z", "birth": None}
    (root / ".toonctl-fetch.lock").write_text(json.dumps(lock))
    with pytest.raises(DeliveryError, match="being worked on by process 1 on another"):
        fetch()


def test_a_licence_comes_before_its_weights(web: Publisher, tmp_path: Path) -> None:
    write_rows(tmp_path, web, licence="cogvideox")
    with pytest.raises(CheckpointError, match="not accepted"):
        fetch()
    assert web.asked == []
    models.accept("cogvideox", by='Ann "TD"', country=None)
    assert len(fetch()) == 2
    assert models.read_site_licences().accepted[0].by == 'Ann "TD"'
    assert models.licence_text(models.licence("cogvideox")) == "Do as you like.\n"


def test_a_territory_needs_the_country_and_may_exclude_it(web: Publisher) -> None:
    with pytest.raises(UsageError, match="depends on the country"):
        models.accept("tencent-hunyuan", by="TD", country=None)
    with pytest.raises(CheckpointError, match="grants nothing in FR"):
        models.accept("tencent-hunyuan", by="TD", country="fr")
    models.accept("tencent-hunyuan", by="TD", country="jp")
    assert models.read_site_licences().refusal(models.licence("tencent-hunyuan")) is None


def test_verify_finds_a_changed_file(web: Publisher) -> None:
    fetch()
    checked = models.verify("toy", is_anew=False, report=SilentReporter())
    assert {file.path.name: file.state for file in checked} == {
        "config.json": "ok",
        "w-1.safetensors": "ok",
        "vae.pth": "ok",
    }
    vae = registry.locate("toy", "vae", given={})
    vae.chmod(0o644)
    vae.write_bytes(WEIGHTS)
    with pytest.raises(CheckpointError, match="not the published file") as raised:
        models.verify("toy", is_anew=False, report=SilentReporter())
    assert raised.value.problems[0].where == str(vae)


def test_states_follow_what_is_on_disk(web: Publisher) -> None:
    assert {row.entry.id: row.state for row in models.standings("toy")} == {
        "toy-base": "absent",
        "toy-vae": "absent",
        "toy-lines": "absent",
    }
    [base] = fetch("base")
    (base / "w-1.safetensors").unlink()
    assert {row.entry.id: row.state for row in models.standings("toy")}["toy-base"] == "incomplete"
    with pytest.raises(CheckpointError) as raised:
        models.paths("toy", None)
    assert [problem.what.split("`")[1] for problem in raised.value.problems] == ["base", "vae"]


def test_rows_of_the_site_are_checked_before_they_are_added(web: Publisher, tmp_path: Path) -> None:
    file = tmp_path / "more.toml"
    file.write_text('[[models]]\nid = "x"\nlicence = "none"\n')
    with pytest.raises(CheckpointError, match="there is no licence"):
        models.add(file, overwrite=False)
    file.write_text(ROWS.format(licence="mit", address=web.address, sha256="0" * 8).replace("toy", "more"))
    target = models.add(file, overwrite=False)
    assert target == tmp_path / "site" / "models.d" / "more.toml"
    with pytest.raises(DeliveryError, match="already there"):
        models.add(file, overwrite=False)
    assert models.standings("more")[0].entry.id == "more-base"


def test_unknown_names_get_the_nearest(web: Publisher) -> None:
    for call in (
        lambda: models.standings("tooncraft"),
        lambda: models.plan("toy", roles=["bass"], ids=(), root=None, is_dry=True),
        lambda: models.plan("toy", roles=(), ids=["toy-bass"], root=None, is_dry=True),
        lambda: models.licence("mitt"),
    ):
        with pytest.raises(UsageError) as raised:
            call()
        assert "did you mean" in (raised.value.problems[0].hint or "")


def test_the_hub_tells_digests_of_large_files_only() -> None:
    assert len(WEIGHTS) > LARGE > len(FILES["LICENSE"])
