"""Optimizers, their warm-up and decay, and the running average of the weights."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


@dataclass(frozen=True, kw_only=True)
class Optimization:
    """How weights are updated: peak `rate`, `warmup` steps up to it, `steps` in all with a cosine down to a tenth.

    `muon` updates the matrices of hidden layers by orthogonalised momentum (Jordan 2024), the rest by AdamW.
    """

    rate: float
    steps: int
    warmup: int = 100
    muon: bool = False
    weight_decay: float = 0.01
    clip: float = 1.0


def optimizers(named: Iterable[tuple[str, nn.Parameter]], how: Optimization) -> list[torch.optim.Optimizer]:
    """Optimizers for parameters; embeddings, heads and all but matrices go to AdamW."""
    parameters = [(name, value) for name, value in named if value.requires_grad]
    hidden = [value for name, value in parameters if how.muon and value.ndim == 2 and ".blocks." in f".{name}"]
    chosen = {id(value) for value in hidden}
    rest = [value for _, value in parameters if id(value) not in chosen]
    found: list[torch.optim.Optimizer] = []
    if rest:
        found.append(torch.optim.AdamW(rest, lr=how.rate, betas=(0.9, 0.99), weight_decay=how.weight_decay, foreach=True))
    if hidden:
        found.append(torch.optim.Muon(hidden, lr=how.rate, weight_decay=how.weight_decay, adjust_lr_fn="match_rms_adamw"))
    return found


def rate_at(step: int, how: Optimization) -> float:
    """Learning rate of a step: linear warm-up, then half a cosine down to a tenth of the peak."""
    if step < how.warmup:
        return how.rate * (step + 1) / how.warmup
    progress = min(1.0, (step - how.warmup) / max(1, how.steps - how.warmup))
    return how.rate * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


def clip_gradients(named: Mapping[str, nn.Parameter], limit: float) -> Tensor:
    """Scale gradients to a total norm of at most `limit`; raises FloatingPointError naming a tensor that is not finite."""
    gradients = [value.grad for value in named.values() if value.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
    if not torch.isfinite(norm):
        broken = [name for name, value in named.items() if value.grad is not None and not torch.isfinite(value.grad).all()]
        raise FloatingPointError(f"the gradient of {', '.join(broken[:3]) or 'all tensors together'} is not finite")
    torch.nn.utils.clip_grads_with_norm_(named.values(), limit, norm, foreach=True)
    return norm


class Average:
    """Exponential moving average of weights in float32; young averages forget faster, so that they are never stale."""

    def __init__(self, named: Mapping[str, Tensor], decay: float):
        self.decay = decay
        self.values = {name: value.detach().float().clone() for name, value in named.items()}

    @torch.no_grad()
    def update(self, named: Mapping[str, Tensor], step: int) -> None:
        """Move towards the weights after step `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        latest = [named[name].detach().float() for name in self.values]
        get_ema_multi_avg_fn(decay)(list(self.values.values()), latest, step)
