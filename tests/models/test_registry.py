"""Registered weights: every engine has its rows, what is found where, what is said when it is not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from toonctl.core.errors import CheckpointError
from toonctl.models.digests import MEMORY, digest
from toonctl.models.licences import Licence
from toonctl.models.registry import entries, find, locate, parse
from toonctl.models.shelves import LOCK, PublishedFile, gaps, size_text

CRAFTER = "Doubiiu--ToonCrafter"
COMMIT = "7c56c5a23d9f8a9d99398e2a2491fff4bd6cffaf"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "models"
    root.mkdir()
    monkeypatch.setenv("TOONCTL_MODELS", str(root))
    return root


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site that has accepted what ToonCrafter asks."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("TOONCTL_SITE", str(folder / "site.toml"))
    accepted = '[[accepted]]\nlicence = "tooncrafter"\nby = "TD"\ndate = "2026-11-21"\n'
    (folder / "licences.toml").write_text(accepted)
    return folder


def put(folder: Path, *names: str, data: bytes = b"weights") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def said(error: CheckpointError) -> str:
    [problem] = error.problems
    return f"{problem.what}\n{problem.where}\n{problem.hint}"


def test_every_engine_has_its_rows() -> None:
    roles = {
        "tooncomposer": {"adapter-480p", "adapter-608p", "base", "text", "tokenizer", "vision", "vae"},
        "longanimation": {"base", "text", "tokenizer", "vae", "scheduler", "sketch", "dglm", "lvu", "vision"}
        | {"lines"},
        "tooncrafter": {"model", "pruned", "sketch"},
        "framepack": {"transformer", "vae", "text", "tokenizer", "text-2", "tokenizer-2", "vision"},
        "wan-flf2v": {"base", "text", "tokenizer", "vision", "vae"},
    }
    for engine, wanted in roles.items():
        assert {row.role for row in entries(engine)} == wanted
    named = {file.path for row in entries("metrics") for file in row.files}
    assert {"alexnet-owt-7be5be79.pth", "vgg16-397923af.pth", "i3d_pretrained_400.pt"} <= named


def test_rows_are_pinned_in_full_or_say_that_they_are_not() -> None:
    for row in entries():
        assert row.commit == "unpinned" or len(row.commit) == 40
        assert row.licence.text.startswith("https://")
        pickles = [file for file in row.files if file.path.endswith((".bin", ".pth", ".pt", ".ckpt"))]
        assert not any(file.is_pattern for file in pickles), row.id
    assert entries("tooncrafter", "model")[0].commit == COMMIT
    [half] = [row for row in entries() if row.id == "tooncrafter-512-fp16"]
    assert half.is_pinned
    assert half.files[0].sha256 == "e259c201d34d497e57bc1ff1e7d2fbb03f3e9dbda660f7b8d16407e2305acbbb"


def test_a_named_file_goes_first_and_must_be_there(root: Path, tmp_path: Path) -> None:
    put(root / f"{CRAFTER}@{COMMIT[:8]}", "model.ckpt")
    put(tmp_path, "mine.ckpt")
    found = find("tooncrafter", "model", given={"model": str(tmp_path / "mine.ckpt")})
    assert (found.path, found.source, found.entry) == (tmp_path / "mine.ckpt", "named", None)
    with pytest.raises(CheckpointError, match="not where they are said to be"):
        locate("tooncrafter", "model", given={"model": str(tmp_path / "other.ckpt")})


@pytest.mark.parametrize("shelf", [f"{CRAFTER}@{COMMIT[:8]}", CRAFTER, "ToonCrafter", "Doubiiu/ToonCrafter"])
def test_weights_are_found_on_shelves_of_every_name(root: Path, shelf: str) -> None:
    put(root / shelf, "model.ckpt")
    assert locate("tooncrafter", "model", given={}) == root / shelf / "model.ckpt"


def test_a_pinned_row_takes_no_other_commit(root: Path) -> None:
    put(root / f"{CRAFTER}@00000000", "model.ckpt")
    with pytest.raises(CheckpointError):
        locate("tooncrafter", "model", given={})


def test_the_second_row_serves_when_the_first_is_not_here(root: Path) -> None:
    put(root / "DynamiCrafter_pruned", "tooncrafter_512_interp-fp16.safetensors")
    found = find("tooncrafter", "model", given={})
    assert found.entry is not None
    assert found.entry.id == "tooncrafter-512-fp16"


def test_the_hub_cache_is_read_by_commit_and_by_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    put(hub / f"models--{CRAFTER}" / "snapshots" / COMMIT, "model.ckpt")
    assert find("tooncrafter", "model", given={}).source == "hub cache"
    wan = hub / "models--Wan-AI--Wan2.1-I2V-14B-480P"
    put(wan / "snapshots" / "f", "Wan2.1_VAE.pth")
    with pytest.raises(CheckpointError):
        locate("tooncomposer", "vae", given={})
    put(wan, "refs/main", data=b"f")
    assert locate("tooncomposer", "vae", given={}) == wan / "snapshots" / "f" / "Wan2.1_VAE.pth"


def test_what_is_missing_is_named_with_everything_needed_to_get_it(root: Path) -> None:
    with pytest.raises(CheckpointError) as raised:
        locate("tooncrafter", "model", given={})
    text = said(raised.value)
    assert raised.value.exit_code == 6
    for part in (COMMIT, "Doubiiu/ToonCrafter", "`model.ckpt`", "10.5 GB", "SHA-256", "licence tooncrafter"):
        assert part in text
    assert str(root) in text
    assert "toonctl models fetch tooncrafter" in text


def test_missing_shards_and_wrong_sizes_are_seen(root: Path) -> None:
    folder = root / "Wan2.1-I2V-14B-480P-Diffusers"
    index = {"weight_map": {"a": "d-1.safetensors", "b": "d-2.safetensors"}}
    put(folder / "transformer", "d.safetensors.index.json", data=json.dumps(index).encode())
    put(folder / "transformer", "config.json", "d-1.safetensors")
    with pytest.raises(CheckpointError) as raised:
        locate("tooncomposer", "base", given={})
    assert "`d-2.safetensors` is absent" in said(raised.value)
    put(folder / "transformer", "d-2.safetensors")
    assert locate("tooncomposer", "base", given={}) == folder / "transformer"
    lock = {"files": {"transformer/d-2.safetensors": {"bytes": 9, "sha256": "0"}}}
    put(folder, LOCK, data=json.dumps(lock).encode())
    [row] = [row for row in entries() if row.id == "wan-i2v-480p-diffusers"]
    assert gaps(row, folder) == ["`transformer/d-2.safetensors` is 7 bytes, not 9"]


def test_a_licence_that_is_not_accepted_stops(root: Path, site: Path) -> None:
    (site / "licences.toml").unlink()
    put(root / "ToonCrafter", "model.ckpt")
    with pytest.raises(CheckpointError) as raised:
        locate("tooncrafter", "model", given={})
    assert raised.value.exit_code == 6
    assert "licences accept tooncrafter" in said(raised.value)
    assert "https://huggingface.co/Doubiiu/ToonCrafter" in said(raised.value)


@pytest.mark.parametrize(("country", "is_free"), [("", False), ("DE", False), ("GB", False), ("JP", True)])
def test_a_territory_is_respected(root: Path, site: Path, country: str, is_free: bool) -> None:
    put(root / "HunyuanVideo", "vae/config.json", "vae/v.safetensors")
    accepted = '[[accepted]]\nlicence = "tencent-hunyuan"\nby = "TD"\ndate = "2026-11-21"\n'
    (site / "licences.toml").write_text(f'country = "{country}"\n{accepted}')
    if is_free:
        assert locate("framepack", "vae", given={}) == root / "HunyuanVideo" / "vae"
        return
    with pytest.raises(CheckpointError, match="grants nothing"):
        locate("framepack", "vae", given={})


def test_the_site_adds_rows_that_go_first(root: Path, site: Path) -> None:
    put(
        site / "models.d",
        "ours.toml",
        data=b"""
        [licences.ours]
        name = "in-house"
        text = "https://studio.example/terms"
        commercial = "yes"
        [[models]]
        id = "our-crafter"
        engine = "tooncrafter"
        role = "model"
        url = "https://studio.example/"
        licence = "ours"
        gives = "ours.safetensors"
        files = [{ path = "ours.safetensors", bytes = 7 }]
        """,
    )
    put(root, "ours.safetensors")
    put(root / "ToonCrafter", "model.ckpt")
    assert locate("tooncrafter", "model", given={}) == root / "ours.safetensors"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ('id = "x"', "there is no licence"),
        ('id = "x"\nlicence = "mit"', "missing"),
        ('id = "x"\nengine = "e"\nrole = "r"\nlicence = "mit"\ncomit = "1"', "unknown `comit`"),
        ('id = "x"\nengine = "e"\nrole = "r"\nlicence = "mit"\ncommit = "5860546"', "40 hexadecimal digits"),
        (
            'id = "x"\nengine = "e"\nrole = "r"\nlicence = "mit"\nfiles = [{ path = "../x" }]',
            "out of its folder",
        ),
        (
            'id = "x"\nengine = "e"\nrole = "r"\nlicence = "mit"\nrepo = "x"\nfiles = [{ path = "x" }]',
            "owner/name",
        ),
        ("id = ", "cannot be read"),
    ],
)
def test_a_faulty_row_is_refused_with_its_fault(row: str, fault: str) -> None:
    with pytest.raises(CheckpointError, match=fault):
        parse(f"[[models]]\n{row}\n".encode(), name="site.toml")


def test_patterns_fit_as_they_glob(tmp_path: Path) -> None:
    deep, flat = PublishedFile("**/x.safetensors"), PublishedFile("a/*.json")
    put(tmp_path, "x.safetensors", "a/b/x.safetensors", "a/c.json", "a/b/d.json")
    for file, fitting in ((deep, ["a/b/x.safetensors", "x.safetensors"]), (flat, ["a/c.json"])):
        assert [path.relative_to(tmp_path).as_posix() for path in file.within(tmp_path)] == fitting
        names = ["x.safetensors", "a/b/x.safetensors", "a/c.json", "a/b/d.json"]
        assert sorted(name for name in names if file.fits(name)) == fitting


def test_a_digest_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    put(tmp_path, "w.bin", data=b"one")
    first = digest(tmp_path / "w.bin")
    memory = json.loads((tmp_path / MEMORY).read_text())
    memory["w.bin"]["sha256"] = "remembered"
    (tmp_path / MEMORY).write_text(json.dumps(memory))
    assert digest(tmp_path / "w.bin") == "remembered"
    assert digest(tmp_path / "w.bin", is_anew=True) == first
    put(tmp_path, "w.bin", data=b"another")
    assert digest(tmp_path / "w.bin") not in (first, "remembered")
    assert digest(tmp_path) != digest(tmp_path / "w.bin")


def test_the_union_is_all_its_members() -> None:
    licence = Licence("l", "L", "https://l", "yes", territory_excluded=("EU",))
    assert [code for code in ("FR", "PL", "CH", "NO", "GB", "JP") if licence.excludes(code)] == ["FR", "PL"]


def test_sizes_are_told_as_people_say_them() -> None:
    assert size_text(10_500_000_000, is_exact=False) == "about 10.5 GB"
    assert (size_text(7), size_text(None)) == ("7 bytes", "size not known")


def test_looking_loads_no_torch() -> None:
    script = "import sys, toonctl.pipelines.models as m; m.standings(); print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False\n"
