"""An edit to be judged: what is asked, what is given, and beside the model's answer others to judge alike; scenes for it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from yozora.evaluate.finding import Finding, Findings
from yozora.evaluate.measures import Score
from yozora.evaluate.trails import MOVING
from yozora.evaluate.truth import act, filmed
from yozora.tasks.request import Request, Shot
from yozora.video import Video
from yozora.world.render import render
from yozora.world.sample import sample
from yozora.world.scene import COLOURS, Scene
from yozora.world.take import Take
from yozora.world.words import caption

FIRST_SEED = 82_000_000  # scenes of the training split on which nothing was trained and no threshold set
STRIDE = 10_000  # seeds between the cases, among which the first scene that suits is taken
LENGTH = Shot(width=128, height=128, frames=33, fps=8.0)  # of a clip to whose end things are to move
RENDER = "the render"  # the kind of clip that no model can be expected to beat


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A request of a shot's size, what is given (to be looked at), other clips to judge by their kinds, and how to judge.

    `rivals` are other requests for the same, which the model carries out too: measure `halved` must be at most half of theirs.
    """

    request: Request
    shot: Shot
    given: Video
    others: Mapping[str, Video]
    judge: Callable[[Video], Findings]
    rivals: Mapping[str, Request] = field(default_factory=dict)
    halved: str = ""


def pick(number: int, suits: Callable[[Scene], bool]) -> Scene:
    """The scene of a case: the first one from its seed on that suits."""
    found = (sample(seed) for seed in count(FIRST_SEED + STRIDE * number))
    return next(scene for scene in found if plain(scene) and suits(scene))


def plain(scene: Scene) -> bool:
    """Whether a scene has one object or two of different colours, none of which is hidden, and looks natural."""
    colours = {body.colour for body in scene.objects}
    return (
        scene.style == "natural" and len(scene.objects) == len(colours) <= 2 and scene.family not in ("hide", "return", "topple", "slide")
    )


def crossing(scene: Scene) -> bool:
    """Whether something rolls or is pushed across the picture, to the clip's end, under a camera that stays or turns."""
    if (
        scene.family not in ("roll", "push")
        or scene.camera.kind not in ("static", "pan")
        or scene.events[0].direction not in ("left", "right")
    ):
        return False
    velocity = act(scene, LENGTH).poses.velocity[-1, : len(scene.objects)]
    return float(np.linalg.norm(velocity, axis=-1).max()) >= MOVING


def shoot(scene: Scene, shot: Shot) -> tuple[Take, Video]:
    """A scene simulated and filmed."""
    take = act(scene, shot)
    return take, filmed(take, shot)


def things(take: Take, shot: Shot) -> np.ndarray:
    """Which object each pixel shows, `int8[time height width]`; -1 where none does."""
    return render([take], (shot.width, shot.height)).masks[0].numpy()


def unused(scene: Scene, number: int) -> list[str]:
    """Colours that nothing in a scene has, in an order that depends on the case; white and black are left out, as they look like floor."""
    taken = {body.colour for body in scene.objects} | {"white", "black"}
    return np.random.default_rng(number).permutation([colour for colour in COLOURS if colour not in taken]).tolist()


def clip(frames: np.ndarray, like: Video) -> Video:
    """Frames at another clip's rate."""
    return Video(np.ascontiguousarray(frames), like.fps)


def dissolved(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Frames of two clips mixed by a weight of the second in each frame."""
    share = weight[:, None, None, None]
    return np.rint(first * (1 - share) + second * share).astype(np.uint8)


def only(made: Video, frames: Iterable[int]) -> np.ndarray:
    """A mask of whole frames, `bool[time height width]`."""
    return np.broadcast_to(np.isin(np.arange(made.num_frames), list(frames))[:, None, None], made.frames.shape[:3])


def words(scene: Scene, number: int) -> str:
    """The sentence that a case asks with."""
    return caption(scene, number).sentence


def as_asked(scores: Mapping[str, Score | None]) -> Findings:
    """The verdicts on words that a clip answers, as findings."""
    named = {name: scores[name] for name in ("colours", "count", "binding", "direction")}
    return {name: Finding(score.value, score.passed, score.seen) if score else None for name, score in named.items()}
