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

    Computed in float32, returned in the type of `x`. On a processor this is bound by memory: one function with its own
    derivative, which keeps `x` alone and walks over rows that stay in cache, takes half the time of the plain formula.
    """
    return NormaliseAndRotate.apply(x, weight.float(), table, eps)


def turn(x: Float[Tensor, "token dim"], table: Float[Tensor, "token half 2"], sign: int) -> Float[Tensor, "token dim"]:
    """Turn neighbours `(2i, 2i + 1)` of each head forward (+1) or back (-1); may write into `x`."""
    pairs = x.unflatten(-1, (-1, table.shape[1], 2))
    if x.device.type == "cpu":  # one pass over memory, but neither Inductor nor older MPS knows complex numbers
        angle = torch.view_as_complex(table)[:, None]
        return torch.view_as_real(torch.view_as_complex(pairs).mul_(angle if sign > 0 else angle.conj_physical())).flatten(1)
    cosine, sine = table[:, None, :, 0], sign * table[:, None, :, 1]
    first, second = pairs.unbind(-1)
    return torch.stack([first * cosine - second * sine, first * sine + second * cosine], dim=-1).flatten(1)


class NormaliseAndRotate(Function):
    """`y = R (weight * n)`, `n = x / rms(x)`."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, table: Tensor | None, eps: float) -> Tensor:
        out, inverse = torch.empty_like(x, memory_format=torch.contiguous_format), weight.new_empty(len(x), 1)
        for rows in row_blocks(x):
            y = x[rows].to(torch.float32, copy=True, memory_format=torch.contiguous_format)
            inverse[rows] = y.square().mean(-1, keepdim=True).add_(eps).rsqrt_()
            y.mul_(inverse[rows]).mul_(weight)
            out[rows] = y if table is None else turn(y, table[rows], 1)
        ctx.save_for_backward(x, weight, table, inverse)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, weight, table, inverse = ctx.saved_tensors
        grad_x, grad_weight = torch.empty_like(grad, memory_format=torch.contiguous_format), torch.zeros_like(weight)
        for rows in row_blocks(x):
            up = grad[rows].to(torch.float32, copy=True, memory_format=torch.contiguous_format)
            up = up if table is None else turn(up, table[rows], -1)
            normed = x[rows] * inverse[rows]
            grad_weight += (up * normed).sum(0)
            up.mul_(weight)  # d/dx = (u - n mean(u n)) / rms
            along = (up * normed).mean(-1, keepdim=True)
            grad_x[rows] = up.addcmul_(normed, along, value=-1).mul_(inverse[rows])
        return grad_x, grad_weight, None, None


def row_blocks(x: Float[Tensor, "token dim"]) -> Iterator[slice]:
    """Consecutive rows to work on at a time: all of them, but on a processor no more than the caches hold."""
    rows = max(1, BLOCK * torch.get_num_threads() // x.shape[-1]) if x.device.type == "cpu" else max(1, len(x))
    return (slice(start, start + rows) for start in range(0, len(x), rows))
