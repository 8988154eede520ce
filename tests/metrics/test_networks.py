"""DISTS, FID, FVD, CLIP and DINO: the published code's values with the same weights, distances by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from transformers import CLIPConfig, CLIPModel

from metrics.lpips_golden import backbone_weights, pictures
from metrics.networks_golden import (
    aesthetic_head,
    clip,
    dists_weights,
    noise,
    planes,
    random_weights,
    save_tower,
)
from toonctl.core.errors import CheckpointError
from toonctl.metrics.distributions import FidSet, FvdSet, frechet
from toonctl.metrics.likeness import IMAGENET, Aesthetic, ClipEye, Consistency, DinoEye, Likeness, resized
from toonctl.metrics.perceptual import DistsMeter
from toonctl.models.dino import Dino, DinoParams
from toonctl.models.i3d import I3d
from toonctl.models.inception import Inception2015

PUBLISHED_DISTS = 0.0613852739
PUBLISHED_INCEPTION = ([0.015866592526435852, 2.2241008281707764, 0.0, 8.430265426635742], 2.28299904)
PUBLISHED_I3D = ([5.978191375732422, -5.238394260406494, 4.798940658569336, 10.340062141418457], -0.311873674)
"""What `networks_golden.py` printed."""

PUBLISHED_DINO = (
    [-0.043280940502882, 4.489850044250488, -1.1019537448883057, 0.08196301013231277],
    0.0037736967,
)
"""The class token of `vision_transformer.py` of facebookresearch/dino, commit 7c446df, with these weights."""

PUBLISHED_PLANE = (
    [-0.6969969272613525, -0.33039745688438416, 0.13748712837696075],
    [0.04951070621609688, 0.20088313519954681, 0.4155507981777191],
)
"""A pixel and the means that `dino_transform` of Vchitect/VBench, commit 45e79ec, gives for the noise."""

PUBLISHED_AESTHETIC = (0.10142634809017181, 0.0529395267367363)
"""The scores that `laion_aesthetic` of the same gives with openai/CLIP's network: the noise, the waves."""


def tensors_on_disk(path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    torch.save(tensors, path)
    return path


def test_dists_is_the_published_codes(tmp_path: Path) -> None:
    features = tensors_on_disk(tmp_path / "vgg.pth", backbone_weights("vgg"))
    meter = DistsMeter(features, tensors_on_disk(tmp_path / "weights.pt", dists_weights()))
    picture, truth = pictures()
    assert meter.take(picture, truth) == pytest.approx(PUBLISHED_DISTS, rel=1e-4)
    assert meter.take(truth, truth) == pytest.approx(0, abs=1e-6)
    assert meter.take(picture[:15], truth[:15]) is None
    with pytest.raises(CheckpointError, match="does not fit"):
        DistsMeter(features, tensors_on_disk(tmp_path / "x.pt", {"alpha": torch.zeros(1, 3, 1, 1)}))


def test_features_are_the_published_codes() -> None:
    with torch.inference_mode():
        inception = Inception2015().eval()
        inception.load_state_dict(random_weights(inception, 1), strict=False)
        vector = inception(planes()[0])[0]
        assert vector[:4].tolist() == pytest.approx(PUBLISHED_INCEPTION[0], rel=1e-4, abs=1e-4)
        assert float(vector.mean()) == pytest.approx(PUBLISHED_INCEPTION[1], rel=1e-4)
        moving = I3d().eval()
        moving.load_state_dict(random_weights(moving, 2), strict=False)
        logits = moving(clip())[0]
        assert logits[:4].tolist() == pytest.approx(PUBLISHED_I3D[0], rel=1e-3)
        assert float(logits.mean()) == pytest.approx(PUBLISHED_I3D[1], rel=1e-3)
        dino = Dino(DinoParams(128, 2, 16, 16)).eval()
        dino.load_state_dict(random_weights(dino, 3))
        token = dino(planes()[0])[0]
        assert token[:4].tolist() == pytest.approx(PUBLISHED_DINO[0], rel=1e-4)
        assert float(token.mean()) == pytest.approx(PUBLISHED_DINO[1], rel=1e-3)


@pytest.mark.parametrize("n", [3, 400])
def test_the_distance_of_two_gaussians_by_hand(n: int) -> None:
    # Axes apart, so covariances commute: the distance is |means|^2 + sum (s - t)^2 over standard deviations.
    base = np.random.default_rng(0).standard_normal((n, 2))
    base = (base - base.mean(0)) / base.std(0, ddof=1)
    base[:, 1] -= base[:, 0] * (base[:, 0] @ base[:, 1]) / (base[:, 0] @ base[:, 0])
    base /= base.std(0, ddof=1)
    a, b = base * [2.0, 3.0], base * [5.0, 1.0] + [1.0, -2.0]
    assert frechet(a, b) == pytest.approx(1 + 4 + (2 - 5) ** 2 + (3 - 1) ** 2)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_the_distance_is_that_of_the_root_of_the_product() -> None:
    random = np.random.default_rng(2)
    a, b = (random.standard_normal((60, 6)) @ random.standard_normal((6, 6)) + shift for shift in (0.0, 0.5))
    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    # As the reference implementations write it, with scipy's root of a matrix.
    root = sqrtm(covariances[0] @ covariances[1]).real
    means = ((a.mean(0) - b.mean(0)) ** 2).sum()
    assert frechet(a, b) == pytest.approx(means + np.trace(covariances[0] + covariances[1] - 2 * root))


def test_the_distance_does_not_depend_on_more_features_than_samples() -> None:
    random = np.random.default_rng(1)
    a, b = random.standard_normal((12, 5)), random.standard_normal((9, 5)) + 1
    padded = [np.pad(x, ((0, 0), (0, 30))) for x in (a, b)]
    assert frechet(*padded) == pytest.approx(frechet(a, b))


def test_clips_never_reach_over_two_shots(tmp_path: Path) -> None:
    weights = tensors_on_disk(tmp_path / "i3d.pt", random_weights(I3d(), 2))
    judge = FvdSet(weights)
    picture, truth = pictures()
    for _ in range(15):
        judge.take(picture, truth)
    judge.end_shot()
    judge.take(picture, truth)
    assert judge.distance().n == 0
    with pytest.raises(CheckpointError, match="does not fit"):
        FidSet(weights)


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CLIP in a transformers folder, both towers."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**sizes, "vocab_size": 50, "max_position_embeddings": 16},
        vision_config={**sizes, "image_size": 224, "patch_size": 56},
        projection_dim=16,
    )
    folder = tmp_path_factory.mktemp("clip")
    CLIPModel(config).eval().save_pretrained(folder)
    return folder


def test_clip_sees_what_transformers_sees(clip_folder: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    model = CLIPModel.from_pretrained(clip_folder).eval()
    mean, spread = (
        torch.tensor(v).view(1, 3, 1, 1)
        for v in ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
    )
    plane = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255 - mean) / spread
    with torch.inference_mode():
        expected = model.visual_projection(model.vision_model(plane).pooler_output)[0]
    seen = ClipEye(clip_folder)(picture)
    assert seen == pytest.approx((expected / expected.norm()).numpy(), abs=1e-5)
    assert Likeness(ClipEye(clip_folder)).take(picture, picture) == pytest.approx(1)


def test_pictures_are_made_smaller_as_vbench_does() -> None:
    plane = resized(noise(), mode="bilinear", normal=IMAGENET)[0]
    assert plane.shape == (3, 224, 400)
    assert plane[:, 100, 100].tolist() == pytest.approx(PUBLISHED_PLANE[0], abs=1e-6)
    assert plane.mean((1, 2)).tolist() == pytest.approx(PUBLISHED_PLANE[1], abs=1e-6)


def test_the_aesthetic_score_is_a_tenth_of_the_heads(clip_folder: Path, tmp_path: Path) -> None:
    head = {"weight": torch.zeros(1, 16), "bias": torch.tensor([6.5])}
    score = Aesthetic(ClipEye(clip_folder), tensors_on_disk(tmp_path / "head.pth", head))
    assert score.take(*pictures()) == pytest.approx(0.65)


def test_the_aesthetic_score_is_the_published_codes(tmp_path: Path) -> None:
    head = tensors_on_disk(tmp_path / "head.pth", aesthetic_head())
    score = Aesthetic(ClipEye(save_tower(tmp_path / "clip")), head)
    waves = pictures()[0]
    assert (score.take(noise(), waves), score.take(waves, waves)) == pytest.approx(
        PUBLISHED_AESTHETIC, abs=1e-6
    )


def test_dino_takes_the_files_sizes_and_refuses_other_networks(tmp_path: Path) -> None:
    file = tensors_on_disk(tmp_path / "dino.pth", random_weights(Dino(DinoParams(128, 2, 16, 196)), 3))
    seen = DinoEye(file)(pictures()[0])
    assert seen.shape == (128,)
    assert np.linalg.norm(seen) == pytest.approx(1, rel=1e-5)
    with pytest.raises(CheckpointError, match="no DINO network"):
        DinoEye(tensors_on_disk(tmp_path / "other.pth", {"fc.weight": torch.zeros(2, 2)}))


def test_consistency_by_hand() -> None:
    angles = {0: 0.0, 1: 60.0, 2: 180.0}

    def eye(picture: np.ndarray) -> np.ndarray:
        angle = np.radians(angles[int(picture[0, 0, 0])])
        return np.array([np.cos(angle), np.sin(angle)], np.float32)

    shot = Consistency(eye)
    frames = [np.full((1, 1, 3), number, np.uint8) for number in angles]
    assert shot.take(frames[0], frames[0]) is None
    assert shot.take(frames[1], frames[1]) == pytest.approx(0.5)  # 60 degrees to both
    # 180 degrees to the first counts as 0, 120 to the one before as 0 too.
    assert shot.take(frames[2], frames[2]) == pytest.approx(0)
