"""From noise to data: every token walks from its start level to its end level."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from yozora.flow.path import clean

Velocity = Callable[[Tensor, Tensor], Tensor]  # (state [token channel], level [token]) -> velocity [token channel]


@dataclass(frozen=True, kw_only=True)
class Past:
    """Where a step stood: the state, its level, and the data that the network saw in it."""

    state: Float[Tensor, "token channel"]
    level: Float[Tensor, " token"]
    clean: Float[Tensor, "token channel"]


# One step: (velocity, state, level, target, past) -> (state at the target, past for the next step); `past` is empty at first.
Step = Callable[[Velocity, Tensor, Tensor, Tensor, tuple[Past, ...]], tuple[Tensor, tuple[Past, ...]]]


def solve(
    velocity: Velocity,
    state: Float[Tensor, "token channel"],
    start: Float[Tensor, " token"],
    times: Sequence[float],
    step: Step,
    end: Float[Tensor, " token"] | None = None,
) -> Float[Tensor, "token channel"]:
    """The last of `states`, or the state itself where `times` leave nothing to do."""
    for reached in states(velocity, state, start, times, step, end):
        state = reached
    return state


def states(
    velocity: Velocity,
    state: Float[Tensor, "token channel"],
    start: Float[Tensor, " token"],
    times: Sequence[float],
    step: Step,
    end: Float[Tensor, " token"] | None = None,
) -> Iterator[Float[Tensor, "token channel"]]:
    """Yield the state after each step; `state` is already noised to `start`, and `end` is 0 unless given.

    Token levels are `end + time * (start - end)`. A token whose start is its end is returned to the bit as it came.
    """
    end = torch.zeros_like(start) if end is None else end
    moving, past = (start != end)[:, None], ()
    for time, next_time in pairwise(times):
        level, target = torch.lerp(end, start, time), torch.lerp(end, start, next_time)
        moved, past = step(velocity, state, level, target, past)
        state = torch.where(moving, moved, state)
        yield state


def euler(
    velocity: Velocity,
    state: Float[Tensor, "token channel"],
    level: Float[Tensor, " token"],
    target: Float[Tensor, " token"],
    past: tuple[Past, ...] = (),
) -> tuple[Float[Tensor, "token channel"], tuple[Past, ...]]:
    """Order 1, one evaluation: follow the velocity."""
    return state + (target - level)[:, None] * velocity(state, level), past


def heun(
    velocity: Velocity,
    state: Float[Tensor, "token channel"],
    level: Float[Tensor, " token"],
    target: Float[Tensor, " token"],
    past: tuple[Past, ...] = (),
) -> tuple[Float[Tensor, "token channel"], tuple[Past, ...]]:
    """Order 2, two evaluations: follow the mean of the velocities at both ends. Into level 0, which no network learns, as Euler."""
    change = (target - level)[:, None]
    first = velocity(state, level)
    reached = state + change * first
    if not bool((target > 0).any()):
        return reached, past
    second = velocity(reached, target)
    return torch.where((target > 0)[:, None], state + change * (first + second) / 2, reached), past


def unipc(
    velocity: Velocity,
    state: Float[Tensor, "token channel"],
    level: Float[Tensor, " token"],
    target: Float[Tensor, " token"],
    past: tuple[Past, ...] = (),
) -> tuple[Float[Tensor, "token channel"], tuple[Past, ...]]:
    """Order 2, one evaluation: UniPC (arXiv:2302.04867) on the data, in the log signal-to-noise ratio of each token.

    The evaluation that predicts this step also corrects the step before.
    """
    now = Past(state=state, level=level, clean=clean(state, velocity(state, level), level))
    if past:
        now = replace(now, state=corrected(now, past))
    return predicted(now, target, past), (now, *past[:1])


def predicted(now: Past, target: Float[Tensor, " token"], past: tuple[Past, ...]) -> Float[Tensor, "token channel"]:
    """UniP of order 2: the data goes on changing as it did over the last step."""
    kept = (target / now.level)[:, None]
    straight = kept * now.state + (1 - kept) * now.clean  # the step of Euler
    if not past:
        return straight
    change = (now.clean - past[0].clean) * (gap(now.level, target) / gap(past[0].level, now.level))[:, None]
    # Pure noise and pure data lie infinitely far away, where the step of Euler is exact enough.
    finite = (past[0].level < 1) & (target > 0)
    return torch.where(finite[:, None], straight + (1 - kept) * change / 2, straight)


def corrected(now: Past, past: tuple[Past, ...]) -> Float[Tensor, "token channel"]:
    """UniC of order 2: the last step again, knowing the data at its end; of order 1 where only its own two ends are known."""
    last = past[0]
    kept = (now.level / last.level)[:, None]
    straight = kept * last.state + (1 - kept) * last.clean
    change = now.clean - last.clean
    first_order = straight + (1 - kept) * change / 2
    if len(past) < 2:
        return first_order
    before = past[1]
    span = gap(last.level, now.level)
    position = -gap(before.level, last.level) / span  # of the step before, in units of this one: r in the paper
    first, second = weights(span)
    bend = (first - second) / (1 - position)
    curve = (bend / position)[:, None] * (before.clean - last.clean) + (first - bend)[:, None] * change
    return torch.where((before.level < 1)[:, None], straight + (1 - kept) * curve, first_order)


def gap(level: Float[Tensor, " token"], target: Float[Tensor, " token"]) -> Float[Tensor, " token"]:
    """Growth of the log signal-to-noise ratio `log((1 - level) / level)` between two levels."""
    return torch.log1p(-target) - torch.log(target) - torch.log1p(-level) + torch.log(level)


def weights(span: Float[Tensor, " token"]) -> tuple[Float[Tensor, " token"], Float[Tensor, " token"]]:
    """Right-hand sides b1 = phi2 / phi1 and b2 = 2 phi3 / phi1 at -span (equation 10 of the paper); series where those cancel."""
    z = -span
    first = 1 / z - 1 / torch.expm1(z)
    second = 2 * first / z - 1 / torch.expm1(z)
    first_series = 1 / 2 - z / 12 + z**3 / 720
    second_series = 1 / 3 - z / 12 + z**2 / 360 + z**3 / 720 - z**4 / 15120
    small = span.abs() < 0.3
    return torch.where(small, first_series, first), torch.where(small, second_series, second)
