"""The cases of the world suite: what is asked, level by level, drawn from a seal that nobody can choose.

A seal is the hash of the weights and of the limits they are judged by: the scenes, words and noise of a run are fixed by it, and only
when the weights are. Two models that are to be compared on the same cases share one by hand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count

import numpy as np

from yozora.evaluate.joint import MEASURES
from yozora.evaluate.legible import PALE, legible
from yozora.evaluate.measures import Metric, Score, judge, together
from yozora.evaluate.physics import Gravity, Trajectory
from yozora.evaluate.sight.track import Sight, look
from yozora.evaluate.spec import Spec, free_sentences, told
from yozora.evaluate.trails import LASTING, MOVING, clear
from yozora.evaluate.truth import act, asked, filmed
from yozora.tasks.animate import Animate
from yozora.tasks.extend import Extend
from yozora.tasks.generate import Generate
from yozora.tasks.request import Request, Shot
from yozora.tasks.source import read_source
from yozora.video import Video
from yozora.world.heldout import digest, held_sizes, reserved
from yozora.world.parse import Reading, compose, parse
from yozora.world.sample import EVERY, SPLITS, sample
from yozora.world.scene import CHANGES, Scene
from yozora.world.take import Take
from yozora.world.words import caption

LEVELS = {
    "seen": "seen combinations",
    "pairs": "held-out pairs",
    "triples": "held-out triples",
    "interpolation": "goes on, a value inside a removed band",
    "extrapolation": "goes on, a value beyond the trained range",
    "sizes": "unseen sizes",
    "paraphrase": "unseen phrasings",
    "free": "free sentences",
    "onward": "goes on from a fourth of a clip",
    "falls": "falls from a first picture",
    "changes": "what changes for good",
}
# In any 21 cases in a row there are as many of each level.
ORDER = (
    *("seen", "pairs", "falls", "paraphrase", "triples", "free", "seen", "interpolation", "pairs", "extrapolation"),
    *("seen", "sizes", "free", "paraphrase", "triples", "onward", "seen", "interpolation", "pairs", "extrapolation", "changes"),
)
ONWARD = ("onward", "interpolation", "extrapolation")  # levels that begin with a fourth of a clip: what its values are is seen, not said
GIVEN = (*ONWARD, "falls")  # and all that begin from a known start
NOTHING = Score(0.0, False, "nothing to measure")
TRIES = 128  # captions of a scene, among which one is looked for that leaves nothing open
REPEATED = 4  # of every so many cases of a level, the first is made so many times
HEIGHT = 0.9  # metres, that a thing must fall at least for its acceleration to be read off


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that is asked; `scene` is what was put into words, or, where people wrote them, one composed from them."""

    level: str
    number: int
    seal: str
    shot: Shot
    prompt: str
    spec: Spec
    scene: Scene

    @property
    def name(self) -> str:
        """Such as pairs-007."""
        return f"{self.level}-{self.number:03d}"

    @property
    def seeds(self) -> list[int]:
        """Those of the noise: one, or several where the case is repeated."""
        return [drawn(self.seal, "noise", self.name, take) for take in range(1 if self.number % REPEATED else REPEATED)]

    @cached_property
    def take(self) -> Take:
        """The scene simulated."""
        return act(self.scene, self.shot)

    @cached_property
    def truth(self) -> Video:
        """The scene's render."""
        return filmed(self.take, self.shot)

    @cached_property
    def at_best(self) -> dict[str, Score | None]:
        """The verdicts on the render, which say what can be measured."""
        return judge(attend(self.truth, self.spec), self.spec, self.measures)

    @property
    def known(self) -> int:
        """How many frames of the render are given."""
        return self.shot.frames // 4 + 1 if self.level in ONWARD else int(self.level in GIVEN)

    def request(self) -> tuple[Request, Shot]:
        """What the model is asked, and the shot that it is asked for."""
        if not self.known:
            return Generate(prompt=self.prompt), self.shot
        given = read_source(Video(self.truth.frames[: self.known], self.truth.fps))
        if self.level == "falls":
            return Animate(image=given, prompt=self.prompt), self.shot
        return Extend(video=given, prompt=self.prompt), replace(self.shot, frames=self.shot.frames - self.known)

    @property
    def measures(self) -> tuple[Metric, ...]:
        """What the clip is judged by: what holds of any, and what follows from a known start."""
        if not self.known:
            return MEASURES
        return (*MEASURES, Gravity(self.take, 0) if self.level == "falls" else Trajectory(self.take, self.known))

    def judge(self, video: Video) -> dict[str, Score | None]:
        """The verdicts on a clip."""
        return self.applied(judge(attend(video, self.spec), self.spec, self.measures))

    def applied(self, found: Mapping[str, Score | None]) -> dict[str, Score | None]:
        """Verdicts on what can be measured in the render: a clip in which it cannot be fails, unless it `may_lack` it."""
        missing = {name: None if name in found and name in self.may_lack else NOTHING for name in self.at_best}
        return together({name: best and (found.get(name) or missing[name]) for name, best in self.at_best.items() if name != "all"})

    @property
    def may_lack(self) -> set[str]:
        """Measures of what a clip may lack because the words leave it open: texture on the floor, a camera at rest, a large ball."""
        floor = self.known or parse(self.prompt).place.floor
        left_open = {"round_balls": True, "rigid": not floor, "flicker": self.spec.camera is None}
        return {name for name, is_open in left_open.items() if is_open}


def attend(video: Video, spec: Spec) -> Sight:
    """See a clip; white and black are taken for light and shade where they are not asked for."""
    return look(video).without(set(PALE) - set(spec.colours))


def numbered(seal: str, index: int, shot: Shot) -> Case:
    """Case `index` of a seal; there is no last one."""
    return case(seal, *place(index), shot)


def place(index: int) -> tuple[str, int]:
    """The level of case `index`, and how many there are of it before."""
    rounds, rest = divmod(index, len(ORDER))
    level = ORDER[rest]
    return level, rounds * ORDER.count(level) + ORDER[:rest].count(level)


def case(seal: str, level: str, number: int, shot: Shot) -> Case:
    """A case by its level and number; in place of a level a family may stand, whose seen combinations are meant.

    Free sentences begin again when there are no more.
    """
    if level == "free":
        sentences = free_sentences()
        sentence, spec = sentences[number % len(sentences)]
        scene = shown(sentence, drawn(seal, level, number))
        return Case(level=level, number=number, seal=seal, shot=shot, prompt=sentence, spec=spec, scene=scene)
    if level == "sizes":
        width, height = sorted(held_sizes())[number % len(held_sizes())]
        shot = replace(shot, width=width, height=height)
    seed = drawn(seal, level, number)
    scene = first(seed, level, shot)
    words, spec = put(scene, asked(scene, shot), seed, "paraphrase" if level == "paraphrase" else "train")
    return Case(level=level, number=number, seal=seal, shot=shot, prompt=words, spec=spec, scene=scene)


def put(scene: Scene, spec: Spec, seed: int, split: str) -> tuple[str, Spec]:
    """The first of some captions that leaves least open of camera, ways and floor, and the spec that it asks for."""

    def left_open(reading: Reading) -> tuple[bool, int, bool]:
        asked, misread = told(spec, reading), len(reading.deeds) != len(scene.events)
        return misread, (asked.camera is None) + sum(not motion.direction for motion in asked.motions), not reading.place.floor

    texts = (caption(scene, seed + step, split).sentence for step in range(TRIES))
    reading, text = min(((parse(text), text) for text in texts), key=lambda one: left_open(one[0]))
    return text, told(spec, reading)


def shown(sentence: str, seed: int) -> Scene:
    """A scene composed from a sentence; what it names is all that is there where it asks for a deed that this world does not know."""
    reading = parse(sentence)
    try:
        return compose(reading, seed)
    except ValueError:
        return compose(replace(reading, deeds=()), seed)


def drawn(*words: str | int) -> int:
    """A number below 2^62 that depends on every word."""
    return digest(*map(str, words)) >> 2


def first(seed: int, level: str, shot: Shot) -> Scene:
    """The first scene from a seed on that suits a level, and whose picture can show what its words ask for."""
    split = level if level in SPLITS else "train"
    suits = SUITS.get(level, lambda _, __: True)
    families = (
        {level: 1.0}
        if level in EVERY
        else {family: share for family, share in EVERY.items() if (family in CHANGES) == (level == "changes")}
    )
    for step in count():
        scene = sample(seed + step, split, families)
        take = act(scene, shot)
        if suits(take, shot) and legible(scene, take, shot):
            return scene
    raise AssertionError("some scene suits")


def goes_on(take: Take, shot: Shot) -> bool:
    """Whether of one event enough is seen to know how it goes on, while something still moves, and can be followed."""
    scene, known = take.scene, shot.frames // 4 + 1
    if len(scene.events) != 1 or scene.family in ("hide", "return", "topple"):
        return False
    actor = scene.events[0].actor
    speed = float(np.linalg.norm(take.poses.velocity[known, actor]))
    return speed >= MOVING and bool(clear(take, shot.width / shot.height)[1][known:, actor].mean() >= LASTING)


def falls(take: Take, shot: Shot) -> bool:
    """Whether a camera at rest sees a thing fall straight down from high enough, alone in its colour."""
    scene = take.scene
    if scene.family != "drop" or scene.camera.kind != "static":
        return False
    event, colour = scene.events[0], scene.objects[0].colour
    if [body.colour for body in scene.objects].count(colour) > 1 or event.direction != "down" or event.amount < HEIGHT:
        return False
    return bool(clear(take, shot.width / shot.height)[1][:, 0].all())


def shows(take: Take, shot: Shot) -> bool:
    """Whether it goes on, and a value is held out of how its one event happens, not of camera or light alone."""
    event = {f"{what} of {one.kind}" for one in take.scene.events for what in ("speed", "amount")}
    return any(reason.partition(": ")[2].startswith(tuple(event)) for reason in reserved(take.scene)) and goes_on(take, shot)


SUITS: dict[str, Callable[[Take, Shot], bool]] = {"onward": goes_on, "interpolation": shows, "extrapolation": shows, "falls": falls}
