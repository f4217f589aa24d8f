"""Between the bytes of pictures and what a network sees."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


def to_signal(frames: UInt8[Tensor, "*clip time height width 3"]) -> Float[Tensor, "*clip 3 time height width"]:
    """Pixels as networks see them, in [-1, 1] and float32."""
    return frames.movedim(-1, -4).to(torch.float32) / 127.5 - 1


def to_frames(signal: Float[Tensor, "*clip 3 time height width"]) -> UInt8[Tensor, "*clip time height width 3"]:
    """Pixels as files hold them; what lies outside [-1, 1] is cut off."""
    return ((signal.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).movedim(-4, -1)
