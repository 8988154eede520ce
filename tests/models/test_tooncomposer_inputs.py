"""Pictures, packing, latents, tiles, sampling: ToonComposer's parts around the transformer."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.tooncomposer_toys import TOY, transformer
from toonctl.models.sampling import flow_schedule, guided, sample_flow, seeded_noise
from toonctl.models.tooncomposer import pictures
from toonctl.models.tooncomposer.conditioning import (
    SparseFrames,
    condition,
    latent_count,
    latent_index,
    pack,
    shared_latents,
)
from toonctl.models.tooncomposer.encoders import pad_text
from toonctl.models.tooncomposer.system import Prompt, RunSettings, ToonComposer
from toonctl.models.tooncomposer.vae import Tiling, build_vae, decode, encode

FRAME = torch.zeros(3, 16, 16)


def test_frames_and_their_latents() -> None:
    """Values of the reference sheet, section 3."""
    assert [latent_index(k) for k in (0, 1, 4, 5, 13, 16, 20, 40, 60)] == [0, 1, 1, 2, 4, 4, 5, 10, 15]
    assert [latent_count(n) for n in (1, 5, 61, 81)] == [1, 2, 16, 21]
    for n in (0, 4, 60, 63):
        with pytest.raises(ValueError, match=r"4 n \+ 1"):
            latent_count(n)


def test_packing_by_hand() -> None:
    planes = torch.arange(9.0)[:, None, None].expand(9, 1, 1)
    expected = [[0, 1, 5], [0, 2, 6], [0, 3, 7], [0, 4, 8]]
    assert pack(planes)[:, :, 0, 0].tolist() == expected


def test_sketches_that_share_a_latent_frame_are_found() -> None:
    at = dict.fromkeys((0, 1, 4, 5, 9), FRAME)
    assert shared_latents(at) == [(1, 4)]


@pytest.mark.parametrize(
    ("colors", "sketches", "masks", "complaint"),
    [([9], [], [], "color at"), ([], [-1], [], "sketch at"), ([0], [3], [4], "masks without a sketch at")],
)
def test_frames_outside_the_video_are_refused(
    colors: list[int], sketches: list[int], masks: list[int], complaint: str
) -> None:
    def frames(at: list[int]) -> dict[int, Tensor]:
        return dict.fromkeys(at, FRAME)

    with pytest.raises(ValueError, match=complaint):
        SparseFrames(9, (16, 16), frames(colors), frames(sketches), frames(masks))


@given(st.integers(8, 900), st.integers(8, 900), st.sampled_from([(480, 832), (608, 1088), (32, 48)]))
def test_a_fitted_picture_covers_the_video(h: int, w: int, size: tuple[int, int]) -> None:
    height, width = pictures.fitted_size((h, w), size)
    assert height >= size[0]
    assert width >= size[1]
    assert height == size[0] or width == size[1]


def test_the_published_size_is_missed_by_a_row_no_longer() -> None:
    """735 x 1274 has the video's very shape; the published code made 479 rows of it and stopped."""
    assert pictures.fitted_size((735, 1274), (480, 832)) == (480, 832)


def test_sketches_turn_to_light_lines_on_dark() -> None:
    paper = torch.full((16, 16, 4), 255, dtype=torch.uint8)
    paper[4] = 0
    frame = pictures.sketch_frame(paper, (16, 16))
    assert frame.unique().tolist() == [-1, 1]
    assert frame[:, 4].eq(1).all()
    with pytest.raises(ValueError, match="three channels"):
        pictures.color_frame(paper, (16, 16))


def test_a_region_stays_with_its_sketch() -> None:
    """A mark in the same corner of picture and matte: aligned when cropped, not when stretched."""
    picture = torch.zeros(16, 32, 3, dtype=torch.uint8)
    picture[:, 8:12] = 255
    frame = pictures.color_frame(picture, (16, 16))
    aligned = pictures.region_mask(picture[..., 0], (16, 16))
    assert aligned.equal((frame[0] < 0).float())
    assert not pictures.region_mask(picture[..., 0], (16, 16), is_stretched=True).equal(aligned)


@torch.no_grad()
def test_masks_and_presence_reach_their_channels() -> None:
    torch.manual_seed(0)
    vae = build_vae(8).eval()
    mask = torch.ones(16, 16)
    mask[:, :8] = 0
    frames = SparseFrames(9, (16, 16), {0: FRAME}, {3: FRAME, 8: FRAME}, {8: mask})
    found = condition(vae, frames, alpha=0.7)
    latents = found.sketches.latents
    assert found.sketches.indices == (1, 2)
    assert found.sketches.alpha == 0.7
    assert latents.shape == (1, 24, 2, 2, 2)
    assert latents[0, :4, :, 0, 0].tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]
    assert latents[0, 20:, 0].eq(1).all()
    assert latents[0, 23, 1].tolist() == [[0, 1], [0, 1]]
    assert found.video[0, :4, :, 0, 0].tolist() == [[1, 0, 0]] * 4
    narrow = condition(vae, frames, sketch_channels=20).sketches.latents
    assert narrow.equal(latents[:, :20])


@torch.no_grad()
def test_a_picture_tells_on_later_latents_alone() -> None:
    torch.manual_seed(0)
    vae = build_vae(8).eval()
    video = torch.zeros(1, 3, 13, 16, 16)
    changed = video.clone()
    changed[:, :, 6] = torch.rand(3, 16, 16)
    moved = (encode(vae, changed) - encode(vae, video)).abs().amax((0, 1, 3, 4)) > 1e-6
    assert moved.tolist() == [False, False, True, True]


@torch.no_grad()
def test_one_tile_is_the_whole_picture() -> None:
    torch.manual_seed(0)
    vae = build_vae(8).eval()
    latents = torch.randn(1, 16, 2, 5, 6)
    whole = decode(vae, latents)
    assert whole.shape == (1, 3, 5, 40, 48)
    torch.testing.assert_close(decode(vae, latents, tiling=Tiling((5, 6), (3, 3))), whole)


@given(st.integers(2, 9), st.integers(1, 9), st.integers(4, 24))
def test_tiles_leave_no_pixel_out(size: int, stride: int, length: int) -> None:
    from toonctl.models.tooncomposer.vae import _ramp, _spans

    stride = min(stride, size)
    total = torch.zeros(length * 8)
    for span in _spans(length, size, stride):
        total[span.start * 8 : span.stop * 8] += _ramp(span, length, size - stride)
    assert bool((total > 0).all())


def test_tiles_with_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="leave gaps"):
        Tiling((4, 4), (5, 4))


def test_fifteen_published_timesteps() -> None:
    """Reference sheet, section 5."""
    expected = [1000, 985.92, 970.15, 952.38, 932.20, 909.09, 882.35, 851.06, 813.95, 769.23]
    expected += [714.29, 645.16, 555.56, 434.78, 263.16]
    schedule = flow_schedule(15, shift=5.0)
    assert schedule.timesteps.tolist() == pytest.approx(expected, abs=5e-3)
    assert schedule.sigmas[-1] == 0
    with pytest.raises(ValueError, match="at least one step"):
        flow_schedule(0, shift=5.0)


def test_the_sampler_finds_the_data_of_a_straight_flow() -> None:
    """With velocity noise - data, known exactly, any number of steps ends at the data."""
    data, noise = torch.randn(1, 4), seeded_noise((1, 4), 7)
    for n in (1, 6):
        *_, last = sample_flow(lambda _x, _t: noise - data, noise, flow_schedule(n, shift=5.0))
        torch.testing.assert_close(last, data, atol=1e-5, rtol=1e-5)


def test_a_run_can_go_on_in_the_middle() -> None:
    schedule = flow_schedule(5, shift=3.0)
    noise = seeded_noise((1, 4), 7)
    states = list(sample_flow(lambda x, t: x * t[0] / 1000, noise, schedule))
    rest = list(sample_flow(lambda x, t: x * t[0] / 1000, states[1], schedule, first_step=2))
    assert [a.equal(b) for a, b in zip(rest, states[2:], strict=True)] == [True] * 3


def test_guidance_by_hand() -> None:
    asked: list[bool] = []

    def predict(latents: Tensor, _timestep: Tensor, is_positive: bool) -> Tensor:
        asked.append(is_positive)
        return latents * (2 if is_positive else 1)

    x = torch.ones(1)
    assert guided(predict, 7.5)(x, x).item() == 1 + 7.5
    assert asked == [True, False]
    assert guided(predict, 1.0)(x, x).item() == 2
    assert asked == [True, False, True]


def test_text_is_padded_with_zeros_to_512() -> None:
    padded = pad_text([torch.ones(3, 2), torch.ones(5, 2)])
    assert padded.shape == (2, 512, 2)
    assert padded.sum((1, 2)).tolist() == [6, 10]
    with pytest.raises(ValueError, match="513 tokens"):
        pad_text([torch.ones(513, 2)])


def test_the_same_seed_gives_the_same_frames() -> None:
    torch.manual_seed(0)
    vae = build_vae(8).eval()
    system = ToonComposer(transformer(), vae)
    frames = SparseFrames(5, (32, 48), {0: torch.zeros(3, 32, 48)}, {4: torch.zeros(3, 32, 48)}, {})
    with torch.no_grad():
        found = condition(vae, frames)
    text = torch.randn(1, 512, TOY.text_dim)
    prompt = Prompt(text, -text, torch.randn(1, 257, TOY.image_dim))
    runs = [list(system.sample(found, prompt, RunSettings(2, seed=seed))) for seed in (3, 3, 4)]
    assert len(runs[0]) == 3
    assert runs[0][-1].equal(runs[1][-1])
    assert not runs[0][-1].equal(runs[2][-1])
    video = system.decode(runs[0][-1])
    assert video.shape == (1, 3, 5, 32, 48)
    assert video.abs().max() <= 1
