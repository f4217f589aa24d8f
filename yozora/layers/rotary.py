"""Rotary positions in time, row and column, joined with the norm of queries and keys that comes before them."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

BASE = 10_000.0  # the slowest wave is so many times longer than the fastest (RoFormer, arXiv:2104.09864)
BLOCK = 65_536  # numbers for each thread: 256 KiB in float32, of which a few fit the second-level cache of a core


def rotary_table(coordinates: Int[Tensor, "token 3"], width: int) -> Float[Tensor, "token half 2"]:
    """Cosine and sine of each token's angles for heads of `width`; time takes what rows and columns leave of it."""
    spatial = 2 * (width // 6)
    exact = torch.float32 if coordinates.device.type == "mps" else torch.float64  # MPS has no float64
    angles = []
    for axis, size in enumerate((width - 2 * spatial, spatial, spatial)):
        powers = torch.arange(0, size, 2, dtype=exact, device=coordinates.device) / max(size, 1)
        angles.append(coordinates[:, axis, None].to(exact) * BASE**-powers)
    angle = torch.cat(angles, dim=1)
    return torch.stack([angle.cos(), angle.sin()], dim=-1).float()


def normalise_and_rotate(
    x: Float[Tensor, "token dim"], weight: Float[Tensor, " dim"], table: Float[Tensor, "token half 2"] | None, eps: float
) -> Float[Tensor, "token dim"]:
    """Divide by the root mean square over all heads, weigh, and turn each pair of neighbours by its token's angle.

    Computed in float32, returned in the type of `x`.
    """
    if x.device.type == "cpu" and not torch.compiler.is_compiling():
        return InCache.apply(x, weight.float(), table, eps)
    exact = x.float()
    normed = exact * torch.rsqrt(exact.square().mean(-1, keepdim=True) + eps) * weight.float()
    return (normed if table is None else rotate(normed, table)).to(x.dtype)


def rotate(x: Float[Tensor, "token dim"], table: Float[Tensor, "token half 2"]) -> Float[Tensor, "token dim"]:
    """Turn neighbours `(2i, 2i + 1)` of each head by the token's angle `i`."""
    cosine, sine = table[:, None].unbind(-1)
    first, second = x.unflatten(-1, (-1, table.shape[1], 2)).unbind(-1)
    return torch.stack([first * cosine - second * sine, first * sine + second * cosine], dim=-1).flatten(1)


class InCache(Function):
    """`normalise_and_rotate` for a processor, where it is bound by memory: half the time of the formula.

    With its own derivative, which keeps `x` alone, it walks over blocks of rows that stay in cache, and turns pairs as
    complex numbers, in one pass. With `n = x / rms(x)`: `y = R (weight * n)` and `dx = (u - n mean(u n)) / rms`.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, table: Tensor | None, eps: float) -> Tensor:
        out, inverse = torch.empty_like(x, memory_format=torch.contiguous_format), weight.new_empty(len(x), 1)
        angles = () if table is None else (torch.view_as_complex(table),)
        for rows in row_blocks(x):
            y = x[rows].to(torch.float32, copy=True, memory_format=torch.contiguous_format)
            inverse[rows] = y.square().mean(-1, keepdim=True).add_(eps).rsqrt_()
            y.mul_(inverse[rows]).mul_(weight)
            for angle in angles:
                as_pairs(y, angle).mul_(angle[rows, None])
            out[rows] = y
        ctx.save_for_backward(x, weight, inverse, *angles)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight, inverse, *angles = ctx.saved_tensors
        grad_x, grad_weight = torch.empty_like(grad, memory_format=torch.contiguous_format), torch.zeros_like(weight)
        for rows in row_blocks(x):
            up = grad[rows].to(torch.float32, copy=True, memory_format=torch.contiguous_format)
            for angle in angles:
                as_pairs(up, angle).mul_(angle[rows, None].conj_physical())
            normed = x[rows] * inverse[rows]
            grad_weight += (up * normed).sum(0)
            up.mul_(weight)
            along = (up * normed).mean(-1, keepdim=True)
            grad_x[rows] = up.addcmul_(normed, along, value=-1).mul_(inverse[rows])
        return grad_x, grad_weight, None, None


def as_pairs(x: Float[Tensor, "token dim"], angle: Tensor) -> Tensor:
    """The same memory as complex numbers `[token head half]`."""
    return torch.view_as_complex(x.unflatten(-1, (-1, angle.shape[1], 2)))


def row_blocks(x: Float[Tensor, "token dim"]) -> Iterator[slice]:
    """Consecutive rows, as many at a time as stay in cache."""
    rows = max(1, BLOCK * torch.get_num_threads() // x.shape[-1])
    return (slice(start, start + rows) for start in range(0, len(x), rows))
