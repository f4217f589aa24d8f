"""Steps that draw noise anew: errors that a network makes on the way are washed out, where a deterministic step carries them along."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from yozora.flow.path import clean, mix, raise_to
from yozora.flow.solver import Past, Step, Velocity, euler, gap


def renewing(fresh: Iterator[Tensor], eta: float) -> Step:
    """A step of order 2 with one evaluation that renews a part of the noise: SDE-DPM-Solver++ (2M, arXiv:2211.01095), tokens one by one.

    `fresh` gives the noise of each step in turn, `[token channel]`; draw it by the clips' own seeds, so that a clip does not depend on what
    it is made beside. At `eta` 0 nothing is renewed, at 1 as much as the reverse diffusion does (arXiv:2011.13456), above that more.
    """

    def step(
        velocity: Velocity,
        state: Float[Tensor, "token channel"],
        level: Float[Tensor, " token"],
        target: Float[Tensor, " token"],
        past: tuple[Past, ...] = (),
    ) -> tuple[Float[Tensor, "token channel"], tuple[Past, ...]]:
        now = Past(state=state, level=level, clean=clean(state, velocity(state, level), level))
        # What is left of the noise in the state, in units of what the target has: e to the minus gap of the two levels.
        left = torch.where(level > 0, target * (1 - level) / (level * (1 - target)).clamp_min(1e-12), 0).clamp(0, 1)
        kept = torch.where(level > 0, target / level.clamp_min(1e-12), 1) * left**eta
        taken = (1 - target) * (1 - left ** (1 + eta))
        guess = now.clean
        if past:
            change = (guess - past[0].clean) * (gap(level, target) / gap(past[0].level, level))[:, None]
            # Pure noise and pure data lie infinitely far away, where order 1 is exact enough.
            guess = torch.where(((past[0].level < 1) & (target > 0))[:, None], guess + change / 2, guess)
        renewed = target * (1 - left ** (2 * eta)).clamp_min(0).sqrt()
        return kept[:, None] * state + taken[:, None] * guess + renewed[:, None] * next(fresh), (now,)

    return step


def restarting(fresh: Iterator[Tensor], restarts: int) -> Step:
    """A step of order 1, for students, that is taken again from noise put back: so many times, except the first (arXiv:2306.14878).

    What one long step gets wrong the next may mend, since it begins where a clip that looks like its end would be. The first step is not
    taken again: from pure noise that would only begin anew, and from a given clip it would forget it. `fresh` as in `renewing`.
    """

    def step(
        velocity: Velocity,
        state: Float[Tensor, "token channel"],
        level: Float[Tensor, " token"],
        target: Float[Tensor, " token"],
        past: tuple[Past, ...] = (),
    ) -> tuple[Float[Tensor, "token channel"], tuple[Past, ...]]:
        moving = (level != target)[:, None]

        def leap(begun: Tensor) -> Tensor:
            return torch.where(moving, euler(velocity, begun, level, target)[0], begun)

        reached = leap(state)
        for _ in range(restarts if past else 0):
            reached = leap(raise_to(level, reached, target, next(fresh)))
        return reached, (Past(state=state, level=level, clean=reached),)

    return step


def renoising(fresh: Iterator[Tensor]) -> Step:
    """A step for distilled weights, where the network points at the data itself: jump there, add noise for the next level, jump again.

    `fresh` as in `renewing`.
    """

    def step(
        velocity: Velocity,
        state: Float[Tensor, "token channel"],
        level: Float[Tensor, " token"],
        target: Float[Tensor, " token"],
        past: tuple[Past, ...] = (),
    ) -> tuple[Float[Tensor, "token channel"], tuple[Past, ...]]:
        guess = clean(state, velocity(state, level), level)
        return mix(guess, next(fresh), target), past

    return step
