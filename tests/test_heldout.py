"""What is held out of training: how much, by which rule, and that nothing of it is drawn."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from yozora.world.heldout import (
    LEVELS,
    PHRASES,
    band,
    check_trainable,
    domain,
    held_pairs,
    held_sizes,
    held_triples,
    levels,
    quantities,
    reserved,
    reserved_phrase,
    reserved_size,
    tail,
)
from yozora.world.sample import sample

PAIRS = ("colour-shape", "shape-motion", "colour-motion", "count-colour", "motion-camera")


def test_about_an_eighth_of_all_pairs_is_held_out() -> None:
    share = sum(len(held_pairs(name)) for name in PAIRS) / sum(len(domain(name)) for name in PAIRS)
    assert 0.10 <= share <= 0.13
    assert all(0.09 <= len(held_pairs(name)) / len(domain(name)) <= 0.13 for name in PAIRS)


@pytest.mark.parametrize("name", PAIRS)
def test_every_value_keeps_four_fifths_of_its_partners(name: str) -> None:
    for side in (0, 1):
        partners = Counter(pair[side] for pair in domain(name))
        lost = Counter(pair[side] for pair in held_pairs(name))
        assert all(lost[value] <= 0.2 * partners[value] for value in partners)


def test_held_triples_hold_no_held_pair() -> None:
    assert len(held_triples()) > 15
    for colour, shape, kind in held_triples():
        assert (colour, shape) not in held_pairs("colour-shape")
        assert (shape, kind) not in held_pairs("shape-motion")
        assert (colour, kind) not in held_pairs("colour-motion")


def test_no_scene_drawn_for_training_is_held_out() -> None:
    scan = [sys.executable, "-c", "from yozora.world.sample import scan; print(scan(2000))"]  # without the shape checks of the tests
    assert subprocess.run(scan, capture_output=True, check=True, text=True).stdout == "0\n"
    assert all(reserved(sample(seed)) == () for seed in range(100))


@pytest.mark.parametrize("level", LEVELS)
def test_a_split_is_held_out_at_its_own_level_alone(level: str) -> None:
    for seed in range(15):
        scene = sample(seed, level)
        assert levels(scene) == {level}
        with pytest.raises(ValueError, match=level):
            check_trainable(scene)


def test_paraphrases_are_of_scenes_as_in_training() -> None:
    assert all(reserved(sample(seed, "paraphrase")) == () for seed in range(10))
    assert sample(0, "paraphrase") != sample(0)


def test_values_in_a_band_or_tail_are_held_out_and_those_beside_it_are_not() -> None:
    scene = next(scene for scene in map(sample, range(200)) if scene.family == "roll")
    name, _, limits = next(q for q in quantities(scene) if q[0] == "speed of roll")
    low, high = band(name, limits)
    assert limits[0] < low < high < tail(limits)
    for level, speeds in (("interpolation", (low, (low + high) / 2)), ("extrapolation", (tail(limits), limits[1] * 2))):
        for speed in speeds:
            assert levels(replace(scene, events=(replace(scene.events[0], speed=speed),))) == {level}
    for speed in (low - 1e-6, high, tail(limits) - 1e-6):
        assert levels(replace(scene, events=(replace(scene.events[0], speed=speed),))) == frozenset()


def test_two_sizes_are_held_out() -> None:
    scene = sample(0)
    wide, tall = sorted(held_sizes(), key=lambda size: size[1] - size[0])
    assert wide[0] > wide[1] and tall[0] < tall[1]
    assert reserved_size(wide) and not reserved_size((256, 256)) and not reserved_size((128, 128))
    check_trainable(scene, (256, 256))
    with pytest.raises(ValueError, match=f"{wide[0]}x{wide[1]}"):
        check_trainable(scene, wide)


def test_one_phrasing_in_eight_is_held_out() -> None:
    share = sum(reserved_phrase(f"a {{actor}} does {number}") for number in range(4000)) / 4000
    assert share == pytest.approx(1 / PHRASES, abs=0.02)


def test_unknown_splits_are_refused() -> None:
    with pytest.raises(ValueError, match="choose one of"):
        sample(0, "test")
