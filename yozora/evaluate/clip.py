"""The measures on any one clip, and which of them say nothing of it: `yozora judge FILE "words"`."""

import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from yozora.evaluate.cases import attend
from yozora.evaluate.finding import Finding
from yozora.evaluate.game import rules
from yozora.evaluate.joint import MEASURES
from yozora.evaluate.legible import PALE
from yozora.evaluate.measures import Score, judge
from yozora.evaluate.sight.detect import widened
from yozora.evaluate.sight.track import Sight, look
from yozora.evaluate.spec import Spec, spec_of, told
from yozora.evaluate.thresholds import check_frozen
from yozora.video import Video
from yozora.world.game_album import read_game
from yozora.world.parse import Reading, compose
from yozora.world.scene import STYLES
from yozora.world.understand import understood

GREY, FLOOR, MOST = 0.15, 0.9, 9.0  # greatest saturation of a floor, least share of it that is so grey, most regions in a frame
NOTHING = "nothing of this world is seen in it"
STRANGE = "the clip is none of this world, or painted in such colours as thermal, blueprint or neon"
UNCALIBRATED = (*PALE, *(style for style in STYLES if style != "natural"))
GLANCES = 8  # pictures of a video, at most, by which it is told whether it is of this world
TIMELY = ("direction", "camera", "permanence", "deeds", "irreversible", "rigid", "flicker")  # what several pictures tell
PLAIN = ("flicker", "inside", "no_bars")  # what needs nothing of the world
OPEN = {
    "direction": "the words leave all motion open, or nothing of this world is seen",
    "camera": "the words do not speak of the camera, or nothing on the floor shows how it moves",
    "permanence": "nothing of this world is seen",
    "deeds": "nothing is said to happen whose manner is known, and nothing stands by",
    "inside": "nothing is seen that the words name",
    "rigid": "too little texture on the floor",
    "flicker": "the camera moves, or no floor is free of things and shadows",
    "irreversible": "nothing is said to change for good",
    "round_balls": "no ball is seen alone, whole and large enough",
}


@dataclass(frozen=True)
class Verdict:
    """What a measure says of a clip, or why it says nothing."""

    measure: str
    score: Score | Finding | None
    reason: str = ""

    def __str__(self) -> str:
        if self.score is None:
            return f"{self.measure:12} does not apply: {self.reason}"
        return f"{self.measure:12} {'passes' if self.score.passed else 'fails ':6} {self.score.value:7.3g}  {self.score.seen}".rstrip()


def judge_file(path: Path, words: str) -> list[Verdict]:
    """The verdicts on a video file by what some words ask for, or on a clip of the game by its rules and what its notes ask.

    Warns of words that are not understood or not needed; raises ValueError for a file or words that cannot be read.
    """
    check_frozen()
    if game := read_game(path):
        notes = path.with_suffix(".json").name
        warnings.warn(f"{path.name} is a clip of the game: judged by its rules and what {notes} asks, not by the words", stacklevel=2)
        return [Verdict(name, finding) for name, finding in rules.judge(Video.load(path), game).items()]
    reading = understood(words)
    if unlike := [name for name in (reading.place.style, *(thing.colour for thing in reading.things)) if name in UNCALIBRATED]:
        warnings.warn(f"what is {unlike[0]} was in no clip that the measures were tried on: true clips of it may fail", stacklevel=2)
    spec = asked_by(reading)
    sight = attend(Video.load(path), spec)
    silent: dict[str, str] = {}
    if sight.found.frames == 1:
        silent |= dict.fromkeys(TIMELY, "one picture cannot tell")
    if any(not asked.shape for asked in spec.objects):
        silent |= dict.fromkeys(("shapes", "binding"), "the words leave a shape open")
    if strange := stranger(sight):
        silent |= {measure.__name__: strange for measure in MEASURES if measure.__name__ not in PLAIN}
    scores = {name: score for name, score in judge(sight, spec, MEASURES).items() if name != "all"}
    return [Verdict(name, None if name in silent else score, silent.get(name) or OPEN.get(name, "")) for name, score in scores.items()]


def asked_by(reading: Reading) -> Spec:
    """What a text asks for, as a scene that shows it would be judged; what it does not say stays open."""
    spec, things = told(spec_of(compose(reading, 0)), reading), reading.things
    named = [replace(one, colour=thing.colour, shape=one.shape and thing.shape) for one, thing in zip(spec.objects, things)]
    apart = int(any(deed.kind in ("topple", "tower") for deed in reading.deeds))  # no more slabs may be told apart
    return replace(spec, apart=apart, objects=(*named, *spec.objects[len(things) :]), still=False)


def stranger(sight: Sight) -> str:
    """Why a clip cannot be one of this world, a few solid things on a grey floor; empty where it may be."""
    free = ~widened(torch.from_numpy(sight.number > 0), 3)
    free[:, : free.shape[1] // 2] = False  # whatever the camera, the lower half is floor
    colour = (sight.pixels.amax(1) - sight.pixels.amin(1))[free]
    crowd = len(sight.found.blobs) / sight.found.frames
    if crowd > MOST:
        return f"{STRANGE}: {crowd:.0f} patches of colour in a frame"
    if not len(colour) or float((colour < GREY).float().mean()) < FLOOR:
        return f"{STRANGE}: its lower half is no grey floor"
    return ""


def foreign(video: Video) -> str:
    """Why a video is none that shows things of this world, by a few of its pictures; empty where it may be."""
    sight = look(Video(video.frames[:: math.ceil(video.num_frames / GLANCES)], 1))
    return stranger(sight) or ("" if (sight.track >= 0).any() else NOTHING)
