"""Path, schedule, few steps and guidance."""

from itertools import repeat

import torch

from yozora.flow import (
    clean,
    cut,
    draw_noise,
    draw_times,
    euler,
    guidance,
    guided,
    heun,
    mix,
    renewing,
    renoising,
    restarting,
    shift_for,
    shifted,
    solve,
    times_for,
    unipc,
)
from yozora.patches import Tokens, Words


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def every_step(*shape):
    """All steps, those that draw noise with noise for clips of a shape."""
    fresh = repeat(random(*shape, seed=10))
    return euler, heun, unipc, renewing(fresh, 1.0), restarting(fresh, 2), renoising(fresh)


def test_the_path_is_straight_and_its_ends_are_exact():
    data, noise = random(5, 3), random(5, 3, seed=1)
    level = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    state = mix(data, noise, level)
    assert torch.equal(state[0], data[0]) and torch.equal(state[-1], noise[-1])
    torch.testing.assert_close(clean(state, noise - data, level), data)


def test_a_clips_noise_depends_on_its_own_seed_alone():
    together = draw_noise([(7, 0), (8, 0), (7, 0)], [4, 6, 5], 3)
    assert torch.equal(together[4:10], draw_noise([(8, 0)], [6], 3))
    assert torch.equal(together[:4], together[10:14])
    assert not torch.equal(draw_noise([(8, 1)], [6], 3), together[4:10])
    assert abs(float(torch.corrcoef(torch.stack([draw_noise([(s, 0)], [4000], 1)[:, 0] for s in (0, 1)]))[0, 1])) < 0.05


def test_schedule():
    for steps, shift in ((1, 1.0), (4, 3.0), (30, 0.5)):
        times = times_for(steps, shift)
        assert len(times) == steps + 1 and times[0] == 1 and times[-1] == 0
        assert all(early > late for early, late in zip(times[:-1], times[1:], strict=True))
    assert shifted(0.3, 1.0) == 0.3
    torch.testing.assert_close(shifted(shifted(torch.tensor(0.3), 2.0), 0.5), torch.tensor(0.3))
    assert shift_for(2) == 1 and shift_for(1600) > shift_for(400) > 1
    torch.testing.assert_close(shift_for(1600) / shift_for(400), 2.0)


def test_a_cut_schedule_stops_at_the_levels_of_the_whole_one():
    times = times_for(20, 3.0)
    assert cut(times, 1.0) == times
    assert cut(times, 0.0) == (1.0,)
    part = [time * 0.5 for time in cut(times, 0.5)]
    assert part[0] == 0.5
    torch.testing.assert_close(part[1:], [time for time in times if time < 0.5])


def test_training_times_follow_the_schedules_shift():
    plain = draw_times(20_000, torch.Generator().manual_seed(0))
    moved = draw_times(20_000, torch.Generator().manual_seed(0), 3.0)
    assert plain.min() > 0 and moved.max() < 1
    torch.testing.assert_close(plain.median(), torch.tensor(0.5), atol=0.01, rtol=0)
    torch.testing.assert_close(moved, shifted(plain, 3.0))


def test_nothing_to_do_is_nothing_done():
    state = random(3, 2)
    never = lambda state, level: 1 / 0  # noqa: E731
    assert solve(never, state, torch.zeros(3), cut(times_for(9), 0.0), euler) is state


def test_a_network_that_fails_on_known_tokens_does_not_touch_them():
    """Known tokens stay as they are even where the network says nonsense about them."""
    start, state = torch.tensor([0.0, 1.0, 0.0]), random(3, 2)

    def velocity(state, level):
        return torch.where((level == 0)[:, None], torch.nan, torch.ones_like(state))

    for step in every_step(3, 2):
        result = solve(velocity, state, start, times_for(4), step)
        assert torch.equal(result[[0, 2]], state[[0, 2]]) and torch.isfinite(result[1]).all()


def test_one_shot_is_exact_when_the_velocity_points_at_the_data():
    """Where the data is one point, every solver finds it in any number of steps, from any start."""
    data, start = random(4, 3), torch.tensor([1.0, 0.6, 0.3, 0.0])
    state = mix(data, random(4, 3, seed=1), start)

    def velocity(state, level):
        return torch.where((level > 0)[:, None], (state - data) / level[:, None], 0.0)

    for steps in (1, 2, 7):
        for step in every_step(4, 3):
            torch.testing.assert_close(solve(velocity, state, start, times_for(steps), step), data, atol=1e-5, rtol=1e-5)


def test_few_steps_keep_the_law_of_uncorrelated_data():
    """Data N(0, 0.25) in every number: jumping to the mean and renoising contracts by a known factor at each stop."""
    state, times, fresh = random(1, 40_000), times_for(4), (random(1, 40_000, seed=index) for index in range(1, 5))
    gain = [0.25 * (1 - s) / (0.25 * (1 - s) ** 2 + s**2) for s in times]

    def velocity(state, level):
        return (state - gain[times.index(float(level))] * state) / level[:, None]

    result = solve(velocity, state, torch.ones(1), times, renoising(fresh))
    variance = 1.0
    for there, factor in zip(times[1:], gain[:-1], strict=True):
        variance = (1 - there) ** 2 * factor**2 * variance + there**2
    torch.testing.assert_close(result.var(), torch.tensor(variance), rtol=0.03, atol=0.005)


def sentence(value, tokens):
    return Words(states=torch.full((2, 1), float(value)), lengths=(2,), tokens=(tokens,))


def spoken(tokens, level, words):
    """A denoiser that says, for each token, the word it hears."""
    runs = [states[:1].expand(count, 1) for states, count in zip(words.states.split(words.lengths), words.tokens, strict=True)]
    return torch.cat(runs) + tokens.values


def test_guidance_moves_away_from_the_negative_words(monkeypatch):
    tokens = Tokens(values=random(5, 1), coordinates=torch.zeros(5, 3, dtype=torch.long), lengths=(5,))
    level = torch.full((5,), 0.5)
    positive, negative = sentence(2, 5), sentence(-1, 5)
    alone = spoken(tokens, level, positive)
    assert guided(spoken, negative, 1.0) is spoken
    torch.testing.assert_close(guided(spoken, negative, 4.0)(tokens, level, positive), tokens.values - 1 + 4.0 * 3)
    torch.testing.assert_close(guided(spoken, positive, 4.0)(tokens, level, positive), alone)
    monkeypatch.setattr(guidance, "TOGETHER", len(level) - 1)  # one half after the other
    torch.testing.assert_close(guided(spoken, negative, 4.0)(tokens, level, positive), tokens.values - 1 + 4.0 * 3)
    for span in ((0.0, 0.4), (0.6, 1.0)):
        assert torch.equal(guided(spoken, negative, 4.0, span)(tokens, level, positive), alone)
