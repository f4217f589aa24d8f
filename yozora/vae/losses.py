"""What the video compression network is trained on: close pixels, close structure, a quiet latent space."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

Pixels = Float[Tensor, "batch 3 time height width"]
Latents = Float[Tensor, "batch channel cells rows columns"]
Images = Float[Tensor, "frames 3 height width"]
Weights = Float[Tensor, "frames 1 height width"]


@dataclass(frozen=True, kw_only=True)
class LossScales:
    """How much each part of the loss counts; `levels` is the number of octaves the structural part looks at."""

    absolute: float = 1.0
    square: float = 1.0
    structure: float = 0.2
    edges: float = 0.5
    kl: float = 1e-6
    levels: int = 3


def vae_loss(
    video: Pixels,
    reconstruction: Pixels,
    moments: tuple[Latents, Latents],
    weights: Float[Tensor, "#batch 1 #time #height #width"],
    scales: LossScales = LossScales(),
) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
    """Loss of a reconstruction, and its parts unscaled and detached.

    `weights` says how much each pixel counts (for instance more on moving objects); only their ratios matter.
    """
    weights = weights / weights.mean()
    difference = (reconstruction - video).float()
    structure, edges = pyramid_losses(video, reconstruction, weights.expand_as(video[:, :1]), scales.levels)
    parts = {
        "absolute": (weights * difference.abs()).mean(),
        "square": (weights * difference.square()).mean(),
        "structure": structure,
        "edges": edges,
        "kl": kl_divergence(*moments),
    }
    loss = torch.stack([getattr(scales, name) * value for name, value in parts.items()]).sum()
    return loss, {name: value.detach() for name, value in parts.items()}


def pyramid_losses(
    video: Pixels, reconstruction: Pixels, weights: Float[Tensor, "batch 1 time height width"], levels: int
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """One minus structural similarity, and the difference of image gradients, averaged over octaves."""
    target, image, weight = (rearrange(x.float(), "b c t h w -> (b t) c h w") for x in (video, reconstruction, weights))
    structure, edges, used = [], [], 0
    while used < levels and min(target.shape[-2:]) >= 8:
        structure.append(_dissimilarity(target, image, weight))
        edges.append(_edge_difference(target, image, weight))
        target, image, weight = (F.avg_pool2d(x, 2) for x in (target, image, weight))
        used += 1
    assert used, "frames need at least 8 pixels a side"
    return torch.stack(structure).mean(), torch.stack(edges).mean()


def kl_divergence(mean: Latents, log_variance: Latents) -> Float[Tensor, ""]:
    """Divergence of the latents' Gaussian from the unit one, per latent value."""
    mean, log_variance = mean.float(), log_variance.float()
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def sample(moments: tuple[Latents, Latents], noise: Latents) -> Latents:
    """Latents drawn from their Gaussian with the given unit noise."""
    mean, log_variance = moments
    return mean + (0.5 * log_variance).exp() * noise


def foreground_weights(mask: Float[Tensor, "batch 1 time height width"], emphasis: float = 8.0) -> Tensor:
    """Pixel weights that let a moving object's pixel count `emphasis` times a background one."""
    return 1 + (emphasis - 1) * mask


def _dissimilarity(target: Images, image: Images, weight: Weights) -> Float[Tensor, ""]:
    # Structural similarity on 4x4 windows, stride 2; constants for a range of 2 ([-1, 1]).
    stacked = torch.cat([target, image, target * target, image * image, target * image], dim=1)
    mean_t, mean_i, square_t, square_i, product = F.avg_pool2d(stacked, 4, stride=2).chunk(5, dim=1)
    brightness, contrast = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    both = mean_t * mean_i
    squares = mean_t.square() + mean_i.square()
    similarity = (2 * both + brightness) * (2 * (product - both) + contrast)
    similarity = similarity / ((squares + brightness) * (square_t + square_i - squares + contrast))
    return (F.avg_pool2d(weight, 4, stride=2) * (1 - similarity)).mean()


def _edge_difference(target: Images, image: Images, weight: Weights) -> Float[Tensor, ""]:
    difference = image - target
    across = (weight[..., 1:] * (difference[..., 1:] - difference[..., :-1]).abs()).mean()
    down = (weight[..., 1:, :] * (difference[..., 1:, :] - difference[..., :-1, :]).abs()).mean()
    return across + down
