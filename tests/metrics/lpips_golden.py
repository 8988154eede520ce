"""Weights and pictures made by a formula, to hold our LPIPS against the published code.

The stored values of `test_perceptual.py` come from this file, run where the packages `lpips` 0.1.4 and
`torchvision` are installed: `python tests/metrics/lpips_golden.py`. No package carries the backbones, so both
sides get the same random ones.
"""

import sys

import numpy as np
import torch

SHAPES = {
    "alex": {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)},
    "vgg": {
        **{0: (64, 3, 3), 2: (64, 64, 3), 5: (128, 64, 3), 7: (128, 128, 3)},
        **{10: (256, 128, 3), 12: (256, 256, 3), 14: (256, 256, 3)},
        **{17: (512, 256, 3), 19: (512, 512, 3), 21: (512, 512, 3)},
        **{24: (512, 512, 3), 26: (512, 512, 3), 28: (512, 512, 3)},
    },
}
CHANNELS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}


def backbone_weights(name: str) -> dict[str, torch.Tensor]:
    """torchvision's names, random values that keep the signal's size."""
    random = np.random.default_rng(5)
    found: dict[str, torch.Tensor] = {}
    for place, (n_out, n_in, side) in SHAPES[name].items():
        spread = np.float32((2 / (n_in * side * side)) ** 0.5)
        values = random.standard_normal((n_out, n_in, side, side), np.float32) * spread
        found[f"features.{place}.weight"] = torch.from_numpy(values)
        found[f"features.{place}.bias"] = torch.from_numpy(random.standard_normal(n_out, np.float32) / 50)
    return found


def head_weights(name: str) -> dict[str, torch.Tensor]:
    """The published heads' names, positive values."""
    random = np.random.default_rng(6)
    return {
        f"lin{k}.model.1.weight": torch.from_numpy(random.random((1, n, 1, 1), np.float32))
        for k, n in enumerate(CHANNELS[name])
    }


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Two RGB pictures, 72 x 96: waves, and the same waves shifted."""
    ys, xs = np.mgrid[:72, :96]
    planes = [127 + 100 * np.sin(xs / (5 + c)) * np.cos(ys / (7 - c)) for c in range(3)]
    truth = np.stack(planes, -1).round().astype(np.uint8)
    return np.roll(truth, 3, 1), truth


def main() -> None:
    """The values of the published code."""
    import lpips

    planes = [torch.from_numpy(p.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1 for p in pictures()]
    for name in ("alex", "vgg"):
        published = lpips.LPIPS(pretrained=False, pnet_rand=True, net=name, verbose=False).eval()
        slices = {key.split(".", 1)[1]: key for key in published.net.state_dict()}
        state = {f"net.{slices[k.removeprefix('features.')]}": v for k, v in backbone_weights(name).items()}
        missing, _ = published.load_state_dict(state | head_weights(name), strict=False)
        if left := [
            key for key in missing if not key.startswith(("scaling", "lins."))
        ]:  # `lins` is `lin0`...
            raise SystemExit(f"not filled: {left}")
        with torch.inference_mode():
            sys.stdout.write(f"{name} {float(published(*planes)):.9g}\n")


if __name__ == "__main__":
    main()
