"""Rotary positions in time, row and column, by real arithmetic."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

BASE = 10_000.0  # ratio of the slowest to the fastest wave, Su et al. 2021 (RoFormer)


def rotary_table(
    coordinates: Int[Tensor, "token 3"], width: int
) -> tuple[Float[Tensor, "token half"], Float[Tensor, "token half"]]:
    """Cosine and sine of each token's angles for heads of `width`; time takes what rows and columns leave of it."""
    spatial = 2 * (width // 6)
    exact = torch.float32 if coordinates.device.type == "mps" else torch.float64  # MPS has no float64
    angles = []
    for axis, size in enumerate((width - 2 * spatial, spatial, spatial)):
        powers = torch.arange(0, size, 2, dtype=exact, device=coordinates.device) / max(size, 1)
        angles.append(coordinates[:, axis, None].to(exact) * BASE**-powers)
    angle = torch.cat(angles, dim=1)
    return angle.cos().float(), angle.sin().float()


def rotate(
    x: Float[Tensor, "token head width"], cosine: Float[Tensor, "token half"], sine: Float[Tensor, "token half"]
) -> Float[Tensor, "token head width"]:
    """Turn pair `(i, i + width / 2)` of each head by the token's angle `i`."""
    first, second = x.chunk(2, dim=-1)
    cosine, sine = cosine[:, None], sine[:, None]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
