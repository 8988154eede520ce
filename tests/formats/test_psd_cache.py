"""PSDs from the cache: the same tree and the same pixels, and none of another file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import Resource
from psd_tools.psd.image_resources import ImageResource

from artkit import rgb_profile, save_keys_psd, save_still_psd, walk
from toonctl.core.cache import cache_folder
from toonctl.core.errors import ArtError
from toonctl.formats import psd_cache
from toonctl.formats.psd import load_nodes, open_psd
from toonctl.formats.psd_cache import recall_nodes, recall_psd
from toonctl.formats.psd_tree import PsdDocument


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOONCTL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return save_keys_psd(tmp_path / "keys.psd", {"A": walk(3)})


def facts(document: PsdDocument) -> tuple[object, ...]:
    fields = (document.size, document.depth, document.mode, document.profile, document.has_bad_profile)
    return (*fields, document.nodes)


def from_disk_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on this process knows nothing, and no file can be opened anew."""
    psd_cache._recalled.cache_clear()

    def refuse(path: Path, _stamp: object) -> PsdDocument:
        raise AssertionError(f"{path} was opened again")

    monkeypatch.setattr(psd_cache, "_opened", refuse)


def test_the_second_look_is_the_first(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [keys, save_still_psd(tmp_path / "still.psd", {"A": walk(1)[0]})]
    firsts = [recall_psd(path) for path in paths]
    opened = [open_psd(path) for path in paths]
    inner = [[node.path for top in document.nodes for node in top.walk()] for document in opened]
    drawn = [[load_nodes(d, [at]) for at in found] for d, found in zip(opened, inner, strict=True)]
    for first, found in zip(firsts, inner, strict=True):
        for at in found:
            recall_nodes(first, [at])
    from_disk_only(monkeypatch)
    for path, known, found, wanted in zip(paths, opened, inner, drawn, strict=True):
        again = recall_psd(path)
        assert facts(again) == facts(known)
        for at, rgba in zip(found, wanted, strict=True):
            assert np.array_equal(recall_nodes(again, [at]), rgba)


def test_a_profile_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = PSDImage.new("RGB", (8, 8))
    image.create_pixel_layer(Image.new("RGB", (8, 8), (200, 40, 90)), name="A")
    profile = ImageResource(key=Resource.ICC_PROFILE.value, data=rgb_profile())
    image.image_resources[Resource.ICC_PROFILE] = profile
    image.save(tmp_path / "a.psd")
    first = recall_psd(tmp_path / "a.psd")
    assert first.profile is not None
    pixels = recall_nodes(first, [(0,)])
    from_disk_only(monkeypatch)
    again = recall_psd(tmp_path / "a.psd")
    assert facts(again) == facts(first)
    assert np.array_equal(recall_nodes(again, [(0,)]), pixels)


def test_a_changed_file_is_another_file(keys: Path) -> None:
    before = recall_psd(keys)
    shown = recall_nodes(before, [(0,)])
    save_still_psd(keys, {"A": walk(1)[0]})
    after = recall_psd(keys)
    assert after.digest != before.digest
    assert facts(after) == facts(open_psd(keys))
    assert np.array_equal(recall_nodes(before, [(0,)]), shown)
    with pytest.raises(ArtError, match="has changed while it was read"):
        recall_nodes(before, [(0, 0)])


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1, 2]", b"\xff\xfe", b'{"nodes": [[1]], "profile": null}']
)
def test_an_entry_of_another_kind_is_made_again(keys: Path, content: bytes) -> None:
    document = recall_psd(keys)
    wanted = recall_nodes(document, [(0,)])
    shelf = psd_cache._shelf
    entries = [path.name for path in (cache_folder() / "psd").iterdir()]
    assert len(entries) == 2
    for name in entries:
        shelf.put(name, content)
    psd_cache._recalled.cache_clear()
    again = recall_psd(keys)
    assert facts(again) == facts(document)
    assert np.array_equal(recall_nodes(again, [(0,)]), wanted)
    assert all(shelf.get(name) != content for name in entries)


def test_a_broken_file_is_refused_every_time(tmp_path: Path, keys: Path) -> None:
    path = tmp_path / "cut.psd"
    path.write_bytes(keys.read_bytes()[:-200])
    for _ in range(2):
        with pytest.raises(ArtError, match="is damaged or no PSD"):
            recall_psd(path)
    assert not list((cache_folder() / "psd").glob("*"))


def test_a_known_psd_is_checked_without_psd_tools(keys: Path) -> None:
    recall_psd(keys)
    look = f"""
import sys
from pathlib import Path
from toonctl.formats.psd_cache import recall_psd
recall_psd(Path({str(keys)!r}))
print(sorted({{"psd_tools", "numpy", "PIL"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
