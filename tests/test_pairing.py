"""Noise paired with clips: no noise is lost, and no exchange would shorten the way."""

from itertools import permutations

import pytest
import torch

from yozora.train.pairing import EXACT, paired


@pytest.mark.parametrize("count", [1, 2, EXACT, EXACT + 6])
def test_the_same_noise_lies_nearer(count):
    generator = torch.Generator().manual_seed(count)
    noise, clips = (torch.randn(count, 12, generator=generator) for _ in range(2))
    found = paired(noise, clips)
    assert torch.equal(found.sort(0).values, noise.sort(0).values)
    assert (found - clips).square().sum() <= (noise - clips).square().sum() + 1e-6
    for one in range(count):
        for other in range(one):
            order = list(range(count))
            order[one], order[other] = other, one
            assert (found[order] - clips).square().sum() >= (found - clips).square().sum() - 1e-4


def test_few_are_paired_as_well_as_can_be():
    generator = torch.Generator().manual_seed(0)
    noise, clips = (torch.randn(5, 3, generator=generator) for _ in range(2))
    best = min((noise[list(order)] - clips).square().sum().item() for order in permutations(range(5)))
    assert (paired(noise, clips) - clips).square().sum().item() == pytest.approx(best)
