"""The world suite: nobody picks its cases, true clips pass them, and nothing leaves a denominator."""

import ast
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from yozora.evaluate import accepted, faults, judges, many, summary, world
from yozora.evaluate.cases import LEVELS, NOTHING, ORDER, case, numbered, place
from yozora.evaluate.legible import comes_back, legible
from yozora.evaluate.likeness import closeness, features, features_of, vendi
from yozora.evaluate.measures import record
from yozora.evaluate.page import page
from yozora.evaluate.report import tally
from yozora.evaluate.spec import free_sentences
from yozora.evaluate.summary import diversity, summarise
from yozora.evaluate.thresholds import limits
from yozora.evaluate.trials import later, spoilt
from yozora.evaluate.truth import act
from yozora.evaluate.truth import asked as asked_of
from yozora.evaluate.world import MODEL, RENDER, Exam, collect
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.world.heldout import held_sizes, levels, reserved
from yozora.world.sample import sample
from yozora.world.scene import CHANGES

SHOT = Shot(width=128, height=128, frames=33, fps=8.0, beat=4)
SMALL = Shot(width=64, height=64, frames=9, fps=8.0, beat=4)


@pytest.fixture(autouse=True)
def few_captions(monkeypatch):
    """Fewer captions are looked through than in earnest, which shape checks would make slow."""
    monkeypatch.setattr("yozora.evaluate.cases.TRIES", 12)


def passed(found) -> dict[str, bool]:
    return {name: score.passed for name, score in found.items() if score}


def test_any_21_cases_have_every_level():
    assert len(ORDER) == 21 and set(ORDER) == set(LEVELS)
    assert {level: ORDER.count(level) for level in ("seen", "pairs", "triples", "free")} == {"seen": 4, "pairs": 3, "triples": 2, "free": 2}


def test_the_cases_of_a_level_are_numbered_from_0_on_without_gaps():
    found = [place(index) for index in range(63)]
    assert sorted(number for level, number in found if level == "pairs") == list(range(9)) and len(set(found)) == 63


def test_a_seal_decides_on_everything_and_nothing_else_does():
    one, again, other = ([numbered(seal, index, SMALL) for index in range(6)] for seal in ("a", "a", "b"))
    assert [(c.name, c.prompt, c.seeds) for c in one] == [(c.name, c.prompt, c.seeds) for c in again]
    assert all(first.seeds != second.seeds for first, second in zip(one, other, strict=True))
    assert len({c.prompt for c in (*one, *other) if c.level != "free"}) == sum(c.level != "free" for c in (*one, *other))


def test_the_first_of_every_four_of_a_level_is_made_four_times_with_other_noise():
    takes = [len(set(case("a", "free", number, SHOT).seeds)) for number in range(8)]
    assert takes == [4, 1, 1, 1, 4, 1, 1, 1]


@pytest.mark.parametrize("level", ["pairs", "triples", "interpolation", "extrapolation"])
def test_a_held_out_case_is_held_out_at_its_level(level):
    scene = case("a", level, 0, SMALL).scene
    assert scene and levels(scene) == {level}


UNSAID = """
from yozora.evaluate.cases import LEVELS, case
from yozora.tasks.request import Shot
from yozora.world.parse import parse

for level in sorted({*LEVELS} - {"free"}):
    for number in range(4):
        one = case("a", level, number, Shot(width=64, height=64, frames=9, fps=8.0, beat=4))
        reading, moves = parse(one.prompt), {motion.direction for motion in one.spec.motions} - {"down"}
        assert one.spec.camera and one.spec.camera == (reading.shot.kind, reading.shot.direction), one.prompt
        assert len(reading.things) == len(one.spec.objects) and moves <= {deed.direction for deed in reading.deeds}, one.prompt
        assert "" not in moves or "swing" in {deed.kind for deed in reading.deeds}, one.prompt
        print(one.name)
"""


def test_nothing_is_asked_that_the_words_do_not_say():
    done = subprocess.run([sys.executable, "-c", UNSAID], capture_output=True, text=True)  # without the shape checks of the tests
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 40, done.stderr


def test_cases_of_unseen_sizes_have_them():
    found = [case("a", "sizes", number, SMALL).shot for number in range(2)]
    assert {(shot.width, shot.height) for shot in found} == held_sizes()


@pytest.mark.parametrize(
    ("level", "measure", "spoils"),
    [("falls", "gravity", (faults.slow, faults.freeze, faults.shuffle)), ("onward", "trajectory", (faults.freeze, faults.shuffle))],
)
def test_what_follows_from_a_known_start_is_seen_and_its_faults_too(level, measure, spoils):
    asked, rng = case("a", level, 1, SHOT), np.random.default_rng(0)
    assert passed(asked.judge(asked.truth))[measure]
    for fault in spoils:
        found = asked.judge(spoilt(asked, fault, rng))[measure]
        assert not found.passed, (fault, found)


def test_the_acceleration_of_a_fall_is_read_off_and_half_of_it_too():
    asked = case("a", "falls", 2, SHOT)
    true, slow = (asked.judge(video)["gravity"].value for video in (asked.truth, spoilt(asked, faults.slow, np.random.default_rng(0))))
    assert abs(true / 9.81 - 1) < 0.1 and abs(slow / (9.81 / 2) - 1) < 0.25  # drawn between pictures


@pytest.mark.parametrize("level", ["interpolation", "extrapolation"])
def test_a_value_that_is_held_out_is_one_of_the_event_and_can_be_seen(level):
    """Neither camera nor sun alone is held out: of these no measure speaks."""
    for number in range(3):
        asked = case("a", level, number, SHOT)
        (event,) = asked.scene.events
        reasons = [reason for reason in reserved(asked.scene) if reason.startswith((f"{level}: speed of", f"{level}: amount of"))]
        assert any(reason.split()[3] == event.kind for reason in reasons), reasons
        assert "trajectory" in asked.at_best and asked.known == 9


def test_a_known_start_is_given_and_a_clip_of_the_usual_length_comes_back():
    for level, known in (("falls", 1), ("onward", 9), ("interpolation", 9)):
        asked = case("a", level, 0, SHOT)
        request, shot = asked.request()
        canvas = request.canvas(shot)
        assert canvas.given.num_frames == SHOT.frames
        assert np.array_equal(canvas.given.frames[:known], asked.truth.frames[:known])
        assert (canvas.start[:known] == 0).all() and (canvas.start[known:] == 1).all()


def test_a_scene_that_hides_what_it_names_is_not_asked_for():
    gone = np.array([90, 90, 90, 90, 20, 0, 0, 0, 30, 80, 90, 90, 90])
    assert comes_back(gone)
    assert not comes_back(np.where(gone < 20, 25, gone)) and not comes_back(gone[:9]) and not comes_back(gone[5:])
    scene = next(scene for scene in map(sample, range(100)) if scene.style == "natural" and legible(scene, act(scene, SHOT), SHOT))
    white = replace(scene, objects=(replace(scene.objects[0], colour="white"), *scene.objects[1:]))
    assert not legible(white, act(white, SHOT), SHOT)
    assert not legible(replace(scene, style="pencil"), act(scene, SHOT), SHOT)


def test_limits_are_those_of_the_file():
    assert limits("physics", dict).keys() == {"far", "mostly", "gravity"}
    assert limits("physics", dict)["gravity"] == 0.15


def test_a_crash_is_a_failure_of_the_model_and_a_run_goes_on_where_it_stopped(tmp_path, tiny_model, monkeypatch):
    exam, made = Exam(model=str(tiny_model), folder=tmp_path, seal="a"), []
    render = world.render

    def broken(canvases, seeds, *rest):
        made.append(seeds)
        if len(made) == 2:
            raise RuntimeError("no memory")
        return render(canvases, seeds, *rest)

    monkeypatch.setattr(world, "render", broken)
    rows = collect(exam, 2, 1)
    mine = [row for row in rows if row["kind"] == MODEL]
    assert len(mine) == 8 and [row["error"] for row in mine if row["error"]] == ["RuntimeError: no memory"]
    assert tally(mine, "all")[1] == 8 and {one[1] for one in mine[1]["scores"].values() if one} == {False}
    beside = next(row for row in rows if row["kind"] == RENDER and row["case"] == mine[1]["case"])
    assert [one is None for one in mine[1]["scores"].values()] == [one is None for one in beside["scores"].values()]
    assert collect(exam, 2, 1) == json.loads(json.dumps(rows)) and len(made) == 8
    assert len(collect(exam, 1, 1)) == len([row for row in rows if row["case"] == 0])
    with pytest.raises(ValueError, match="delete it, or choose another --out"):
        collect(replace(exam, seal="b"), 2, 1)
    facts = summarise(exam, rows) | {"tier": "two cases", "diversity": diversity(exam, rows), "memory": None}
    assert facts["joint"]["of"] == 2 and facts["made with"]["clips that could not be made"] == 1
    assert set(facts["by side"]) == {"left", "right"} and "all" in facts["by side"]["left"]
    text = page(facts, rows, tmp_path / "clips")
    assert "no memory" not in text.split("Best and worst")[0]
    assert text.count("data:video/webm") == 2 and "http" not in text and 'src="clips' not in text


def test_a_record_that_was_cut_off_is_made_again_and_what_cannot_be_judged_has_failed(tmp_path, tiny_model, monkeypatch):
    exam = Exam(model=str(tiny_model), folder=tmp_path, seal="a")
    first = collect(exam, 1, 1)
    file = tmp_path / world.FILE
    whole = file.read_text()
    file.write_text(whole[:-40])
    assert [row["frames"] for row in collect(exam, 1, 1) if row["kind"] == MODEL] == [
        row["frames"] for row in first if row["kind"] == MODEL
    ]
    assert file.read_text().count("\n") == 1
    monkeypatch.setattr(world, "record", lambda _: 1 / 0)
    case = exam.case(1)
    assert world.verdict(case, case.truth) == {"error": "cannot be judged: ZeroDivisionError: division by zero"}


def test_renders_are_judged_beside_and_a_repeated_case_counts_once(tmp_path, tiny_model):
    rows = collect(Exam(model=str(tiny_model), folder=tmp_path, seal="a"), 1, 1)
    assert [row["kind"] for row in rows].count(RENDER) == 1 and [row["take"] for row in rows if row["kind"] == MODEL] == [0, 1, 2, 3]
    assert len({row["frames"] for row in rows if row["kind"] == MODEL}) == 4


def test_takes_that_are_alike_count_as_one_and_a_copy_is_close():
    scenes = [sample(number) for number in range(6)]
    renders = features_of(scenes, SMALL)
    assert np.array_equal(features_of(scenes[:2], SMALL, processes=2), renders[:2])
    assert vendi(renders[[0, 0, 0, 0]], 0.1) == pytest.approx(1)
    assert vendi(renders[:4], 1e-3) == pytest.approx(4)
    noise = np.random.default_rng(0).normal(0, 0.01, renders.shape)
    assert (closeness(renders[:2] + noise[:2], renders[:4], renders[4:]) < 0.5).all()
    assert (closeness(renders[4:] + noise[4:], renders[:4], renders[4:]) > 1).all()
    still = Video(np.full((1, 64, 64, 3), 51, np.uint8), 8.0)
    assert features([still]).shape == (1, 4 * 16 * 16 * 3) and np.allclose(features([still]), 0.2)


def test_a_pale_thing_that_nobody_asked_for_is_light_or_shade():
    asked = case("a", "seen", 1, SHOT)
    frames = asked.truth.frames.copy()
    frames[:, 2:24, 2:24] = 250
    assert record(asked.judge(Video(frames, 8.0)))["colours"] == record(asked.judge(asked.truth))["colours"]


def test_a_clip_in_which_nothing_can_be_measured_fails_what_a_render_can_be_measured_by(monkeypatch):
    monkeypatch.undo()  # a caption is looked for that names the floor
    asked, rng = case("a", "seen", 0, SHOT), np.random.default_rng(0)
    best = asked.at_best
    grey, floor = (asked.judge(spoilt(asked, fault, rng)) for fault in (faults.empty, faults.clear))
    assert best["all"].passed and best["rigid"] and best["camera"]
    assert asked.may_lack == {"round_balls"} and {name for name in best if best[name] and not grey[name]} <= asked.may_lack
    for name in ("permanence", "inside", "colours", "count"):
        assert not grey[name].passed and not floor[name].passed, name
    assert grey["rigid"].seen == grey["camera"].seen == "nothing to measure" and not grey["rigid"].passed
    assert floor["rigid"].passed and floor["camera"].passed


def test_what_the_words_leave_open_a_clip_may_lack_but_not_one_that_was_never_made():
    asked = case("a", "seen", 0, SHOT)
    bare = replace(asked, prompt="a red ball falls", spec=replace(asked.spec, camera=None))
    assert bare.may_lack == {"round_balls", "rigid", "flicker"} and bare.at_best["rigid"]
    grey, lost = bare.judge(spoilt(bare, faults.empty, np.random.default_rng(0))), bare.applied({})
    assert grey["rigid"] is None and not grey["all"].passed and not lost["rigid"].passed
    assert case("a", "onward", 0, SHOT).may_lack == {"round_balls"}


def test_every_change_for_good_becomes_a_case():
    for family, seed in {"tower": 0, "paint": 0, "seesaw": 8, "break": 1, "pour": 1}.items():
        scene = sample(seed, "train", {family: 1.0})
        assert legible(scene, act(scene, SHOT), SHOT) and family in CHANGES


def test_a_fault_that_comes_later_is_caught_and_what_stops_leaves_its_way():
    scenes, rng = (sample(number, "train", {"hide": 1.0}) for number in range(60)), np.random.default_rng(0)
    scene = next(scene for scene in scenes if legible(scene, act(scene, SHOT), SHOT))
    hides = replace(case("a", "seen", 0, SHOT), scene=scene, spec=asked_of(scene, SHOT))
    verdicts = {name: passed(hides.judge(video)) for name, video in later(hides, rng)}
    assert {"recolour midway", "remove midway", "recolour out of sight", "remove out of sight"} <= set(verdicts)
    for name in ("recolour out of sight", "remove out of sight"):
        assert not verdicts[name]["permanence"] and not verdicts[name]["all"], name
    rolls = case("a", "onward", 0, SHOT)
    assert passed(rolls.judge(rolls.truth))["trajectory"] and not passed(rolls.judge(spoilt(rolls, faults.stop, rng)))["trajectory"]


def test_a_free_sentence_has_a_scene_to_show_what_can_be_measured():
    cases = [case("a", "free", number, SHOT) for number in range(len(free_sentences()))]
    scenes, named = [one.scene for one in cases], [{asked.colour for asked in one.spec.objects} - {""} for one in cases]
    assert len({one.prompt for one in cases}) == len(cases) >= 100
    assert all(colours <= {body.colour for body in scene.objects} for colours, scene in zip(named, scenes, strict=True))


def test_the_hash_of_the_judges_takes_in_all_that_a_verdict_rests_on_and_no_page(tmp_path):
    names = {"/".join(file.parts[-2:]) for file in judges.modules(judges.FIRST)}
    assert {"sight/camera.py", "sight/eye.py", "evaluate/thresholds.py", "world/simulate.py", "world/words_text.py"} <= names
    assert not {"evaluate/page.py", "evaluate/summary.py", "evaluate/world.py"} & names
    assert judges.digest() == judges.digest() and len(judges.digest()) == 64


def test_what_code_says_of_itself_does_not_count_and_what_it_does_counts():
    one, same, other = (
        'def f(a: int) -> int:\n    """Doubles."""\n    b: int = 2 * a  # twice\n    return b\n',
        'def f(a):\n    """Twice."""\n    b = 2 * a\n    return b\n',
        'def f(a: int) -> int:\n    """Doubles."""\n    b: int = 3 * a  # twice\n    return b\n',
    )
    first, second, third = (judges.essence(ast.parse(text)) for text in (one, same, other))
    assert first == second != third
    fields = (judges.essence(ast.parse(f"class A:\n    b{type_} = 2\n")) for type_ in (": int", ": float", ""))
    first, second, third = fields
    assert first == second != third  # a field of a dataclass is one by its type


def test_a_process_that_is_killed_says_what_to_do_and_keeps_what_was_done(tmp_path):
    with pytest.raises(MemoryError, match="use fewer --processes"):
        many.collect(tmp_path / "rows.jsonl", "a", dies_at_two, 3, 2)
    assert many.collect(tmp_path / "rows.jsonl", "a", lambda number: [{"case": number}], 3, 1) == [
        {"digest": "a", "case": n} for n in range(3)
    ]


def dies_at_two(number):
    if number == 2:
        os.kill(os.getpid(), 9)
    return [{"case": number}]


def test_two_processes_find_what_one_finds(tmp_path, tiny_model, monkeypatch):
    monkeypatch.undo()  # processes look through all captions
    torch.set_num_threads(torch.get_num_threads())
    one, two = (collect(Exam(model=str(tiny_model), folder=tmp_path / name, seal="a"), 2, number) for name, number in (("1", 1), ("2", 2)))
    free = [[{**row, "seconds": 0} for row in rows] for rows in (one, two)]
    assert free[0] == free[1]


def test_how_many_scenes_of_a_family_become_cases_is_counted():
    found = accepted.rows("drop", 4)
    assert tally(found, "plain")[1] == 4 and tally(found, "legible")[1] == tally(found, "plain")[0] > 0
    assert tally(found, "all")[0] == tally(found, "legible")[0]


ORPHANS = """
from yozora.evaluate.many import workers
with workers(1) as pool:
    print(pool.submit(__import__("os").getpid).result(), flush=True)
    pool.submit(__import__("time").sleep, 600).result()
"""


def test_workers_end_with_the_process_that_started_them():
    with subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"process {worker} outlives the one that started it")


def test_a_measure_has_a_median_for_each_kind_of_clip_that_it_says_something_of():
    def row(kind, value, seen="2 thousandths"):
        return {"kind": kind, "scores": {"flicker": [value, True, seen]}}

    rows = [row(MODEL, 3.0), row(MODEL, 8.0), row(MODEL, 0.0, NOTHING.seen), row(RENDER, 0.5)]
    assert summary.medians(rows, "flicker") == {MODEL: {"median": 5.5, "clips": 2}, RENDER: {"median": 0.5, "clips": 1}}
    assert summary.medians(rows, "gravity") == {}
