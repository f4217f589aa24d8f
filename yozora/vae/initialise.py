"""Weights to begin training from: an image network that is already a sane video network."""

import torch
from torch import Generator, Tensor, nn

from yozora.vae.blocks import CausalConv, Downsample, ResidualBlock, Upsample

FIRST_LOG_VARIANCE = -6.0


def initialise(vae: nn.Module, generator: Generator | None = None) -> nn.Module:
    """Draw every weight of a `VideoVAE` anew, from torch's own generator by default.

    Residual branches start at zero, taps into the past at zero, time is halved by averaging and doubled by repeating: after
    training on single frames alone the network maps a still video to that still, and a moving one to its average per cell.
    """
    with torch.no_grad():
        for module in vae.modules():
            if isinstance(module, CausalConv):
                _draw_present(module, generator)
            elif isinstance(module, nn.Conv2d):
                _draw(module.weight, generator)
            if isinstance(module, nn.Conv2d | nn.Conv3d) and module.bias is not None:
                module.bias.zero_()
        for module in vae.modules():
            if isinstance(module, ResidualBlock):
                module.conv2.weight.zero_()
            elif isinstance(module, Downsample | Upsample):
                _start_resampling(module)
        channels = vae.config.channels
        _identity(vae.from_latents.weight)
        vae.to_moments.weight.zero_()
        _identity(vae.to_moments.weight[:channels])
        vae.to_moments.bias[channels:] = FIRST_LOG_VARIANCE
    return vae


def _draw_present(conv: CausalConv, generator: Generator | None) -> None:
    conv.weight.zero_()
    present = torch.empty_like(conv.weight[:, :, -1])
    _draw(present, generator)
    conv.weight[:, :, -1] = present


def _draw(weight: Tensor, generator: Generator | None) -> None:
    fan_in = weight[0].numel()
    values = torch.randn(weight.shape, generator=generator, device=generator.device if generator else weight.device)
    weight.copy_(values / fan_in**0.5)


def _start_resampling(module: Downsample | Upsample) -> None:
    if isinstance(module.time, CausalConv):  # doubling repeats each frame
        module.time.weight.zero_()
        for half in module.time.weight.chunk(2):
            _identity(half[:, :, -1:])
    elif module.time is not None:  # halving averages the two new frames of its three
        module.time.weight.zero_()
        for tap in (1, 2):
            _identity(module.time.weight[:, :, tap : tap + 1], scale=0.5)


def _identity(weight: Tensor, scale: float = 1.0) -> None:
    outputs, inputs = weight.shape[:2]
    weight[:] = scale * torch.eye(outputs, inputs, device=weight.device)[:, :, None, None, None]
