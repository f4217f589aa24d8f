"""What is done to the renders of cases, to see whether the measures notice; the cases are those of the suite under another seal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from yozora.evaluate import faults
from yozora.evaluate.cases import ORDER, Case, case, numbered
from yozora.evaluate.legible import visible
from yozora.evaluate.measures import record
from yozora.evaluate.misdeeds import misdone, swerve
from yozora.evaluate.report import Row
from yozora.evaluate.spec import VEILED
from yozora.evaluate.truth import filmed, squeeze, usual_shot
from yozora.evaluate.world import RENDER, THROUGH, loaded
from yozora.video import Video

SEAL = "calibration"
SEEN = [index for index, level in enumerate(ORDER) if level != "free"]  # of any 21 cases, those that have a scene
OTHER = "another clip's words"
MOVED = (faults.slow, faults.stop)  # faults that only the engine's own motion tells, after a known start


@dataclass(frozen=True)
class Trial:
    """What is put through which network, and how many cases are spoilt in every way; how things happen is spoilt in all of them."""

    model: str
    faulty: int
    level: str = ""

    def __call__(self, number: int) -> list[Row]:
        """The verdicts on one case's render and on what was done to it."""
        case, other = self.case(number), self.case(number + 1)
        rng = np.random.default_rng(number)
        true = case.truth
        found = {RENDER: case.at_best, THROUGH: case.judge(squeeze([true], loaded(self.model).vae)[0])}
        found[OTHER] = replace(case, spec=other.spec).at_best
        moved = MOVED if case.known else ()
        for fault in dict.fromkeys((*faults.WORLD_FAULTS, *faults.PIXEL_FAULTS, *moved)) if number < self.faulty else moved:
            found[fault.__name__] = case.judge(spoilt(case, fault, rng))
        if number < self.faulty:
            found |= {name: case.judge(video) for name, video in later(case, rng)}
            found["swerve"] = case.judge(filmed(swerve(case.take, case.shot), case.shot))
        found |= {name: case.judge(filmed(take, case.shot)) for name, take in misdone(case.take)}
        undone = faults.spoilt_change(case.take, true, partial(filmed, shot=case.shot))
        found |= {name: case.judge(video) for name, video in undone}
        sideways = any(motion.direction in ("left", "right") for motion in case.spec.motions)
        traits = {"case": number, "level": case.level, "family": case.take.scene.family, "sideways": sideways}
        return [{**traits, "what": name, "scores": record(scores)} for name, scores in found.items()]

    def case(self, number: int) -> Case:
        """A case of the level or family, or of all levels that have a scene in turn."""
        shot = usual_shot(loaded(self.model))
        if self.level:
            return case(SEAL, self.level, number, shot)
        return numbered(SEAL, SEEN[number % len(SEEN)] + len(ORDER) * (number // len(SEEN)), shot)


def spoilt(case: Case, fault: Callable, rng: np.random.Generator) -> Video:
    """A case's render with a fault, which is put into the scene or into its picture."""
    if fault in faults.PIXEL_FAULTS:
        return Video(frames=fault(case.truth.frames, rng), fps=case.truth.fps)
    return filmed(fault(case.take, rng), case.shot)


def later(case: Case, rng: np.random.Generator) -> Iterator[tuple[str, Video]]:
    """The render with faults, by name, that come about in its middle, or while the thing is out of sight that is to be so for a while."""
    begins: dict[str, tuple[tuple[int, ...], int]] = {"midway": ((), case.shot.frames // 2)}
    for event in case.take.scene.events:
        if event.kind in VEILED:
            gone = np.flatnonzero(visible(case.take, case.shot)[:, event.actor] == 0)
            begins["out of sight"] = ((event.actor,), int(np.median(gone)))
    for when, (victims, cut) in begins.items():
        for fault in faults.LATER:
            frames = np.concatenate([case.truth.frames[:cut], filmed(fault(case.take, rng, victims), case.shot).frames[cut:]])
            yield f"{fault.__name__} {when}", replace(case.truth, frames=frames)
