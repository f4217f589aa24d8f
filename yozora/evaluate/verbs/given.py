"""Pixels that an edit was given, or should have made: kept to the bit, and close in decibels."""

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from yozora.evaluate.finding import Finding
from yozora.evaluate.reconstruct import psnr

BETTER = 0.1  # dB, by which a finished draft must beat an enlarged one
EQUAL = 99.0  # dB, said of pixels that are equal

Frames = UInt8[np.ndarray, "time height width 3"]
Mask = Bool[np.ndarray, "time height width"]


def decibels(true: Frames, made: Frames, where: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB over all pixels, or over those of a mask; at most `EQUAL`."""
    mask = None if where is None else torch.from_numpy(np.ascontiguousarray(where))[None]
    return min(psnr(torch.from_numpy(true)[None], torch.from_numpy(made)[None], mask), EQUAL)


def kept_bits(given: Frames, made: Frames, where: Mask) -> Finding:
    """The share of the given pixels, those of a mask, that come back bit for bit."""
    equal = (given == made).all(-1)[where]
    share = float(equal.mean()) if len(equal) else 0.0
    return Finding(share, bool(len(equal)) and bool(equal.all()), f"{int((~equal).sum())} of {len(equal)} changed")


def beats(true: Frames, made: Frames, enlarged: Frames, where: Mask) -> Finding:
    """By how many dB, on the pixels of a mask, a finished draft is closer to the truth than an enlarged one."""
    plain = decibels(true, enlarged, where)
    gain = decibels(true, made, where) - plain
    return Finding(gain, gain >= BETTER, f"{gain + plain:.1f} dB, enlarged {plain:.1f} dB")
