"""Norms in float32 whatever the network computes in, and the two ways a noise level speaks: modulation and gates."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional


def modulated_norm(
    x: Float[Tensor, "token dim"],
    scale: Float[Tensor, "level dim"],
    shift: Float[Tensor, "level dim"],
    index: Int[Tensor, " token"] | None,
) -> Float[Tensor, "token dim"]:
    """Layer norm, then `(1 + scale) x + shift` with the row of each token's level; no index: one level for all."""
    normed = functional.layer_norm(x.float(), x.shape[-1:], eps=1e-6)
    if index is None:
        return torch.addcmul(shift, normed, 1 + scale)
    return torch.addcmul(shift[index], normed, (1 + scale)[index])


def gated_add(
    x: Float[Tensor, "token dim"],
    change: Float[Tensor, "token dim"],
    gate: Float[Tensor, "level dim"],
    index: Int[Tensor, " token"] | None,
) -> Float[Tensor, "token dim"]:
    """`x + gate * change` with the row of each token's level."""
    return torch.addcmul(x, change.float(), gate if index is None else gate[index])


class RMSNorm(nn.Module):
    """Root mean square norm over the last axis, computed in float32."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Float[Tensor, "*rest dim"]) -> Float[Tensor, "*rest dim"]:
        return functional.rms_norm(x.float(), x.shape[-1:], self.weight.float(), self.eps)
