"""Weights that wait in fewer bits, or in another memory, until they are used."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

EIGHT = torch.float8_e4m3fn


class Kept(nn.Module):
    """How a weight is kept, as a parametrization: `layer.weight` is as ever, on `device` in `dtype`, for as long as it is used.

    In `eight` bits the rows are scaled to the range of float8, which rounds each number to three bits behind its first. With `away`
    it waits in main memory.
    """

    def __init__(self, device: torch.device, dtype: torch.dtype, *, eight: bool, away: bool) -> None:
        super().__init__()
        self.device, self.dtype, self.eight, self.away = device, dtype, eight, away

    def forward(self, kept: Tensor, *scale: Tensor) -> Float[Tensor, "out into"]:
        weight = kept.to(self.device)
        return weight.to(self.dtype).mul_(scale[0].to(self.device)) if scale else weight

    def right_inverse(self, weight: Float[Tensor, "out into"]) -> Tensor | tuple[Tensor, ...]:
        """The weight as it is kept, and the scales of its rows where it is in eight bits."""
        parts = (weight.to(self.dtype),)
        if self.eight:
            largest = weight.float().abs().amax(1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
            scale = (largest / torch.finfo(EIGHT).max).to(self.dtype).clamp(min=torch.finfo(self.dtype).tiny)
            limit = torch.finfo(EIGHT).max  # what a rounded scale carries beyond it would be no number
            parts = ((weight.float() / scale.float()).clamp(-limit, limit).to(EIGHT), scale)
        if self.away and not weight.is_meta:
            parts = tuple(part.cpu() for part in parts)
        return parts if self.eight else parts[0]


def keep(module: nn.Module, device: torch.device, dtype: torch.dtype, *, eight: bool, away: bool) -> None:
    """Keep the weights of all linear layers of a module so; biases and all else stay as they are."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.weight = nn.Parameter(layer.weight.to(dtype), requires_grad=False)
            register_parametrization(layer, "weight", Kept(device, dtype, eight=eight, away=away), unsafe=True)
