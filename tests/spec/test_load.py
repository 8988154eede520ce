"""What a shot file may say, what is said about a wrong one, and who overrides whom."""

from fractions import Fraction
from pathlib import Path

import pytest

from spec.shots import FLAT, LAYERED
from toonctl.core.errors import Problem, SpecError, UsageError
from toonctl.spec.load import LoadedShot, load_shot, parse_set, resolved, values_by_key


def load(folder: Path, text: str, **options: object) -> LoadedShot:
    path = folder / "shot.toml"
    path.write_text(text, "utf-8")
    return load_shot(path, command="colorize-long", **options)


def problems(folder: Path, text: str, **options: object) -> dict[str, Problem]:
    """The problems of a faulty shot file by place."""
    with pytest.raises(SpecError) as caught:
        load(folder, text, **options)
    return {problem.where or "": problem for problem in caught.value.problems}


def test_flat_sequence_is_read_as_written(tmp_path: Path) -> None:
    shot = load(tmp_path, FLAT)
    assert (shot.spec.shot.name, shot.spec.shot.rate, shot.spec.shot.first_frame) == ("walk", Fraction(24), 1)
    assert shot.spec.art.line == "line/walk.####.png"
    assert shot.spec.art.layer == "A"
    [reference] = shot.spec.references
    assert (reference.frame, reference.image) == (1, "color/walk.0001.png")
    assert shot.spec.engine.name == "cel"
    assert shot.spec.output.movies == ("prores4444",)
    assert shot.file("line") == tmp_path / "line"


def test_layered_cut_is_read_as_written(tmp_path: Path) -> None:
    spec = load(tmp_path, LAYERED).spec
    assert (spec.art.psd, spec.art.sheet, spec.output.psd) == ("cut012_keys.psd", "cut012.xdts", True)
    assert spec.references[0].drawings == {"A": "1", "B": "2"}
    assert spec.output.sheets is None


def test_output_stays_in_one_folder(tmp_path: Path) -> None:
    shot = load(tmp_path, FLAT)
    assert shot.output_folder(None) == tmp_path / "out" / "walk"
    assert shot.output_folder(Path("elsewhere")) == Path("elsewhere/walk")


def test_all_problems_come_at_once_with_their_lines(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
[shot]
nam = "cut012"
rate = 23.976
[art]
line = "line/a.png"
psd = "cut012_keys.psd"
exposure = { A = "1x6", "../x" = "1" }
[[reference]]
image = "a.png"
psd = "b.psd"
[[reference]]
fram = 2
[output]
movies = ["prores444"]
[engine]
matcher = "lerned"
doubt_below = 4
device = "gpu"
gap_px = "wide"
[enginee]
x = 1
""",
    )
    assert set(found) == {
        "shot.toml:1: shot.name",
        "shot.toml:2: shot.nam",
        "shot.toml:3: shot.rate",
        "shot.toml:5: art.line",
        "shot.toml:6: art.psd",
        'shot.toml:7: art.exposure."../x"',
        "shot.toml:10: reference[1].psd",
        "shot.toml:12: reference[2].fram",
        "shot.toml:14: output.movies[1]",
        "shot.toml:16: engine.matcher",
        "shot.toml:17: engine.doubt_below",
        "shot.toml:18: engine.device",
        "shot.toml:19: engine.gap_px",
        "shot.toml:20: enginee",
    }
    assert [int(where.split(":")[1]) for where in found] == sorted(int(w.split(":")[1]) for w in found)
    hints = {where.rsplit(" ", 1)[-1]: problem.hint for where, problem in found.items()}
    assert hints["shot.nam"] == "did you mean `name`?"
    assert hints["reference[2].fram"] == "did you mean `frame`?"
    assert hints["output.movies[1]"] == "did you mean `prores4444`?"
    assert hints["engine.matcher"] == "did you mean `learned`?"
    assert hints["enginee"] == "did you mean `engine`?"


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        (('line = "line/walk.####.png"', ""), "shot.toml:5: art", "no drawings"),
        (("line/walk.####.png", "##/walk.##.####.png"), "shot.toml:6: art.line", "more than one"),
        (
            ('[[reference]]\nframe = 1\nimage = "color/walk.0001.png"', ""),
            "shot.toml:1: reference",
            "missing",
        ),
        (('image = "color/walk.0001.png"', ""), "shot.toml:7: reference[1]", "no picture"),
        (("frame = 1", 'frame = 1\ndrawings = { A = "1" }'), "shot.toml:9: reference[1].drawings", "psd"),
        (("frame = 1", "frame = 0"), "shot.toml:8: reference[1].frame", "before the shot"),
        (("frame = 1", "frame = 1.0"), "shot.toml:8: reference[1].frame", "whole number"),
        (('"walk"', '"a/b"'), "shot.toml:3: shot.name", "contains `/`"),
        (('"walk"', '".."'), "shot.toml:3: shot.name", "not a name"),
        (('"walk"', '"a\\u0007"'), "shot.toml:3: shot.name", "U+0007"),
        (('"walk"', f'"{"線" * 41}"'), "shot.toml:3: shot.name", "123 bytes"),
        (('"walk"', '""'), "shot.toml:3: shot.name", "empty"),
        (('"walk"', "12"), "shot.toml:3: shot.name", "must be text"),
        (('"24"', '"24 fps"'), "shot.toml:4: shot.rate", "24 fps"),
        (('"24"', '"24"\nframes = "1-"'), "shot.toml:5: shot.frames", "1-"),
        (("[art]", '[art]\nlayer = "comp"'), "shot.toml:6: art.layer", "comp"),
        (("[art]", '[art]\nexposure = { A = "1x0" }'), "shot.toml:6: art.exposure.A", "1x0"),
        (("[art]", '[[layer]]\nname = "A"\n[[layer]]\nname = "A"\n[art]'), "shot.toml:6: layer[1].name", "2"),
        (
            ("[art]", '[psd]\nroles = { lines = ["x"] }\n[art]'),
            "shot.toml:6: psd.roles.lines",
            "not a choice",
        ),
        (("[art]", "[output]\npsd = 1\n[art]"), "shot.toml:6: output.psd", "`true` or `false`"),
        (("[art]", '[engine]\nname = "cell"\n[art]'), "shot.toml:6: engine.name", "cell"),
        (("[art]", '[engine]\npreset = "fnal"\n[art]'), "shot.toml:6: engine.preset", "fnal"),
        (("[art]", '[engine]\npreset = "mine.toml"\n[art]'), "shot.toml:6: engine.preset", "mine.toml"),
    ],
)
def test_a_fault_names_its_line(tmp_path: Path, change: tuple[str, str], where: str, what: str) -> None:
    found = problems(tmp_path, FLAT.replace(*change))
    assert where in found
    assert what in found[where].what


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'[shot]\nname = "wa', "shot.toml:2"),
        (b"[shot\n", "shot.toml:1:6"),
        (b'[shot]\nname = "\xff\xfe"\n', "shot.toml:2"),
        (b"a = " + b"[" * 5000, "shot.toml"),
        (b"a = 1" + b"0" * 5000, "shot.toml"),
        (b"", "shot.toml:1: shot"),
    ],
)
def test_what_is_not_toml_names_its_place(tmp_path: Path, data: bytes, where: str) -> None:
    path = tmp_path / "shot.toml"
    path.write_bytes(data)
    with pytest.raises(SpecError) as caught:
        load_shot(path, command="colorize-long")
    assert (caught.value.problems[0].where or "").startswith(where)
    assert caught.value.exit_code == 3


def test_a_byte_order_mark_and_crlf_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "shot.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FLAT.replace("\n", "\r\n").encode())
    shot = load_shot(path, command="colorize-long")
    assert shot.spec.shot.name == "walk"
    assert shot.origins["shot.name"] == "shot.toml:3"


def test_a_missing_file_or_a_folder_is_a_wrong_command_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(UsageError):
            load_shot(path, command="colorize-long")


def test_a_huge_shot_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "shot.toml"
    with path.open("wb") as file:
        file.truncate(20_000_001)
    with pytest.raises(SpecError, match="20 MB"):
        load_shot(path, command="colorize-long")


def test_each_source_overrides_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        "[engine]\nseed = 1\nmemory_items = 1\nline_threshold = 61\nmin_region_px = 1\nfigures = false\n"
    )
    (tmp_path / "mine.toml").write_text(
        "[engine]\nseed = 2\nmemory_items = 2\nline_threshold = 62\nmin_region_px = 2\n"
    )
    monkeypatch.setenv("TOONCTL_SITE", str(site))
    monkeypatch.setenv("TOONCTL_ENGINE_SEED", "4")
    monkeypatch.setenv("TOONCTL_ENGINE_MEMORY_ITEMS", "4")
    text = FLAT + '[engine]\npreset = "mine.toml"\nseed = 3\nmemory_items = 3\nline_threshold = 63\n'
    shot = load(tmp_path, text, overrides=[("engine.seed", 9), ("engine.seed", 5)])
    engine = shot.spec.engine
    assert (engine.seed, engine.memory_items, engine.line_threshold) == (5, 4, 63)
    assert (engine.min_region_px, engine.figures, engine.backward_sweep) == (2, False, True)
    assert {key: shot.origins[f"engine.{key}"] for key in ("seed", "memory_items", "line_threshold")} == {
        "seed": "command line",
        "memory_items": "TOONCTL_ENGINE_MEMORY_ITEMS",
        "line_threshold": "shot.toml:14",
    }
    assert shot.origins["engine.min_region_px"] == "preset mine"
    assert shot.origins["engine.figures"] == "site file site.toml:6"
    assert shot.origins["engine.backward_sweep"] == "default"
    assert shot.origins["reference[1].frame"] == "shot.toml:8"


def test_faults_outside_the_shot_file_name_their_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site.toml"
    site.write_text("[output]\npng = 'rgb'\n[art]\nlayer = 'A'\n")
    (tmp_path / "mine.toml").write_text("[engine]\nfigurs = true\npreset = 'cel'\n")
    monkeypatch.setenv("TOONCTL_SITE", str(site))
    monkeypatch.setenv("TOONCTL_ENGINE_SEEED", "4")
    found = problems(tmp_path, FLAT, preset="mine.toml", overrides=[("engine.matcher", "flow")])
    assert set(found) == {
        "site file site.toml:2: output.png",
        "site file site.toml:3: art",
        "preset mine.toml:2: engine.figurs",
        "preset mine.toml:3: engine.preset",
        "TOONCTL_ENGINE_SEEED",
        "command line: engine.matcher",
    }


def test_a_preset_is_found_with_or_without_the_name_of_its_engine(tmp_path: Path) -> None:
    for name in ("preview", "cel-preview"):
        shot = load(tmp_path, FLAT, preset=name)
        assert shot.spec.engine.preset == name
        assert shot.origins["engine.preset"] == "command line"
        assert shot.origins["engine.backward_sweep"] == "preset cel-preview"


def test_an_override_may_fill_an_inline_table_or_replace_a_list(tmp_path: Path) -> None:
    shot = load(
        tmp_path, LAYERED, overrides=[parse_set("output.movies=[]"), parse_set('psd.roles.line=["ink"]')]
    )
    assert shot.spec.output.movies == ()
    assert shot.spec.psd.roles == {"line": ("ink",)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("engine.gap_px=4", 4),
        ("engine.matcher=geometric", "geometric"),
        ('engine.matcher = "geometric"', "geometric"),
        ("output.movies=['png']", ["png"]),
        ("engine.figures=false", False),
        ("art.line=a/b.####.png", "a/b.####.png"),
        ("a.b=1\nc=2", "1\nc=2"),
    ],
)
def test_set_reads_toml_and_bare_words(text: str, value: object) -> None:
    assert parse_set(text)[1] == value


@pytest.mark.parametrize("text", ["engine.gap_px", "=4", ""])
def test_set_without_key_and_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_set(text)


def test_an_override_of_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load(tmp_path, FLAT, overrides=[("engine..seed", 1)])


def test_the_resolved_shot_is_itself_a_valid_shot(tmp_path: Path) -> None:
    first = load(tmp_path, LAYERED)
    flat = values_by_key(first.spec)
    assert flat["shot.rate"] == "24/1"
    assert set(flat) == set(first.origins)
    overrides = [(f"{t}.{k}", v) for t in ("engine", "output") for k, v in resolved(first.spec)[t].items()]
    again = load(tmp_path, LAYERED, overrides=overrides)
    assert resolved(again.spec) == resolved(first.spec)
