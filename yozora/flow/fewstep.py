"""Sampling with distilled weights: jump to the data, add fresh noise for the next level, jump again."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from yozora.flow.path import clean, mix
from yozora.flow.solver import Past, Step, Velocity


def renoising(fresh: Callable[[int], Tensor]) -> Step:
    """A step for `solve` that draws noise anew: `fresh(k)`, `[token channel]`, is the noise of the step to the k-th stop.

    Give `fresh` as `draw_noise` of the clips' own seeds, so that a clip does not depend on what it is made beside.
    """

    def step(
        velocity: Velocity,
        state: Float[Tensor, "token channel"],
        level: Float[Tensor, " token"],
        target: Float[Tensor, " token"],
        past: tuple[Past, ...] = (),
    ) -> tuple[Float[Tensor, "token channel"], tuple[Past, ...]]:
        guess = clean(state, velocity(state, level), level)
        stops = (Past(state=state, level=level, clean=guess), *past)
        return mix(guess, fresh(len(stops)), target), stops

    return step
