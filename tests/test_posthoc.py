"""Averages of any length, chosen after the training: what is combined from snapshots is what would have been kept."""

import numpy as np
import pytest
import torch

from yozora.train.posthoc import WIDTHS, PowerAverages, Snapshots, power_of, product, solved


@pytest.mark.parametrize(("width", "power"), [(0.05, 16.97), (0.10, 6.94), (0.25, 0.5)])
def test_the_exponent_of_a_width(width, power):
    assert power_of(width) == pytest.approx(power, abs=0.6 if width > 0.2 else 0.01)
    times = np.linspace(0, 1, 200_001)
    shape = times ** power_of(width)
    shape /= shape.sum()
    mean = (shape * times).sum()
    assert np.sqrt((shape * (times - mean) ** 2).sum()) == pytest.approx(width, rel=1e-3)


def test_the_product_of_profiles_is_their_integral():
    times = np.linspace(0, 9, 900_001)

    def profile(stop, power):
        return np.where(times <= stop, (power + 1) * times**power / stop ** (power + 1), 0)

    for one, other in (((3.0, 2.0), (9.0, 5.0)), ((9.0, 5.0), (3.0, 2.0)), ((4.0, 1.0), (4.0, 7.0))):
        expected = np.trapezoid(profile(*one) * profile(*other), times)
        assert product(*(np.array([number]) for number in (*one, *other)))[0] == pytest.approx(expected, rel=1e-3)


def test_what_was_kept_is_found_again_and_a_length_between_is_close(tmp_path):
    """Weights that wander: the combination of snapshots is near the average that was never kept, nearer than those that were."""
    generator = torch.Generator().manual_seed(0)
    steps, walk = 400, torch.zeros(50)
    averages, wanted, power = PowerAverages({"net/w": walk}), torch.zeros(50), power_of(0.07)
    for step in range(steps):
        walk = walk + torch.randn(50, generator=generator) / 20
        averages.update({"net/w": walk}, step)
        wanted = torch.lerp(wanted, walk, 1 - (1 - 1 / (step + 1)) ** (power + 1))
        if (step + 1) % 40 == 0:
            averages.snapshot(tmp_path, step + 1, "one")
    snapshots = Snapshots.of(tmp_path)
    averages.snapshot(tmp_path / "mixed", 1, "one")
    averages.snapshot(tmp_path / "mixed", 2, "other")
    with pytest.raises(ValueError, match="snapshots of several runs"):
        Snapshots.of(tmp_path / "mixed")
    for width, kept in zip(WIDTHS, averages.values, strict=True):
        assert torch.allclose(snapshots.average(width)["net/w"], kept["net/w"], atol=2e-2)
    found = snapshots.average(0.07)["net/w"]
    apart = (found - wanted).norm()
    assert apart < 0.3 * min((kept["net/w"] - wanted).norm() for kept in averages.values)


def test_shares_add_up_and_a_folder_without_snapshots_says_so(tmp_path):
    shares = solved(np.array([100.0, 100.0, 200.0, 200.0]), np.array([17.0, 7.0, 17.0, 7.0]), 200.0, 7.0)
    assert shares == pytest.approx([0, 0, 0, 1], abs=1e-6)
    with pytest.raises(ValueError, match="has no snapshots of averages"):
        Snapshots.of(tmp_path)
