"""Each solver converges at the order that it claims, on an equation whose answer is known.

The data is a mixture of two Gaussians on a line. There the flow keeps every quantile in place, so the exact answer at any
level is the point that has the same share of the noised data to its left as the point it came from.
"""

import math
from functools import partial
from itertools import count, repeat

import pytest
import torch

from yozora.flow.schedule import times_for
from yozora.flow.solver import euler, heun, solve, unipc
from yozora.flow.stochastic import renewing, restarting

MEANS, WIDTHS, SHARES = (torch.tensor(values, dtype=torch.float64) for values in ([-1.0, 1.5], [0.4, 0.25], [0.4, 0.6]))
# Each token has its own walk on [0.05, 0.95], and the last stands still.
START = torch.tensor([0.95, 0.9, 0.8, 0.95, 0.5, 0.3], dtype=torch.float64)
END = torch.tensor([0.05, 0.05, 0.05, 0.3, 0.05, 0.3], dtype=torch.float64)
STATE = torch.linspace(-1.5, 1.5, 9, dtype=torch.float64).repeat(len(START), 1)


def components(level):
    """Means and variances `[token 1 component]` of the noised mixture."""
    level = level[:, None, None]
    return (1 - level) * MEANS, ((1 - level) * WIDTHS) ** 2 + level**2


def velocity(state, level):
    mean, variance = components(level)
    off = (state[..., None] - mean) / variance
    blame = torch.softmax(torch.log(SHARES / variance.sqrt()) - off**2 * variance / 2, dim=-1)
    noise = (level[:, None, None] * off * blame).sum(-1)
    data = ((MEANS + (1 - level)[:, None, None] * WIDTHS**2 * off) * blame).sum(-1)
    return noise - data


def share_to_the_left(state, level):
    mean, variance = components(level)
    return (SHARES * (1 + torch.erf((state[..., None] - mean) / (2 * variance).sqrt())) / 2).sum(-1)


def exact(state, start, end):
    """Bisect for the point with the same share to its left."""
    share, low, high = share_to_the_left(state, start), torch.full_like(state, -8), torch.full_like(state, 8)
    for _ in range(60):
        middle = (low + high) / 2
        above = share_to_the_left(middle, end) > share
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return low


# UniPC predicts at order 2; knowing the data at the end of a step, its corrector gains one more (proposition 3.4 of the paper).
@pytest.mark.parametrize(("step", "order"), [(euler, 1), (heun, 2), (unipc, 3), (renewing(repeat(STATE), 0.0), 2)])
def test_order_of_convergence(step, order):
    truth = exact(STATE, START, END)
    errors = [(solve(velocity, STATE, START, times_for(steps), step, END) - truth).abs().mean().item() for steps in (80, 160)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("step", [euler, heun, unipc, renewing(repeat(STATE), 1.0), restarting(repeat(STATE), 2)])
def test_tokens_that_stand_still_come_back_to_the_bit(step):
    for start in (0.0, 0.3, 1.0):
        level = START.clone()
        level[-1] = start
        end = torch.where(level == start, level, END)
        result = solve(velocity, STATE, level, times_for(5), step, end)
        assert torch.equal(result[-1], STATE[-1])
        assert torch.isfinite(result).all()


@pytest.mark.parametrize(
    ("stochastic", "steps"), [(partial(renewing, eta=eta), 60) for eta in (0.5, 1.0, 2.0)] + [(partial(restarting, restarts=2), 240)]
)
def test_steps_that_renew_noise_keep_the_law_of_the_data(stochastic, steps):
    """Draws of the noised mixture, each token at its own level, end as draws of it at another: all quantiles are met equally often."""
    drawn, many = torch.Generator().manual_seed(0), 20_000

    def gaussian():
        return torch.randn(len(START), many, generator=drawn, dtype=torch.float64)

    which = torch.multinomial(SHARES, many * len(START), replacement=True, generator=drawn).view(len(START), many)
    data = MEANS[which] + WIDTHS[which] * gaussian()
    state = (1 - START)[:, None] * data + START[:, None] * gaussian()
    result = solve(velocity, state, START, times_for(steps), stochastic(gaussian() for _ in count()), END)
    shares = share_to_the_left(result, END).sort(dim=1).values
    apart = (shares - (torch.arange(many) + 0.5) / many).abs().amax(1)
    assert apart.max() < 0.02  # Kolmogorov and Smirnov: 0.0115 by chance in one of a hundred, and the error of the steps
    moved = (result - solve(velocity, state, START, times_for(60), unipc, END)).abs().mean(1)
    assert (moved[:-1] > 0.1).all() and torch.equal(result[-1], state[-1])


def test_unipc_needs_half_the_evaluations_of_heun():
    truth = exact(STATE, START, END)
    asked = []

    def counted(state, level):
        asked.append(1)
        return velocity(state, level)

    error = {}
    for step, steps in ((heun, 20), (unipc, 40)):
        asked.clear()
        error[step] = (solve(counted, STATE, START, times_for(steps), step, END) - truth).abs().mean()
        assert len(asked) == 40
    assert error[unipc] < error[heun]
