"""Everything random in training: a pure function of (seed, step, rank, purpose), so that there is nothing to restore."""

import hashlib

import numpy as np
import torch


def key(*parts: int | str) -> int:
    """A 63-bit number that depends on every part."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def numpy_generator(*parts: int | str) -> np.random.Generator:
    """A numpy generator for `parts`."""
    return np.random.default_rng(key(*parts))


def torch_generator(device: torch.device, *parts: int | str) -> torch.Generator:
    """A torch generator on `device` for `parts`."""
    return torch.Generator(device).manual_seed(key(*parts))
