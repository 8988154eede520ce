"""manifest.json: complete, equal for equal jobs, silent about people and hosts."""

import json
import socket
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from shotkit import KEY, Finished, finish_shot
from toonctl.core.types import InputFile, LayerRole, Role, Warned
from toonctl.stages.chunks import merge_chunks
from toonctl.stages.manifest import Manifest, MovieFile, farm_of, retract_manifest, write_manifest
from toonctl.stages.tree import OutputTree


@pytest.fixture
def shot(tmp_path: Path) -> Finished:
    return finish_shot(OutputTree.of(tmp_path, None, "cut012"))


def manifest_of(shot: Finished) -> Manifest:
    layers = (LayerRole("A/1/線", Role.LINE),)
    return Manifest(
        version="0.1.0",
        shot="cut012",
        shot_file="shot.toml",
        shot_sha256="ab",
        rate=Fraction(24000, 1001),
        resolved={"shot": {"name": "cut012"}},
        inputs=(InputFile("art/cut012.psd", "cd", 99, (320, 180), 8, "sRGB (assumed)", layers),),
        timeline=shot.timeline,
        movies=(MovieFile("movies/cut012.comp.png.mov", "png", "ef", "n9.0.2", ("-i", "pipe:0")),),
        warnings=(Warned("W104", "odd"),),
        run=merge_chunks(shot.tree),
    )


def written(shot: Finished, manifest: Manifest) -> Mapping[str, Any]:
    content = write_manifest(shot.tree, manifest)
    stored = json.loads(shot.tree.manifest.read_text(encoding="utf-8"))
    assert stored == content
    return stored


def test_it_holds_what_the_production_guide_lists(shot: Finished) -> None:
    stored = written(shot, manifest_of(shot))
    assert list(stored) == [
        *("schema", "tool", "command", "status", "job_key", "shot", "inputs", "engine", "frames"),
        *("layers", "movies", "warnings", "run"),
    ]
    assert (stored["status"], stored["command"], stored["job_key"]) == ("complete", "colorize-long", KEY)
    assert stored["inputs"] == [
        {
            "path": "art/cut012.psd",
            "sha256": "cd",
            "bytes": 99,
            "size": [320, 180],
            "depth": 8,
            "icc": "sRGB (assumed)",
            "layers": [{"name": "A/1/線", "role": "line"}],
        }
    ]
    assert stored["frames"] == {"range": "1-10", "rate": "24000/1001", "drawings": {"A": 3, "B": 2}}
    assert [layer["files"] for layer in stored["layers"]] == [
        "frames/A/cut012.A.####.png",
        "frames/B/cut012.B.####.png",
        "frames/comp/cut012.comp.####.png",
    ]
    assert set(stored["run"]) == {"started", "seconds", "chunks", "peak_rss_mb", "peak_vram_mb"}


def test_equal_jobs_differ_only_in_run(shot: Finished) -> None:
    first = manifest_of(shot)
    later = replace(first.run.run, started="2030-01-01T00:00:00Z", seconds=99.0, peak_rss_mb=1)
    a = dict(written(shot, first))
    b = dict(written(shot, replace(first, run=replace(first.run, run=later, n_chunks=7))))
    assert a.pop("run") != b.pop("run")
    assert a == b


def test_the_host_is_named_only_on_request(shot: Finished) -> None:
    assert "host" not in written(shot, manifest_of(shot))["run"]
    named = written(shot, replace(manifest_of(shot), record_host=True))
    assert named["run"]["host"] == socket.gethostname()


@pytest.mark.parametrize(
    ("environment", "farm"),
    [
        ({"SLURM_JOB_ID": "42"}, {"kind": "slurm", "job": "42"}),
        ({"OPENJD_SESSION_WORKING_DIR": "/s"}, {"kind": "openjd", "job": ""}),
        ({"CUE_JOB": "show-shot"}, {"kind": "opencue", "job": "show-shot"}),
        ({}, None),
    ],
)
def test_farms_are_told_by_their_variables(environment: dict[str, str], farm: dict[str, str] | None) -> None:
    assert farm_of(environment) == farm


def test_a_retracted_manifest_is_gone(shot: Finished) -> None:
    written(shot, manifest_of(shot))
    retract_manifest(shot.tree)
    retract_manifest(shot.tree)
    assert not shot.tree.manifest.exists()
