"""The activation of Wan's feed-forward layers, in one pass over cached rows."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional

from yozora.layers.norms import row_blocks

LINEAR = 2 * math.sqrt(2 / math.pi)
CUBIC = 0.044715 * LINEAR


def gelu(x: Float[Tensor, "token dim"]) -> Float[Tensor, "token dim"]:
    """The tanh form of GELU, `x * sigmoid(LINEAR x + CUBIC x^3)`; torch's own takes twice as long on a processor."""
    return GELU.apply(x) if x.device.type == "cpu" else functional.gelu(x, approximate="tanh")


class GELU(Function):
    """Keeps the derivative in place of the input, so that the backward pass is one product."""

    @staticmethod
    def forward(ctx, x):  # noqa: ANN001, ANN205
        out, slope = torch.empty_like(x), torch.empty_like(x) if ctx.needs_input_grad[0] else None
        for rows in row_blocks(x):
            y = x[rows].float()
            factor = y.square().mul_(CUBIC).add_(LINEAR)
            gate = (factor * y).sigmoid_()
            value = y * gate
            out[rows] = value
            if slope is not None:  # d/dx = s + x s (1 - s) (LINEAR + 3 CUBIC x^2)
                value.addcmul_(value, gate, value=-1)
                slope[rows] = gate.addcmul_(value, factor.mul_(3).sub_(2 * LINEAR))
        ctx.save_for_backward(slope)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):  # noqa: ANN001, ANN205
        return grad * ctx.saved_tensors[0]
