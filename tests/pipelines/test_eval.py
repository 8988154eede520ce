"""`eval` from files to tables: what is read, what is said, and which exit code ends it."""

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from artkit import save_png
from cli.process import TOONCTL, ended
from metrics.lpips_golden import backbone_weights, head_weights, pictures
from metrics.networks_golden import amt_weights, moving, random_weights
from toonctl.core.errors import ArtError, CheckpointError, DeliveryError, EngineError, SpecError, UsageError
from toonctl.core.files import digest_file
from toonctl.core.reporter import SilentReporter
from toonctl.core.types import Pixels
from toonctl.formats.mov import MovieSpec, MovieWriter
from toonctl.metrics import distributions
from toonctl.metrics.pixel import psnr
from toonctl.models.amt import AmtS
from toonctl.models.inception import Inception2015
from toonctl.pipelines._eval_networks import ENGINE, NETWORKS
from toonctl.pipelines._eval_protocol import METRICS, PROTOCOLS
from toonctl.pipelines._eval_result import EvalResult
from toonctl.pipelines.eval import EvalOrder, parse_bounds, run

SKY, SKIN, WRONG = (200, 220, 235, 255), (240, 200, 170, 255), (60, 90, 130, 255)
SIZE = (60, 40)


def drawn(place: int, *, n_wrong: int = 0) -> Pixels:
    """A face of 20 x 20 at `place` on the sky; `n_wrong` of its rows have the wrong color."""
    picture = np.full((40, 60, 4), SKY, np.uint8)
    picture[10:30, place : place + 20] = SKIN
    picture[10 : 10 + n_wrong, place : place + 20] = WRONG
    return picture


def folder(path: Path, pictures: list[Pixels], first: int = 1) -> Path:
    for place, picture in enumerate(pictures):
        save_png(path / f"shot.{first + place:04d}.png", picture)
    return path


def evaluated(result: Path, truth: Path | None, **options: object) -> EvalResult:
    settings = {"protocol": "cel", **options}
    return run(EvalOrder(result=result, truth=truth, **settings), SilentReporter())  # type: ignore[arg-type]


def values(result: EvalResult) -> dict[str, float | None]:
    return {measured.metric: measured.value for measured in result.measures}


class Listening(SilentReporter):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[tuple[str, str]] = []

    def warn(self, code: str, text: str) -> None:
        self.warnings.append((code, text))


def test_values_by_hand(tmp_path: Path) -> None:
    truth = folder(tmp_path / "truth", [drawn(10), drawn(12)])
    result = folder(tmp_path / "result", [drawn(10), drawn(12, n_wrong=8)])
    found = evaluated(result, truth, metrics=("foreground_color", "region_color", "flicker", "psnr_box"))
    by_name = {measured.metric: measured for measured in found.measures}
    # Of the face's 18 x 18 inner pixels, 7 rows are wrong in the second frame.
    assert by_name["foreground_color"].value == pytest.approx((1 + 11 / 18) / 2)
    assert by_name["foreground_color"].worst == 2
    assert by_name["region_color"].value == 1
    # Of the true pixels that stand (all but 2 columns at each side of the face), 8 rows of 18 changed.
    assert by_name["flicker"].value == pytest.approx(8 * 18 / (60 * 40 - 20 * 4))
    error = 8 * 20 * sum((a - b) ** 2 for a, b in zip(SKIN, WRONG, strict=True)) / (20 * 20 * 3) / 255**2
    assert by_name["psnr_box"].value == pytest.approx((100 - 10 * np.log10(error)) / 2)
    assert found.n_frames == 2


def test_every_protocol_says_all_that_changes_a_number(tmp_path: Path) -> None:
    truth = folder(tmp_path / "truth", [drawn(10 + place) for place in range(16)])
    assert {metric.name for metric in METRICS.values() if metric.needs_network} == NETWORKS.keys()
    for name, protocol in PROTOCOLS.items():
        found = evaluated(truth, truth, protocol=name)
        assert found.protocol.id == f"{name}/{protocol.version}"
        assert protocol.picked in protocol.text
        assert (f"{protocol.size[0]}x" if protocol.size else "own size") in protocol.text
        for metric in protocol.metrics:
            assert len(protocol.with_metrics([metric]).text) > len(protocol.with_metrics([]).text)
        for measured in found.measures:
            if METRICS[measured.metric].needs_network:
                assert measured.value is None
                assert "not measured: needs" in (measured.reason or "")
            elif measured.value is None:
                assert measured.reason
    assert evaluated(truth, truth, protocol="kdq").pairs[0].frames == (8, 9)
    report = Listening()
    assert run(EvalOrder(truth, truth, "longanimation-short"), report).n_frames == 14
    assert report.warnings == []  # what a protocol leaves out is no lack of either side
    assert values(evaluated(truth, truth, protocol="longanimation"))["low_decay"] == pytest.approx(0)


def test_frames_are_matched_by_number_and_the_rest_is_named(tmp_path: Path) -> None:
    truth = folder(tmp_path / "truth", [drawn(10 + place) for place in range(6)])
    result = folder(tmp_path / "result", [drawn(12), drawn(13)], first=3)
    report = Listening()
    found = run(EvalOrder(result, truth, "cel", ("psnr",)), report)
    assert found.pairs[0].frames == (3, 4)
    assert values(found)["psnr"] == 100
    assert report.warnings[0][0] == "W201"
    assert "frames 1-2,5-6 of the truth" in report.warnings[0][1]


def test_a_movie_is_measured_like_its_frames(tmp_path: Path) -> None:
    pictures = [drawn(10 + place, n_wrong=place) for place in range(4)]
    truth = folder(tmp_path / "truth", [drawn(10 + place) for place in range(4)])
    frames = folder(tmp_path / "frames", pictures)
    path = tmp_path / "shot.mov"
    with MovieWriter(path, MovieSpec(SIZE, Fraction(24), "png")) as movie:
        for picture in pictures:
            movie.write(picture)
    assert values(evaluated(path, truth)) == values(evaluated(frames, truth))
    assert evaluated(path, truth, protocol="kdq").n_frames == 2


def test_the_composite_and_the_layers_of_an_output_folder(tmp_path: Path) -> None:
    tree = tmp_path / "out" / "shot"
    for name, n_wrong in (("comp", 0), ("A", 5)):
        folder(tree / "frames" / name, [drawn(10, n_wrong=n_wrong)])
    truth = folder(tmp_path / "truth", [drawn(10)])
    assert values(evaluated(tree, truth, metrics=("psnr",)))["psnr"] == 100
    assert values(evaluated(tree, truth, metrics=("psnr",), layer="A"))["psnr"] < 30
    with pytest.raises(UsageError, match="no layer `B`"):
        evaluated(tree, truth, layer="B")


def test_what_it_took_to_draw_is_in_the_result(tmp_path: Path) -> None:
    tree = tmp_path / "shot"
    truth = folder(tmp_path / "truth", [drawn(10), drawn(12)])
    folder(tree / "frames/comp", [drawn(10), drawn(12)])
    engine = {"name": "framepack", "device": "cuda", "dtype": "bf16"}
    shipped = len(files("toonctl.weights").joinpath("cel_matcher.safetensors").read_bytes())
    sizes = {
        "vision: image_encoder": 900.0,  # as registered
        "cel_matcher.safetensors": round(shipped / 1e6, 3),
        "vision: of-my-own": None,
        "none: of-my-own": None,
    }
    for file, size_mb in sizes.items():
        manifest = {
            "command": "inbetween",
            "frames": {"range": "1-2"},
            "engine": {**engine, "weights": [{"file": file}]},
            "run": {"seconds": 3.0, "peak_rss_mb": 440, "peak_vram_mb": 9000},
        }
        (tree / "manifest.json").write_text(json.dumps(manifest))
        took = evaluated(tree, truth, metrics=("psnr",)).document["pairs"][0]["efficiency"]  # type: ignore[index]
        assert (took["ms_per_frame"], took["peak_rss_mb"], took["peak_vram_mb"]) == (1500, 440, 9000)
        assert took["weights_mb"] == size_mb


def test_layers_that_come_apart_are_seen(tmp_path: Path) -> None:
    tree = tmp_path / "shot"
    for index, shift in enumerate((0, 6, 0)):
        for name, left in (("A", 5), ("B", 25 + shift)):
            layer = np.zeros((40, 60, 4), np.uint8)
            layer[10:30, left : left + 20] = SKIN if name == "A" else WRONG
            save_png(tree / "frames" / name / f"shot.{name}.{index + 1:04d}.png", layer)
    truth = folder(tmp_path / "truth", [drawn(5)] * 3)
    order = {"protocol": "layerpack", "metrics": ("layer_edges", "layer_stack"), "layer": "A"}
    found = evaluated(tree, truth, **order)
    assert values(found)["layer_edges"] == pytest.approx(2 / 3)
    assert found.measures[0].worst == 2
    assert values(found)["layer_stack"] is None


def test_pairs_from_a_file_are_pooled(tmp_path: Path) -> None:
    truth = folder(tmp_path / "truth", [drawn(10), drawn(12)])
    folder(tmp_path / "good", [drawn(10), drawn(12)])
    folder(tmp_path / "bad", [drawn(10, n_wrong=20), drawn(12, n_wrong=20)])
    path = tmp_path / "pairs.toml"
    path.write_text(
        '[[pair]]\nname = "one"\nresult = "good"\ntruth = "truth"\n'
        '[[pair]]\nname = "two"\nresult = "bad"\ntruth = "truth"\n'
    )
    found = evaluated(path, None, metrics=("foreground_color",))
    assert [values.measures[0].value for values in found.pairs] == [1, 0]
    assert (found.measures[0].value, found.measures[0].spread, found.measures[0].n) == (0.5, 0.5, 2)
    path.write_text('[[pair]]\nname = "one"\nresult = "good"\ntrust = "truth"\n')
    with pytest.raises(SpecError) as error:
        evaluated(path, None)
    assert "trust" in str(error.value)
    assert truth.is_dir()


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    truth = folder(tmp_path / "truth", [drawn(10), drawn(12)])
    small = folder(tmp_path / "small", [drawn(10)[:20], drawn(12)[:20]])
    with pytest.raises(ArtError, match="60x20 and 60x40"):
        evaluated(small, truth)
    with pytest.raises(ArtError, match="no counterpart"):
        evaluated(folder(tmp_path / "late", [drawn(10)], first=7), truth)
    with pytest.raises(ArtError, match="there is no"):
        evaluated(tmp_path / "none", truth)
    with pytest.raises(ArtError, match="no pictures"):
        evaluated(tmp_path, truth)
    with pytest.raises(UsageError, match="nothing to be compared"):
        evaluated(truth, None)
    with pytest.raises(UsageError, match="psnrr"):
        evaluated(truth, truth, metrics=("psnrr",))
    with pytest.raises(UsageError, match="protocol `cell`"):
        evaluated(truth, truth, protocol="cell")
    with pytest.raises(UsageError, match="no number"):
        parse_bounds(["psnr=high"])
    with pytest.raises(UsageError, match="does not measure"):
        evaluated(truth, truth, least={"lpips": 0.1})
    with pytest.raises(EngineError, match=r"it needs `vgg16-397923af\.pth` and.*models fetch metrics"):
        evaluated(truth, truth, protocol="kdq", least={"lpips_vgg": 0.1})


@dataclass(frozen=True)
class Site:
    """A site with a folder of models, and a registry in which random weights are the right ones."""

    root: Path
    models: Path

    def accept(self, *licences: str) -> None:
        rows = (f'[[accepted]]\nlicence = "{name}"\nby = "TD"\ndate = "2026-11-01"\n' for name in licences)
        (self.root / "licences.toml").write_text("".join(rows))

    def store(self, name: str, tensors: Mapping[str, torch.Tensor]) -> str:
        """The digest of the file of weights that is now there."""
        path = self.models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dict(tensors), path)
        return digest_file(path)

    def register(self, entry: str, role: str, name: str, sha256: str) -> None:
        """Puts these weights in the place of the published ones, before the registry is read."""
        registry = self.root / "models.d" / f"{role}.toml"
        registry.parent.mkdir(exist_ok=True)
        registry.write_text(
            f'[[models]]\nid = "{entry}"\nengine = "{ENGINE}"\nrole = "{role}"\n'
            f'licence = "mit"\ngives = "{name}"\nfiles = [{{ path = "{name}", sha256 = "{sha256}" }}]\n'
        )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    (tmp_path / "site").mkdir()
    monkeypatch.setenv("TOONCTL_SITE", str(tmp_path / "site" / "site.toml"))
    monkeypatch.setenv("TOONCTL_MODELS", f"{tmp_path / 'none'}{os.pathsep}{tmp_path / 'models'}")
    return Site(tmp_path / "site", tmp_path / "models")


def test_a_network_is_used_when_its_files_are_there(tmp_path: Path, site: Site) -> None:
    features, heads = "alexnet-owt-7be5be79.pth", "lpips/weights/v0.1/alex.pth"
    digests = site.store(features, backbone_weights("alex")), site.store(heads, head_weights("alex"))
    site.register("alexnet", "alexnet", features, digests[0])
    site.register("lpips-alex", "lpips-alex", heads, digests[1])
    picture, true = (np.dstack([p, np.full(p.shape[:2], 255, np.uint8)]) for p in pictures())
    truth, result = folder(tmp_path / "truth", [true]), folder(tmp_path / "result", [picture])
    found = evaluated(result, truth, metrics=("lpips", "psnr"), least={"lpips": 0.1})
    assert values(found)["lpips"] == pytest.approx(0.186330765, rel=1e-4)
    assert found.document["networks"] == {"lpips": dict(zip((features, "alex.pth"), digests, strict=True))}
    assert found.missed == ("`lpips` is 0.1863, over 0.1",)
    site.store(heads, {"lin0.model.1.weight": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="is not the published file"):
        evaluated(result, truth, metrics=("lpips",))


def test_quadrants_are_held_against_each_other(tmp_path: Path, site: Site) -> None:
    features, heads = "alexnet-owt-7be5be79.pth", "lpips/weights/v0.1/alex.pth"
    site.register("alexnet", "alexnet", features, site.store(features, backbone_weights("alex")))
    site.register("lpips-alex", "lpips-alex", heads, site.store(heads, head_weights("alex")))
    picture, true = pictures()
    canvas = np.full((144, 192, 4), 255, np.uint8)
    canvas[:72, :96, :3], canvas[72:, :96, :3] = picture, true
    result = folder(tmp_path / "result", [canvas])
    found = values(evaluated(result, result, protocol="layerpack-sync"))
    assert found["quadrants"] == pytest.approx(psnr(picture, true))
    assert found["quadrants_lpips"] == pytest.approx(0.186330765, rel=1e-4)


def test_weights_whose_licence_is_not_accepted_are_not_used(tmp_path: Path, site: Site) -> None:
    site.store("pt_inception-2015-12-05-6726825d.pth", {})
    truth = folder(tmp_path / "truth", [drawn(10)])
    (site.models / "lalala125--AMT").mkdir()
    site.store("lalala125--AMT/amt-s.pth", {})
    measured = {m.metric: m for m in evaluated(truth, truth, metrics=("fid", "motion_smoothness")).measures}
    assert all(each.value is None for each in measured.values())
    assert "is not accepted on this site" in str(measured["fid"].reason)
    refusal = "`cc-by-nc-4.0` (Creative Commons Attribution-NonCommercial 4.0) is not accepted on this site"
    assert refusal in str(measured["motion_smoothness"].reason)


def test_smoothness_stands_at_the_frame_it_is_of(tmp_path: Path, site: Site) -> None:
    weights = amt_weights(AmtS())
    site.register("amt-s", "amt-s", "amt-s.pth", site.store("amt-s.pth", weights))
    frames = [np.dstack([f, np.full(f.shape[:2], 255, np.uint8)]) for f in moving(6)]
    result = folder(tmp_path / "result", frames)
    found = evaluated(result, result, metrics=("psnr", "motion_smoothness"))
    series = found.pairs[0].series["motion_smoothness"]
    # The first and every second frame after it are neighbors only; the sixth lacks one.
    assert [value is not None for value in series] == [False, True, False, True, False, False]
    known = [value for value in series if value is not None]
    assert (found.measures[1].n, found.measures[1].worst) == (2, 2 if known[0] < known[1] else 4)
    assert found.measures[1].value == pytest.approx(np.mean(known))


def test_a_distance_of_sets_needs_enough_frames_and_is_of_all_pairs(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "pt_inception-2015-12-05-6726825d.pth"
    site.register("inception-2015", "inception", name, site.store(name, random_weights(Inception2015(), 1)))
    monkeypatch.setattr(distributions, "LEAST_SAMPLES", 3)
    truth = folder(tmp_path / "truth", [drawn(10), drawn(12)])
    result = folder(tmp_path / "result", [drawn(11), drawn(14)])
    few = evaluated(result, truth, metrics=("fid",)).measures[0]
    assert few.value is None
    assert "2 frames are too few" in str(few.reason)
    pairs = tmp_path / "pairs.toml"
    pairs.write_text(
        "".join(f'[[pair]]\nname = "{n}"\nresult = "result"\ntruth = "truth"\n' for n in ("one", "two"))
    )
    report = Listening()
    found = run(EvalOrder(pairs, None, "cel", ("fid",)), report)
    assert found.measures[0].value is not None
    assert found.measures[0].n == 4
    assert [pair.measures[0].reason for pair in found.pairs] == ["not measured: a set has it as a whole"] * 2
    assert any("unsure" in text for _, text in report.warnings)


def test_a_bound_ends_with_8_in_the_right_direction(tmp_path: Path) -> None:
    truth = folder(tmp_path / "truth", [drawn(10)])
    result = folder(tmp_path / "result", [drawn(14)])
    kept = evaluated(result, truth, least={"psnr": 5, "line_chamfer": 100})
    assert kept.missed == ()
    missed = evaluated(result, truth, metrics=("psnr", "flicker", "off_palette"), least={"psnr": 90})
    assert len(missed.missed) == 1
    assert "under 90" in missed.missed[0]
    assert "has no value" in evaluated(result, truth, least={"flicker": 0.1}).missed[0]
    done = ended(*TOONCTL, "eval", result, "--truth", truth, "--fail-under", "psnr=90", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["exit_code"], document["status"]) == (8, 8, "failed")
    assert "under 90" in done.stderr


def test_the_files_say_the_same_as_the_screen(tmp_path: Path) -> None:
    truth = folder(tmp_path / "truth", [drawn(10 + place) for place in range(8)])
    result = folder(tmp_path / "result", [drawn(10 + place, n_wrong=place) for place in range(8)])
    out = tmp_path / "out"
    done = ended(*TOONCTL, "eval", result, "--truth", truth, "--out", out)
    assert done.returncode == 0, done.stderr
    document = json.loads((out / "eval.json").read_text("utf-8"))
    psnr = next(entry for entry in document["measures"] if entry["name"] == "psnr")
    assert f"{psnr['value']:.2f} dB" in done.stdout
    assert document["protocol"]["text"] in " ".join(done.stdout.split())
    assert f"{psnr['value']:.2f} dB" in (out / "eval.md").read_text("utf-8")
    rows = list(csv.DictReader((out / "eval.csv").read_text("utf-8").splitlines()))
    assert [int(row["frame"]) for row in rows] == list(range(1, 9))
    assert float(np.mean([float(row["psnr"]) for row in rows])) == pytest.approx(psnr["value"])
    page = (out / "index.html").read_text("utf-8")
    assert "http" not in page
    assert page.index("result, frame 8") < page.index("result, frame 7")  # the worst frame first
    with pytest.raises(DeliveryError, match="already there"):
        evaluated(result, truth, out=out)
    assert evaluated(result, truth, out=out, overwrite=True, metrics=("psnr",)).files


def test_the_worst_frames_and_numbers_repeat(tmp_path: Path) -> None:
    truth = folder(tmp_path / "truth", [drawn(10 + place) for place in range(9)])
    result = folder(tmp_path / "result", [drawn(10 + place, n_wrong=1 + place % 3) for place in range(9)])
    pages = []
    for name in ("one", "two"):
        evaluated(result, truth, out=tmp_path / name)
        pages.append((tmp_path / name / "index.html").read_bytes())
    assert pages[0] == pages[1]
