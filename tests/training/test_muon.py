"""The matcher's optimizer: matrices get orthogonal steps, the rest AdamW's, and both learn."""

import torch

from toonctl.training.muon import Muon, is_matrix, orthogonalize


def test_orthogonalized_matrices_keep_directions_and_lose_scale() -> None:
    matrix = torch.randn(48, 96, generator=torch.Generator().manual_seed(0))
    u, scale, v = torch.linalg.svd(orthogonalize(matrix), full_matrices=False)
    assert 0.6 < float(scale.min()) <= float(scale.max()) < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    torch.testing.assert_close(u @ v, left @ right, atol=0.02, rtol=0)


def test_tall_and_wide_matrices_are_treated_alike() -> None:
    matrix = torch.randn(64, 32, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(orthogonalize(matrix).T, orthogonalize(matrix.T))


def test_small_parameters_are_stepped_as_adamw_steps_them() -> None:
    start = torch.linspace(-1, 1, 5)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    assert not is_matrix(ours)
    mine = Muon([ours], lr=0.1, weight_decay=0.3)
    reference = torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.3, betas=(0.9, 0.98))
    for _ in range(4):
        for optimizer, parameter in ((mine, ours), (reference, theirs)):
            optimizer.zero_grad()
            (parameter**3).sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_a_convolution_is_learned() -> None:
    generator = torch.Generator().manual_seed(2)
    target = torch.randn(32, 8, 3, 3, generator=generator) / 9
    learned = torch.nn.Parameter(torch.zeros_like(target))
    optimizer = Muon([learned], lr=0.03, weight_decay=0.0)
    first = last = 0.0
    for _ in range(60):
        x = torch.randn(4, 8, 6, 6, generator=generator)
        loss = (torch.conv2d(x, learned) - torch.conv2d(x, target)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = first or loss.item(), loss.item()
    assert last < 0.1 * first
