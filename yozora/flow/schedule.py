"""When the solver stops on its way from 1 (noise) to 0 (data), and at which times a network is trained."""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

REFERENCE_TOKENS = 12
TIME_SPREAD = 1.6  # deviation of the Gaussian behind training times
Time = TypeVar("Time", float, Tensor)


def shift_for(num_tokens: int) -> float:
    """How far times move towards noise for a clip of this size: the square root rule of arXiv:2403.03206, section 5.3.2.

    The more tokens share what they show, the more noise it takes to hide it; below the reference nothing is shifted.
    """
    return max(1.0, math.sqrt(num_tokens / REFERENCE_TOKENS))


def shifted(time: Time, shift: float) -> Time:
    """Equation 23 of arXiv:2403.03206: keeps 0 and 1, moves what lies between towards 1."""
    return shift * time / (1 + (shift - 1) * time)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How the times of a model are laid: moved towards noise by `shift`, or by the size of the clip where there is none.

    Wan's come from a thousand steps that end at `lowest` before the data, begin a little below pure noise at `highest`, and are heard
    rounded down to whole steps: to one of `parts` equal parts of the way.
    """

    shift: float | None = None
    lowest: float = 0.0
    highest: float = 1.0
    parts: int = 0

    def times(self, steps: int, num_tokens: int) -> tuple[float, ...]:
        """The `steps + 1` times at which a solver stops for a clip of so many tokens; the last is 0."""
        shift = shift_for(num_tokens) if self.shift is None else self.shift
        return tuple(min(time, self.highest) for time in times_for(steps, shift, self.lowest))


def times_for(steps: int, shift: float = 1.0, lowest: float = 0.0) -> tuple[float, ...]:
    """The `steps + 1` times from 1 down to 0 at which a solver stops; evenly spaced down to `lowest`, in place of which stands 0."""
    if steps < 1:
        raise ValueError(f"steps must be 1 or more, not {steps}")
    return (*(shifted(1 - (1 - lowest) * step / steps, shift) for step in range(steps)), 0.0)


def cut(times: tuple[float, ...], highest: float) -> tuple[float, ...]:
    """Drop the part of a schedule above the highest start level, and measure the rest in parts of it.

    `level = time * start` then stops at the same levels as a full run would. Where everything is given, nothing is left to do.
    """
    if not 0 <= highest <= 1:
        raise ValueError(f"the highest start level must lie in [0, 1], not {highest}")
    if highest >= times[0]:
        return times
    return (1.0, *(time / highest for time in times if time < highest))


def draw_times(num: int, generator: torch.Generator, shift: float = 1.0) -> Float[Tensor, " num"]:
    """Training times: the logistic of a wide Gaussian, shifted like the solver's.

    What a clip shows is settled close to noise, its texture close to data: neither may be rare.
    """
    return shifted(torch.sigmoid(TIME_SPREAD * torch.randn(num, generator=generator, device=generator.device)), shift)
