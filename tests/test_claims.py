"""Claims put to trial: arms differ in one thing, an interrupted trial goes on, and a page says what was found."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from yozora.evaluate.cases import GIVEN, NOTHING, case
from yozora.evaluate.plot import bars, curves
from yozora.evaluate.world import Exam, collect
from yozora.model import load
from yozora.recipes import debug
from yozora.recipes.claims import captions, curve, finishing, scaling, shown, sizes, students, trial
from yozora.tasks.request import Shot
from yozora.train import held
from yozora.train.clips import ClipShape, film
from yozora.train.generator import Aids

CPU = torch.device("cpu")


def small_recipe():
    """The debug recipe on the tiny model's patches, two small shapes."""
    recipe = debug.recipe()
    shapes = tuple(ClipShape(frames=frames, width=64, height=64, weight=0.5, pool=6) for frames in (1, 9))
    batching = replace(recipe.generator.batching, shapes=shapes, fps=8.0)
    return replace(recipe, generator=replace(recipe.generator, scenes=20, batching=batching))


@pytest.fixture
def tried(monkeypatch, tiny_model):
    """Trials on the debug recipe, in one process and with one case; returns how often something was trained."""
    trained = []
    for module in (scaling, captions, curve, students, trial):
        monkeypatch.setattr(module, "further", type("recipes", (), {"recipe": staticmethod(small_recipe)}))
    monkeypatch.setattr(trial, "at_once", lambda _: 1)
    monkeypatch.setattr(held, "BLOCK", 6)
    monkeypatch.setattr(held, "TOKENS", 64)
    monkeypatch.setattr(trial, "TOKENS", 48)
    monkeypatch.setattr(scaling, "TIMES", (1, 2, 8))
    monkeypatch.setattr(trial, "BATCHES", 2)
    train = trial.train_generator
    monkeypatch.setattr(trial, "train_generator", lambda recipe, *rest: trained.append(recipe) or train(recipe, *rest))
    return trained


def test_more_compute_is_the_same_run_for_longer(tmp_path, tiny_model, tried, capsys):
    scaling.main(steps=5, cases=1, model=str(tiny_model), folder=tmp_path / "runs", out=tmp_path / "docs")
    stages = [recipe.generator for recipe in tried]
    assert [stage.optimization.steps for stage in stages] == [5, 10, 40]
    assert len({replace(stage.batching, opening=0) for stage in stages}) == 1 and {stage.aids for stage in stages} == {Aids()}
    page, facts = (tmp_path / "docs" / "scaling.md").read_text(), json.loads((tmp_path / "docs" / "scaling.json").read_text())
    assert capsys.readouterr().out.strip() == str(tmp_path / "docs" / "scaling.md")
    losses = {row[1]: float(row[4].split()[0]) for line in page.splitlines() if len(row := line.split("|")) == 6 and "x" in row[1]}
    assert losses[" 8x "] < losses[" 1x "]
    assert "| 8x | 40 |" in page and facts["passed, of"]["renders"]["all"][1] == facts["passed, of"]["8x"]["all"][1] == 1
    assert all((tmp_path / "docs" / f"scaling{end}").stat().st_size > 500 for end in (".svg", ".png", "-loss.svg"))
    curve.main(tokens=1e6, model=str(tiny_model), folder=tmp_path / "runs", out=tmp_path / "docs")
    page = (tmp_path / "docs" / "curve.md").read_text()
    assert "| permanence | 80% |" in page and "{" not in page and (tmp_path / "docs" / "curve.svg").stat().st_size > 500


def test_a_curve_points_where_the_shares_were_heading():
    """A logistic curve through exact shares is found again, and what does not rise reaches no bar."""
    operations = [10.0**power for power in (12, 13, 14, 15)]
    shares = [1 / (1 + np.exp(-odds)) for odds in (-3, -2, -1, 0)]  # one unit of log odds a decade: 0.9 lies 2.2 decades beyond
    line = curve.Line.through(operations, [(round(1e6 * share), 10**6) for share in shares])
    assert line.rise.mean() == pytest.approx(1, abs=0.01) and line.height.mean() == pytest.approx(0, abs=0.01)
    assert 140 < float(line.times(0.9).split()[0].replace(",", "")) < 180 and line.times(0.4) == "reached (reached to reached)"
    assert line.points().startswith("+25 (")
    never = curve.Line.through(operations, [(0, 40)] * 4)
    assert never.times(0.6).endswith("to beyond)") and never.points().startswith(("+0 (", "-0 ("))
    falling = curve.Line.through(operations, [(round(1e6 * share), 10**6) for share in reversed(shares)])
    assert falling.times(0.95) == "beyond (beyond to beyond)"


def test_arms_of_captions_hear_what_they_are_named_after():
    stages = {name: captions.hearing(trial.small(20), name) for name in captions.HEARD}
    heard = {name: stage.batching for name, stage in stages.items()}
    assert heard["short"].lengths == (("short", 1.0),) and heard["full"].lengths == (("full", 1.0),)
    assert len({replace(batching, lengths=()) for batching in heard.values()}) == 1 and heard["mixed"].scripted == 0
    assert len({stage.optimization for stage in stages.values()}) == 1


@pytest.mark.parametrize("claim", [captions, sizes])
def test_a_trial_becomes_a_page(tmp_path, tiny_model, tried, monkeypatch, claim):
    """With arms that are not trained: the same model in place of each."""
    monkeypatch.setattr(claim, "train", lambda arms, *_, **__: dict.fromkeys(arms, tiny_model))
    monkeypatch.setattr(claim, "held", lambda models, *_: dict.fromkeys(models, trial.Lost(1.5, -0.1, 0.02)))
    monkeypatch.setattr(sizes, "SIDES", ((64, 64), (64, 64)))
    claim.main(steps=5, cases=1, model=str(tiny_model), folder=tmp_path / "runs", out=tmp_path / "docs")
    page = (tmp_path / "docs" / f"{claim.__name__.rpartition('.')[2]}.md").read_text()
    arms = captions.HEARD if claim is captions else ("native", "square")
    assert all(f"| {arm} | 1 |" in page for arm in arms) and "| renders | 1 |" in page and "{" not in page
    assert "1.500 (-0.100 +- 0.020)" in page and str(trial.Lost(1.5, 0.0, 0.0)) == "1.500"


def test_a_cropped_clip_is_the_middle_of_the_whole_one():
    whole = ClipShape(frames=3, width=96, height=64, weight=1.0)
    middle = replace(whole, width=64, out_of=(96, 64))
    assert (middle.name, middle.filmed) == ("3x64x64-of-96x64", (96, 64))
    picture = torch.arange(96 * 64).view(1, 1, 64, 96)
    assert torch.equal(middle.cut(picture), picture[..., 16:80])
    clips = film(1, range(3), middle, 8.0, CPU)
    assert clips.frames.shape == (3, 3, 64, 64, 3) and clips.masks.shape == (3, 3, 64, 64) and clips.before.shape[1:] == (3, 64, 64, 3)
    frames = film(1, range(3), whole, 8.0, CPU).frames
    assert torch.equal(clips.frames, middle.cut(frames)) and clips.captions == film(1, range(3), whole, 8.0, CPU).captions
    stages = {square: sizes.stage_of(10, square=square).batching.shapes for square in (False, True)}
    assert {shape.filmed for shape in stages[True]} == {shape.filmed for shape in stages[False]} == set(sizes.SIDES)
    assert {(shape.width, shape.height) for shape in stages[True]} == {(128, 128), (96, 96)}


def test_places_take_the_place_of_the_whole_suite(tmp_path, tiny_model):
    exam = Exam(model=str(tiny_model), folder=tmp_path, seal="a", places=(("pairs", 1), ("seen", 4)), shape=(96, 64), takes=1)
    rows = collect(exam, 2, 1)
    assert {row["name"] for row in rows} == {"pairs-001", "seen-004"} and {tuple(row["size"]) for row in rows} == {(96, 64)}
    assert len(rows) == 4 and {row["take"] for row in rows} == {0}
    with pytest.raises(ValueError, match="delete it, or choose another --out"):
        collect(replace(exam, shape=None), 2, 1)


def test_claims_on_the_camera_take_cases_in_which_it_moves():
    question = shown.QUESTIONS[shown.Claim.space]
    assert not set(question.levels) & set(GIVEN)
    shot = Shot(width=64, height=64, frames=9, fps=8.0)
    ((level, number),) = shown.places_of("a", question, shot, 1)
    camera = case("a", level, number, shot).spec.camera
    assert camera and camera[0] != "static"
    assert shown.places_of("a", shown.QUESTIONS[shown.Claim.interaction], shot, 6)[4:] == (("pour", 0), ("tower", 1))


def test_a_claim_is_measured_beside_renders(tmp_path, tiny_model, tried, monkeypatch):
    monkeypatch.setattr(shown, "places_of", lambda seal, question, shot, cases: (("seen", 0),) * cases)
    shown.main(shown.Claim.space, str(tiny_model), 1, tmp_path / "runs", tmp_path / "docs")
    page = (tmp_path / "docs" / "space.md").read_text()
    assert "| renders | 1 |" in page and "| the camera that was asked for |" in page and not tried
    assert ">rigid<" in (tmp_path / "docs" / "space.svg").read_text()
    rows = [{"scores": {"rigid": [share, True, "seen"]}} for share in (0.5, 1.0)] + [{"scores": {"rigid": [0.0, False, NOTHING.seen]}}]
    assert shown.followed(rows) == [0.5, 1.0]


def test_students_taught_in_two_ways_are_put_to_the_cases_of_their_teacher(tmp_path, tiny_model, tried, monkeypatch):
    taught, train = [], students.train_student
    monkeypatch.setattr(students, "train_student", lambda recipe, *rest: taught.append(recipe.student) or train(recipe, *rest))
    again = {"steps": 6, "cases": 1, "model": str(tiny_model), "folder": tmp_path / "runs", "out": tmp_path / "docs"}
    students.main(**again)
    assert [(stage.consistent, stage.optimization.steps) for stage in taught] == [(False, 6), (True, 8)]
    page = (tmp_path / "docs" / "students.md").read_text()
    assert (
        all(f"| {arm} | 1 |" in page for arm in ("teacher", "progressive", "consistent", "renders"))
        and "{" not in page
        and "nan" not in page
    )
    folders = [tmp_path / "runs" / f"student-{name}" for name in ("progressive", "consistent")]
    assert len({(folder / "student.safetensors").read_bytes() for folder in folders}) == 2


def test_a_draft_and_the_clip_at_once_are_judged_alike(tmp_path, tiny_model, tried, monkeypatch):
    drafts, finish = [], finishing.Finish
    monkeypatch.setattr(finishing, "Finish", lambda draft, prompt: drafts.append(draft) or finish(draft=draft, prompt=prompt))
    finishing.main(1, 1.5, str(tiny_model), tmp_path / "runs", tmp_path / "docs")
    facts = json.loads((tmp_path / "docs" / "finishing.json").read_text())
    assert set(facts["passed, of"]) == {finishing.AT_ONCE, finishing.FINISHED, "renders"}
    clips = sorted((tmp_path / "runs").rglob("*.mp4"))
    assert len(clips) == 2 and clips[0].read_bytes() != clips[1].read_bytes()
    assert [(one.video.width, one.video.height) for one in drafts] == [(64, 64)]


def test_losses_are_taken_on_the_same_clips_and_noise(tiny_model):
    model = load(str(tiny_model), CPU, torch.float32)
    recipe = small_recipe()
    still = replace(recipe.generator.batching, shapes=recipe.generator.batching.shapes[:1])
    recipe = replace(recipe, generator=replace(recipe.generator, batching=still))
    (first, second) = held.losses([model, model], recipe, 2, lambda _: None)
    assert [batch["loss"] for batch in first] == [batch["loss"] for batch in second] and first[0]["loss"] != first[1]["loss"]
    assert held.mean(first, "loss", second) == (0.0, 0.0) and np.isnan(held.mean([{"loss": float("nan")}], "loss")[0])


def test_plots_show_what_they_are_given():
    shares = bars({"count": {"one": (5, 10), "two": (0, 0)}, "all": {"one": (1, 10)}}, "pass")
    assert shares.count("<rect") == 3 and "count" in shares and shares.startswith("<svg")
    low, high = (partial(curves, {"a": [(1, 0.5), (10, 1.5)]}, "x", "y")(most=most) for most in (1.5, 3.0))
    assert low != high and "1.5" in low and "%" not in low


def test_the_floor_obeys_the_camera_that_was_asked_for_and_no_other():
    """A render moves as its own camera does, and not as the same scene's would that goes the other way."""
    asked = case("a", "seen", 1, Shot(width=128, height=128, frames=9, fps=8.0))
    other = {"left": "right", "right": "left", "up": "down", "down": "up", "in": "out", "out": "in"}
    camera = replace(asked.scene.camera, direction=other[asked.scene.camera.direction])
    astray = replace(asked, scene=replace(asked.scene, camera=camera))
    (right,), wrong = shown.obeyed(asked, asked.truth), shown.obeyed(astray, asked.truth)
    assert right > 0.7 and all(share < 0.3 for share in wrong)
    assert shown.shares([0.5, 1.0]) == "75 % +- 49 of 2 clips" and shown.shares([]) == "none"


def test_only_clips_from_words_are_counted(tiny_model):
    rows = [{"kind": "the model", "level": level, "scores": {}} for level in ("seen", *GIVEN)]
    assert [row["level"] for row in trial.Arm(exam=Exam(model=str(tiny_model), folder=Path(), seal=""), rows=rows).made] == ["seen"]


def test_arms_differ_where_one_alone_passes_too_often_for_chance(tiny_model):
    def arm(passed):
        rows = [{"kind": "the model", "level": "seen", "scores": {"count": [0.0, one, ""], "all": [0.0, False, ""]}} for one in passed]
        return trial.Arm(exam=Exam(model=str(tiny_model), folder=Path(), seal=""), rows=rows)

    text = trial.differing({"a": arm([False] * 8), "b": arm([True] * 7 + [False]), "c": arm([True] * 2 + [False] * 6)}, ["all", "count"])
    assert "- b and a, of 2 measures: count 7 and 0 (p 0.016)" in text and "- c and a, of 2 measures: none" in text
