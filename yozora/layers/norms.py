"""The two ways a noise level speaks to a token: a modulated layer norm, and a gate on what a branch adds."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def modulated_norm(
    x: Float[Tensor, "token dim"],
    gain: Float[Tensor, "level dim"],
    shift: Float[Tensor, "level dim"],
    index: Int[Tensor, " token"] | None,
    eps: float,
) -> Float[Tensor, "token dim"]:
    """Layer norm, then `gain * x + shift` with the row of each token's level, all in float32.

    Without an index there is one level for all, and it costs what a plain layer norm costs.
    """
    if index is None:
        return functional.layer_norm(x, x.shape[-1:], gain[0], shift[0], eps)
    normed = functional.layer_norm(x, x.shape[-1:], eps=eps)
    # index_select, because the derivative of table[index] adds row by row on one thread
    return torch.addcmul(shift.index_select(0, index), normed, gain.index_select(0, index))


def gated_add(
    x: Float[Tensor, "token dim"],
    change: Float[Tensor, "token dim"],
    gate: Float[Tensor, "level dim"],
    index: Int[Tensor, " token"] | None,
) -> Float[Tensor, "token dim"]:
    """`x + gate * change` in float32 with the row of each token's level; no index means one level for all."""
    return torch.addcmul(x, change.float(), gate if index is None else gate.index_select(0, index))
