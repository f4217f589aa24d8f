"""What is held out of training: how much, by which rule, and that nothing of it is drawn."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from yozora.world.heldout import (
    BESIDE,
    LEVELS,
    PHRASES,
    band,
    check_trainable,
    domain,
    held_changes,
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
from yozora.world.sample import EVERY, FAMILIES, named, sample
from yozora.world.scene import CHANGES

PAIRS = ("colour-shape", "shape-motion", "colour-motion", "count-colour", "motion-camera")
CHANGING = ("shape-change", "colour-change", "change-camera")


@pytest.mark.parametrize("names", [PAIRS, CHANGING])
def test_about_an_eighth_of_all_pairs_is_held_out(names: tuple[str, ...]) -> None:
    share = sum(len(held_pairs(name)) for name in names) / sum(len(domain(name)) for name in names)
    assert 0.10 <= share <= 0.13
    assert all(0.09 <= len(held_pairs(name)) / len(domain(name)) <= 0.13 for name in names)


@pytest.mark.parametrize("name", PAIRS)
def test_every_value_keeps_four_fifths_of_its_partners(name: str) -> None:
    for side in (0, 1):
        partners = Counter(pair[side] for pair in domain(name))
        lost = Counter(pair[side] for pair in held_pairs(name))
        assert all(lost[value] <= 0.2 * partners[value] for value in partners)


@pytest.mark.parametrize("name", CHANGING)
def test_with_later_events_too_every_value_keeps_four_fifths(name: str) -> None:
    before = BESIDE[name]
    for side in (0, 1):
        partners = Counter(pair[side] for one in (name, before) for pair in domain(one))
        lost = Counter(pair[side] for one in (name, before) for pair in held_pairs(one))
        assert all(lost[value] <= 0.2 * partners[value] for value in partners)


def test_held_triples_hold_no_held_pair() -> None:
    assert len(held_triples()) > 15
    for colour, shape, kind in held_triples():
        assert (colour, shape) not in held_pairs("colour-shape")
        assert (shape, kind) not in held_pairs("shape-motion")
        assert (colour, kind) not in held_pairs("colour-motion")
    assert len(held_changes()) > 8
    for colour, shape, kind in held_changes():
        assert not {(colour, shape), (shape, kind), (colour, kind)} & {
            pair for name in ("colour-shape", *CHANGING) for pair in held_pairs(name)
        }


def test_no_scene_drawn_for_training_is_held_out() -> None:
    code = "from yozora.world.sample import EVERY, scan; print(scan(2000), scan(1000, 0, EVERY))"  # without the shape checks of the tests
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "0 0\n"
    assert all(reserved(sample(seed, "train", families)) == () for seed in range(100) for families in (FAMILIES, EVERY))


@pytest.mark.parametrize("level", LEVELS)
def test_a_split_is_held_out_at_its_own_level_alone(level: str) -> None:
    for seed in range(15):
        scene = sample(seed, level)
        assert levels(scene) == {level}
        with pytest.raises(ValueError, match=level):
            check_trainable(scene)


@pytest.mark.parametrize("level", ["pairs", "triples"])
def test_what_changes_the_world_is_held_out_in_its_own_combinations(level: str) -> None:
    changes = {family: EVERY[family] for family in CHANGES}
    reasons = [reason for seed in range(60) for reason in reserved(sample(seed, level, changes))]
    own = [reason for reason in reasons if "change" in reason or any(f" + {kind}" in reason for kind in CHANGES)]
    assert len(own) > 10 and all(reason.startswith(level) for reason in reasons)
    with pytest.raises(ValueError, match=level):
        check_trainable(sample(0, level, changes))


def test_families_go_by_name() -> None:
    assert (named("usual"), named("every")) == (FAMILIES, EVERY)
    assert {sample(seed, "train", named("tower, pour")).family for seed in range(20)} == {"tower", "pour"}
    with pytest.raises(ValueError, match="choose among"):
        named("tower,flood")


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
