"""The data card counts what it says, and the page in docs is that of the sampler as it is."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from yozora.evaluate.plot import curves
from yozora.evaluate.tally import FORM, TEMPLATE, TRIPLE, coverage, steps, tally, trainable, twins
from yozora.world.heldout import held_pairs, held_triples, triples
from yozora.world.sample import sample

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def counted():
    return tally(sample, range(120))


def test_one_scene_over_and_over_is_one_template_and_all_twins():
    scene = sample(3)
    same = tally(lambda seed: replace(scene, camera=replace(scene.camera, azimuth=float(seed))), range(7))
    assert same.clips == 7 and same.held == 0 and len(same.first[FORM]) == len(same.first[TEMPLATE]) == 1
    assert twins(same.whole) == twins(same.acted) == 1
    assert sum(same.traits["colour"].values()) == 7 * len(scene.objects)


def test_scenes_that_differ_in_style_alone_are_twins_in_what_happens():
    scene = sample(3)
    two = tally(lambda seed: replace(scene, style=("natural", "pencil")[seed]), range(2))
    assert twins(two.whole) == 0 and twins(two.acted) == 1


def test_what_is_reserved_is_counted_for_any_sampler():
    assert tally(lambda seed: sample(seed, "pairs"), range(5)).held == 5
    assert tally(sample, range(20)).held == 0


def test_what_is_drawn_for_training_is_trainable_and_what_is_reserved_is_not(counted):
    assert set(counted.pairs) == {"colour-shape", "shape-motion", "colour-motion", "count-colour", "motion-camera"}
    for name in counted.pairs:
        possible, free = trainable(name)
        assert possible - free == held_pairs(name) and not set(counted.first[name]) & held_pairs(name)
    possible, free = trainable(TRIPLE)
    assert held_triples() < possible - free and set(counted.first[TRIPLE]) <= free
    assert all(triples(sample(seed, "triples")) - free for seed in range(10))


def test_coverage_grows_with_the_clips_and_is_whole_for_clips_that_were_seen(counted):
    seen = [sample(seed) for seed in range(120)]
    shares = [coverage(counted, seen, clips) for clips in steps(120)]
    assert steps(120) == [10, 30, 100, 120]
    for name in shares[0]:
        values = [share[name] for share in shares]
        assert values == sorted(values) and 0 < values[0] < values[-1] <= 1
    assert shares[-1][FORM] == shares[-1][TEMPLATE] == 1
    assert coverage(counted, seen, 10)[TEMPLATE] >= 10 / 120


def test_the_page_is_that_of_the_sampler_as_it_is(tmp_path):
    """The first rows of its table, which a hundred clips tell."""
    command = [
        sys.executable,
        "-m",
        "yozora.evaluate.data",
        "--clips",
        "100",
        "--out",
        str(tmp_path),
    ]  # without the shape checks of the tests
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=200)
    rows = r"^\| (?:10|30|100) \| .*%.*$"
    now, page = (re.findall(rows, (folder / "data-card.md").read_text(), re.MULTILINE) for folder in (tmp_path, ROOT / "docs"))
    assert len(now) == 3 and now == page, "run: python -m yozora.evaluate.data"
    assert (tmp_path / "data-coverage.svg").stat().st_size > 1000


def test_curves_lie_where_their_numbers_say():
    picture = ElementTree.fromstring(curves({"a < b": [(10, 0.0), (1000, 1.0)], "c": [(100, 0.5)]}, "clips", "share"))
    space = "{http://www.w3.org/2000/svg}"
    a, c = ([tuple(map(float, p.split(","))) for p in line.get("points").split()] for line in picture.findall(f"{space}polyline")[-2:])
    assert a[0][0] < c[0][0] < a[1][0] and a[0][1] > c[0][1] > a[1][1], "up is upward, to the right is more"
    assert c[0][0] == pytest.approx((a[0][0] + a[1][0]) / 2) and c[0][1] == pytest.approx((a[0][1] + a[1][1]) / 2)
    assert "a < b" in [words.text for words in picture.findall(f"{space}text")]
