"""The measures of captions: the truth passes, what was made false is found; and the best take is the one the captioner likes best."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from yozora.captioner import likelihoods
from yozora.captioning import captioner_of, encoded
from yozora.evaluate.captions import KINDS, SPLITS, auc
from yozora.evaluate.captions import main as measure
from yozora.evaluate.choose import ANY, CHOSEN, FIRST, choose, compare, page, several
from yozora.evaluate.said import NAMES, SWAPS, facts_in, facts_of, judge, swapped
from yozora.evaluate.world import MODEL
from yozora.model import load
from yozora.video import Video
from yozora.world.sample import sample
from yozora.world.words import caption

CPU = torch.device("cpu")
SEEDS = range(84_000_000, 84_000_040)


@pytest.fixture(scope="module")
def model(told_model):
    return load(str(told_model), CPU, torch.float32)


def failed(text, scene):
    """The names of what is wrong in a text about a scene."""
    return {name for name, score in judge(facts_in(text), facts_of(scene)).items() if score and not score.passed}


def test_the_whole_truth_passes_and_no_length_says_what_is_false():
    for seed in SEEDS:
        scene = sample(seed)
        said = caption(scene, seed)
        assert failed(said.full, scene) == set(), said.full
        assert not {name for name in failed(said.sentence, scene) if name.startswith("no false")}, said.sentence


def test_what_was_made_false_is_found_and_nothing_else():
    rng, wrong = np.random.default_rng(0), {"colour": {"colours", "pairs"}, "shape": {"shapes", "pairs"}}
    tried = 0
    for seed in SEEDS:
        scene = sample(seed)
        true = caption(scene, seed).full
        for what, names in wrong.items():
            false = swapped(true, what, rng)
            if false is None:
                continue
            found, tried = failed(false, scene), tried + 1
            if "topple" not in {event.kind for event in scene.events}:  # rows are made of cubes
                assert {f"no false {name}" for name in names} <= found and names <= found, (true, found)
                assert not found & {"events", "directions", "camera"}, (true, found)
        if other := swapped(true, "direction", rng):
            assert failed(other, scene) & {"directions", "camera"}, other
            assert not failed(other, scene) & {"colours", "shapes", "pairs", "count", "events"}
    assert tried > 70


def test_what_is_not_said_is_not_false_but_not_all():
    scene = next(one for one in map(sample, SEEDS) if len(one.objects) > 1 and one.events and one.camera.kind != "static")
    scores = judge(facts_in(f"a {scene.objects[0].colour} {scene.objects[0].shape}"), facts_of(scene))
    assert scores["no false pairs"].passed and not scores["pairs"].passed and not scores["count"].passed
    assert scores["no false events"] is None and not scores["events"].passed
    assert scores["no false camera"] is None and not scores["camera"].passed
    assert judge(facts_in("a video"), facts_of(scene))["no false colours"] is None


def test_nothing_is_swapped_where_there_is_nothing():
    rng = np.random.default_rng(0)
    assert [swapped("the camera stands still", what, rng) for what in SWAPS] == [None] * 3


def test_the_share_of_pairs_in_order():
    assert auc([2.0, 3.0], [0.0, 1.0]) == 1 and auc([0.0], [1.0]) == 0 and auc([1.0, 1.0], [1.0]) == 0.5


def test_the_chosen_take_is_the_one_of_highest_likelihood(model):
    rng, prompt = np.random.default_rng(0), "a red ball rolls left"
    takes = [Video(rng.integers(0, 256, (5, 32, 64, 3), dtype=np.uint8), 8.0) for _ in range(5)]
    scores = [likelihoods(captioner_of(model), model.text.tokenizer, [encoded(take, model)], [prompt]).item() for take in takes]
    assert choose(model, prompt, takes) == int(np.argmax(scores)) and len(set(scores)) == 5
    with pytest.raises(ValueError, match="no captioner"):
        choose(replace(model, captioner=None), prompt, takes)


def test_takes_are_compared_as_they_were_judged(model, tmp_path):
    rng, rows, takes = np.random.default_rng(0), [], []
    for take in range(3):
        takes.append(Video(rng.integers(0, 256, (5, 4, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2), 8.0))
        takes[-1].save(tmp_path / f"seen-000-{take}.mp4")
        scores = {"colours": [0.5, take == 2, ""], "rigid": None if take else [1.0, True, ""], "all": [0.0, False, ""]}
        row = {"case": 0, "name": "seen-000", "kind": MODEL, "take": take, "prompt": "a red ball", "seconds": 2.0}
        rows.append({**row, "error": "", "scores": scores})
    alone = {**rows[0], "case": 1, "name": "seen-001"}
    broken = [{**row, "case": 2, "error": "" if row["take"] else "ValueError: nothing"} for row in rows]
    assert several([alone, *broken, *rows[::-1], {**rows[0], "kind": "renders"}]) == [broken, rows]
    found = compare(model, rows, tmp_path)
    chosen = choose(model, "a red ball", [Video.load(tmp_path / f"seen-000-{take}.mp4") for take in range(3)])
    assert [(row["kind"], row["scores"]["colours"][1]) for row in found] == [(FIRST, False), (CHOSEN, chosen == 2), (ANY, True)]
    assert found[2]["scores"]["rigid"] == [1.0, True, ""] and "3 takes cost 6.0 s of making in place of 2.0 s" in page(found)
    assert ("colours 1 against 0, p 1" in page(found)) == (chosen == 2)
    (tmp_path / "seen-000-0.mp4").unlink()  # what could not be made has failed, and is never chosen
    first, best, _ = compare(model, broken, tmp_path)
    assert best["take"] in (1, 2) and first["scores"] == broken[0]["scores"]
    one = [{**row, "error": "ValueError: nothing"} if row["take"] < 2 else row for row in rows]
    assert compare(model, one, tmp_path)[1]["take"] == 2


def test_a_captioner_is_measured_and_all_that_it_said_is_kept(told_model, tmp_path):
    measure(str(told_model), clips=2, out=tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "captions.jsonl").read_text().splitlines()]
    assert len(rows) == len(SPLITS) * 3 * len(KINDS) * 2
    true = [row for row in rows if row["kind"] == KINDS[2] and row["length"] == "full"]
    assert all(score is None or score[1] for row in true for score in row["scores"].values())
    assert {row["text"] for row in rows if row["kind"] == KINDS[0]} & {row["text"] for row in rows if row["kind"] == KINDS[1]} == set()
    said = (tmp_path / "captions.md").read_text()
    assert all(name in said for name in (*NAMES, *KINDS, *SPLITS, "another clip", "another direction"))
    assert len(list(tmp_path.glob("*.png"))) == 2
