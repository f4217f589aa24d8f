"""The straight path from data (level 0) to noise (level 1), walked by each token at its own level."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def mix(
    data: Float[Tensor, "token channel"], noise: Float[Tensor, "token channel"], level: Float[Tensor, " token"]
) -> Float[Tensor, "token channel"]:
    """Noise each token to its level in [0, 1]: at 0 it is the data to the bit. Its velocity is `noise - data`."""
    level = level[:, None]
    return torch.where(level == 0, data, (1 - level) * data + level * noise)


def clean(
    state: Float[Tensor, "token channel"], velocity: Float[Tensor, "token channel"], level: Float[Tensor, " token"]
) -> Float[Tensor, "token channel"]:
    """The data that a velocity points back to: `state - level * velocity`."""
    return state - level[:, None] * velocity


def raise_to(
    highest: Float[Tensor, " token"],
    values: Float[Tensor, "token channel"],
    level: Float[Tensor, " token"],
    noise: Float[Tensor, "token channel"],
) -> Float[Tensor, "token channel"]:
    """Noise tokens further: `x_a = (1 - a) x + a n` becomes `(1 - b) x + b m`, `m` of the same law as `n`."""
    keep = torch.where(level < highest, (1 - highest) / (1 - level).clamp_min(1e-12), 1)
    spread = (highest.square() - (keep * level).square()).clamp_min(0).sqrt()
    return keep[:, None] * values + spread[:, None] * noise


def draw_noise(seeds: Sequence[tuple[int, ...]], lengths: Sequence[int], channels: int) -> Float[Tensor, "token channel"]:
    """Gaussian noise for a packed sequence: each segment's is that of its own seed, whatever stands beside it.

    Drawn on the CPU, so that every device starts from the same numbers; a seed is (that of the clip, which of its draws, and which step of
    it, counted from 1, where steps draw noise too).
    """
    parts = []
    for seed, length in zip(seeds, lengths, strict=True):
        # Mixed into 64 bits, so that neighbouring seeds and draws share nothing.
        key = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
        parts.append(torch.randn(length, channels, generator=torch.Generator().manual_seed(key)))
    return torch.cat(parts)
