"""The figures of a run of the world suite, and the files that hold them."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from yozora import __version__
from yozora.evaluate import judges
from yozora.evaluate.cases import GIVEN, LEVELS, NOTHING, drawn, shown
from yozora.evaluate.likeness import closeness, distances, features, features_of, vendi
from yozora.evaluate.page import CHANGED, CLAIM, CLAIMED, KINDS, SIDED, confusion, gap, page, repeated, said, sided
from yozora.evaluate.report import Row, measures, table, takes_of, tally, wilson
from yozora.evaluate.thresholds import FROZEN, check_frozen
from yozora.evaluate.truth import usual_shot
from yozora.evaluate.world import MODEL, Exam, clip_file, collect, loaded, seal_of
from yozora.model import Habits
from yozora.order import Sampling
from yozora.plan import machine
from yozora.tasks.request import Shot
from yozora.video import Video
from yozora.video.sheet import sheet
from yozora.world.sample import sample
from yozora.world.scene import Scene

QUICK, STANDARD, FULL = 40, 400, 1000  # cases of a quick run, of one on a CPU, and of one on a GPU
TIERS = {QUICK: "quick", STANDARD: "standard", FULL: "full"}
AIMED = "flicker", "gravity"  # measures whose aims are about their numbers, not about how many clips pass
SHEET, STRIP = 16, 6  # clips on the contact sheet, frames of each
NEIGHBOURS = 20_000  # training clips, and as many fresh ones, among which the nearest is looked for, at most
COPY = 0.5  # of the distance to the nearest fresh clip, below which a clip counts as a copy

Learned = Callable[[int], list[Scene]]  # so many of the scenes that a model was trained on


def run(exam: Exam, count: int, *, processes: int = 1, learned: Learned | None = None) -> str:
    """Score a model on so many cases, and return what to say of it; without a seal the cases are those of its weights and the limits.

    Writes `world.jsonl`, `world.json`, `world.md`, `world.html`, the clips and `contact-sheet.png`, the first ones of seen combinations.
    An interrupted run goes on from there. Raises ValueError where the folder has records of other weights or another seal.
    """
    check_frozen()
    own = seal_of(loaded(exam.model))
    exam = exam if exam.seal else replace(exam, seal=own)
    rows, folder = collect(exam, count, processes), exam.folder
    facts = summarise(exam, rows)
    facts["diversity"] = diversity(exam, rows)
    facts["memory"] = memory(exam, rows, learned, processes) if learned else None
    facts["tier"] = tier(count, sealed=exam.seal == own)
    (folder / "world.json").write_text(json.dumps(facts | {"clips": rows}, indent=1) + "\n", encoding="utf-8")
    (folder / "world.md").write_text(markdown(rows), encoding="utf-8")
    (folder / "world.html").write_text(page(facts, rows, folder / "clips"), encoding="utf-8")
    contact_sheet(folder)
    return f"joint pass@1 {said(facts['joint'])} clips from words\n{facts['tier']}\n{folder / 'world.html'}"


def contact_sheet(folder: Path) -> None:
    """The first clips of seen combinations, frames evenly spaced in time; one that is missing stays black."""
    paths = [folder / "clips" / f"seen-{number:03d}-0.mp4" for number in range(SHEET)]
    found = {path: Video.load(path).frames for path in paths if path.exists()}
    if found:
        nothing = next(iter(found.values()))[:0]
        sheet([found.get(path, nothing) for path in paths], STRIP, columns=2).save(folder / "contact-sheet.png")


def summarise(exam: Exam, rows: Sequence[Row]) -> dict:
    """Counts that pass with their intervals: jointly over all clips from words, and by level, kind of clip and measure."""
    model, once = loaded(exam.model), [row for row in rows if row["take"] == 0]
    made = [row for row in rows if row["kind"] == MODEL]
    levels: dict = {}
    for level in LEVELS:
        some = [row for row in once if row["level"] == level]
        for kind in dict.fromkeys(row["kind"] for row in some):
            clips = [row for row in some if row["kind"] == kind]
            levels.setdefault(level, {})[kind] = {name: counted(*tally(clips, name)) for name in measures(some)}
        if some:
            levels[level]["all takes pass"] = counted(*repeated([row for row in rows if row["level"] == level]))
    words = [row for row in made if row["take"] == 0 and row["level"] not in GIVEN]
    return {
        "model": model.name,
        "joint": counted(*tally(words, "all")),
        "given": [*GIVEN],
        "all takes pass": counted(*repeated([row for row in made if row["level"] not in GIVEN])),
        "joint without changes for good": counted(*tally([row for row in words if row["level"] != CHANGED], "all")),
        "levels": levels,
        "which way, by the way that was asked": confusion([row for row in made if row["take"] == 0]),
        "by side": {
            way: {name: counted(*tally(some, name)) for name in SIDED}
            for way, some in sided([row for row in made if row["take"] == 0]).items()
        },
        "medians": {name: medians(once, name) for name in AIMED},
        "less on held-out ones": {kind: gap([row for row in once if row["kind"] == kind]) for kind in KINDS},
        "made with": {
            "weights": loaded(exam.model, exam.quality).digest,
            "limits": FROZEN,
            "judges": judges.digest(),
            "seal": exam.seal,
            "sampling": sampled(model.habits, exam.sampling),
            "yozora": __version__,
            "clips": len(made),
            "clips that could not be made": sum(bool(row["error"]) for row in made),
            "prompts with a word that the model does not know": len({row["case"] for row in made if row["strange"]}),
            "frames of all clips, hashed": fingerprint(made),
            "seconds a clip (median)": round(float(np.median([row["seconds"] for row in made])), 2),
            "seconds of all clips": round(sum(row["seconds"] for row in made)),
            "machine": f"{machine()}, {next(model.transformer.parameters()).device.type}, torch {torch.__version__}",
        },
    }


def medians(rows: Sequence[Row], name: str) -> dict:
    """What a measure says of each kind of clip: the median in its own unit, and of how many clips."""
    known = {kind: [score[0] for row in rows if row["kind"] == kind and (score := told(row, name))] for kind in KINDS}
    return {kind: {"median": round(float(np.median(found)), 2), "clips": len(found)} for kind, found in known.items() if found}


def told(row: Row, name: str) -> list | None:
    """The score of a record, where there was something to measure."""
    score = row["scores"].get(name)
    return score if score and score[2] != NOTHING.seen else None


def markdown(rows: Sequence[Row]) -> str:
    """The rates of the first takes as Markdown: of the model level by level, and of all from words beside renders."""
    once = [row for row in rows if row["take"] == 0]
    made = [row for row in once if row["kind"] == MODEL]
    groups = {title: [row for row in made if row["level"] == level] for level, title in LEVELS.items()}
    groups[CLAIMED] = [row for row in made if row["level"] in CLAIM]
    words = [row for row in once if row["level"] not in GIVEN]
    groups |= {f"all from words, {kind}": [row for row in words if row["kind"] == kind] for kind in KINDS}
    names = measures(once)
    return "\n\n".join(
        table({name: some for name, some in groups.items() if some}, part, "level") for part in (names[:6], [names[0], *names[6:]])
    )


def fingerprint(made: Sequence[Row]) -> str:
    """One hash over all frames of a model's clips: who has the same made the same clips."""
    known = sorted((row["name"], row["take"], row.get("frames", row["error"])) for row in made)
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def sampled(habits: Habits, sampling: Sampling) -> str:
    """How a model's clips are made, in words."""
    size, (low, high) = "x".join(map(str, habits.size)), sampling.guided
    clip = f"{size}, {habits.seconds:g} s, {habits.fps:g} frames a second, {sampling.steps} steps"
    if sampling.student:
        again = f", all but the first taken {1 + sampling.restarts} times" if sampling.restarts else ""
        return f"{clip} of the student{again}"
    renewed = f", noise renewed at eta {sampling.eta:g}" if sampling.eta else ""
    return f"{clip}, guidance {sampling.guidance:g} at noise levels {low:g} to {high:g}{renewed}"


def counted(right: int, of: int) -> dict:
    """A share with its interval."""
    return {"right": right, "of": of, "interval": wilson(right, of)}


def tier(count: int, *, sealed: bool) -> str:
    """How much weight a run's figures bear, in words."""
    name = next((TIERS[least] for least in sorted(TIERS, reverse=True) if count >= least), "a look")
    source = "fixed by the weights and the limits" if sealed else "fixed by a seal that was chosen by hand"
    return f"{count} cases ({name}); scenes, words and noise are {source}."


def diversity(exam: Exam, rows: Sequence[Row]) -> dict | None:
    """How many of the takes of one prompt differ, on average, beside scenes composed from the same words; None without such cases."""
    shot = usual_shot(loaded(exam.model))
    made = [row for row in rows if row["kind"] == MODEL and not row["error"] and row["level"] not in (*GIVEN, "sizes")]
    several = [takes for takes in takes_of(made) if len(takes) > 1]
    if not several:
        return None
    scale, found, beside = usual_distance(exam, shot), [], []
    for takes in several:
        name, words = takes[0]["name"], takes[0]["prompt"]
        renders = features_of([shown(words, drawn(exam.seal, name, take)) for take in range(len(takes))], shot)
        found.append(vendi(features([Video.load(clip_file(exam.folder / "clips", row)) for row in takes]), scale))
        beside.append(vendi(renders, scale))
    return {"takes": len(several[0]), "prompts": len(several), "model": float(np.mean(found)), "renders": float(np.mean(beside))}


def usual_distance(exam: Exam, shot: Shot, clips: int = 24) -> float:
    """The median distance of renders that have nothing to do with one another."""
    renders = features_of([sample(drawn(exam.seal, "unrelated", number)) for number in range(clips)], shot)
    return float(np.median(distances(renders, renders)[np.triu_indices(clips, 1)]))


def memory(exam: Exam, rows: Sequence[Row], learned: Learned, processes: int) -> dict:
    """Whether the model's clips are nearer to what it was trained on than to what nobody has seen."""
    shot = usual_shot(loaded(exam.model))
    size = [shot.width, shot.height]
    made = [row for row in rows if row["kind"] == MODEL and row["take"] == 0 and not row["error"]]
    made = [row for row in made if row["size"] == size and row["level"] not in GIVEN]
    clips = features([Video.load(clip_file(exam.folder / "clips", row)) for row in made])
    known = learned(NEIGHBOURS)
    fresh = features_of([sample(drawn(exam.seal, "fresh", number)) for number in range(len(known))], shot, processes)
    ratio = closeness(clips, features_of(known, shot, processes), fresh)
    return {"clips": len(made), "learned": len(known), "median": float(np.median(ratio)), "copies": int((ratio < COPY).sum())}
