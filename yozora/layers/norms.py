"""Norms in float32 whatever the network computes in, and the two ways a noise level speaks: modulation and gates.

On a processor these passes are bound by memory, not by arithmetic, so each is one function with its own derivative that
walks over blocks of rows small enough to stay in cache; elsewhere the block is the whole sequence.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

BLOCK = 65_536  # numbers for each thread: 256 KiB in float32, so that a few of them share a core's second-level cache


def modulated_norm(
    x: Float[Tensor, "token dim"],
    gain: Float[Tensor, "level dim"],
    shift: Float[Tensor, "level dim"],
    index: Int[Tensor, " token"] | None,
    dtype: torch.dtype,
    eps: float,
) -> Float[Tensor, "token dim"]:
    """Layer norm, then `gain * x + shift` with the row of each token's level; no index means one level for all."""
    return ModulatedNorm.apply(x, gain, shift, index, dtype, eps)


def gated_add(
    x: Float[Tensor, "token dim"],
    change: Float[Tensor, "token dim"],
    gate: Float[Tensor, "level dim"],
    index: Int[Tensor, " token"] | None,
) -> Float[Tensor, "token dim"]:
    """`x + gate * change` with the row of each token's level; no index means one level for all."""
    return GatedAdd.apply(x, change, gate, index)


def row_blocks(x: Tensor) -> Iterator[slice]:
    """Consecutive rows of `x` to work on at a time."""
    rows = len(x) if x.device.type != "cpu" else max(1, BLOCK * torch.get_num_threads() // x.shape[-1])
    return (slice(start, start + rows) for start in range(0, len(x), max(rows, 1)))


def rows_of(table: Float[Tensor, "level dim"], index: Int[Tensor, " token"] | None, rows: slice) -> Tensor:
    return table if index is None else table.index_select(0, index[rows])


def add_rows(table: Float[Tensor, "level dim"], index: Int[Tensor, " token"] | None, rows: slice, values: Tensor) -> None:
    """The transpose of `rows_of`."""
    if index is None:
        table += values.sum(0)
    else:
        table.index_add_(0, index[rows], values)


class ModulatedNorm(Function):
    """`y = gain * n + shift`, `n = (x - mean) / deviation`; keeps `x` and two numbers for each token."""

    @staticmethod
    def forward(ctx, x, gain, shift, index, dtype, eps):  # noqa: PLR0913, ANN001, ANN205
        out = torch.empty_like(x, dtype=dtype)
        mean, inverse = x.new_empty(len(x), 1), x.new_empty(len(x), 1)
        for rows in row_blocks(x):
            normed, mean[rows], inverse[rows] = torch.native_layer_norm(x[rows], x.shape[-1:], None, None, eps)
            out[rows] = normed.mul_(rows_of(gain, index, rows)).add_(rows_of(shift, index, rows))
        ctx.save_for_backward(x, gain, index, mean, inverse)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):  # noqa: ANN001, ANN205
        x, gain, index, mean, inverse = ctx.saved_tensors
        grad_x, grad_gain, grad_shift = torch.empty_like(x), torch.zeros_like(gain), torch.zeros_like(gain)
        for rows in row_blocks(x):
            up = grad[rows].to(torch.float32, copy=True)
            add_rows(grad_shift, index, rows, up)
            normed = (x[rows] - mean[rows]).mul_(inverse[rows])
            add_rows(grad_gain, index, rows, normed.mul_(up))
            up.mul_(rows_of(gain, index, rows))
            grad_x[rows] = torch.ops.aten.native_layer_norm_backward(
                up, x[rows], x.shape[-1:], mean[rows], inverse[rows], None, None, [True, False, False]
            )[0]
        return grad_x, grad_gain, grad_shift, None, None, None


class GatedAdd(Function):
    """`y = x + gate * change`."""

    @staticmethod
    def forward(ctx, x, change, gate, index):  # noqa: ANN001, ANN205
        out = torch.empty_like(x)
        for rows in row_blocks(x):
            torch.addcmul(x[rows], change[rows].float(), rows_of(gate, index, rows), out=out[rows])
        ctx.save_for_backward(change, gate, index)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):  # noqa: ANN001, ANN205
        change, gate, index = ctx.saved_tensors
        grad_change, grad_gate = torch.empty_like(change), torch.zeros_like(gate)
        for rows in row_blocks(grad):
            grad_change[rows] = grad[rows] * rows_of(gate, index, rows)
            add_rows(grad_gate, index, rows, change[rows].to(torch.float32, copy=True).mul_(grad[rows]))
        return grad, grad_change, grad_gate, None
