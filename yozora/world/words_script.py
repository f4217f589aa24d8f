"""A scene as cues in time: which words hold over which span."""

import numpy as np

from yozora.world.grammar import Writer, tidy
from yozora.world.scene import Event, Scene, row
from yozora.world.take import Take
from yozora.world.words_cast import Cast
from yozora.world.words_clause import ALL_PHASES, Teller
from yozora.world.words_names import STYLE_AFTER
from yozora.world.words_text import sentence, with_bystanders

CUTS = {"drop": (0.2,), "push": (0.25,), "slide": (0.35,), "hide": (0.3, 0.65), "return": (0.3, 0.65), "topple": (0.2,)} | {
    "tower": (0.2,),
    "seesaw": (0.15,),
    "break": (0.15,),
    "pour": (0.7,),
}


def cues(writer: Writer, scene: Scene, take: Take | None) -> list[tuple[str, float, float]]:
    """Texts with start and end, as fractions of the clip; each text can stand alone."""
    events, cuts = list(scene.events), CUTS.get(scene.family, ())
    if len(events) > 1:
        cuts = tuple(order / len(events) for order in range(1, len(events)))
        texts = [cue(writer, scene, event) for event in events]
    elif scene.family in ALL_PHASES:
        cuts = measured(take) if take else cuts
        texts = [cue(writer, scene, events[0], order) for order in range(len(ALL_PHASES[scene.family]))]
    else:
        return [(sentence(writer, scene), 0.0, 1.0)]
    bounds = (0.0, *cuts, 1.0)
    return list(zip(texts, bounds[:-1], bounds[1:], strict=True))


def cue(writer: Writer, scene: Scene, event: Event, order: int = -1) -> str:
    """One event, or one phase of it, with everything else that stands around."""
    cast = Cast(writer=writer, scene=scene, sizes=False, materials=False)
    teller = Teller(writer=writer, cast=cast, detail=0.5)
    mood = "participle" if writer.chance(0.3) else "present"
    text = teller.clause(event, mood) if order < 0 else teller.phase(event, order, mood)
    text = with_bystanders(teller, text, mood)
    return tidy(text if scene.style == "natural" else f"{text}, {writer.word(STYLE_AFTER[scene.style])}")


def measured(take: Take) -> tuple[float, ...]:
    """Where the phases of a take's single event meet, as fractions of the clip."""
    event, count = take.scene.events[0], len(take.poses.position)
    cuts = MEASURED[event.kind](take, event)
    if min(cuts) <= 0 or max(cuts) >= count:
        return CUTS[event.kind]
    return tuple(float(cut) for cut in np.clip(np.array(cuts) / count, 0.1, 0.9))


def touches(take: Take, one: int, other: int) -> np.ndarray:
    """Frames in which two solids touch (-1: the floor)."""
    pairs = take.contacts
    hit = ((pairs[:, 1] == one) & (pairs[:, 2] == other)) | ((pairs[:, 1] == other) & (pairs[:, 2] == one))
    return pairs[hit, 0]


def landing(take: Take, event: Event) -> tuple[float, ...]:
    """The first touch of the floor."""
    return first(touches(take, event.actor, -1))


def meeting(take: Take, event: Event) -> tuple[float, ...]:
    """The first touch of the target."""
    return first(touches(take, event.actor, event.target))


def first(frames: np.ndarray) -> tuple[float, ...]:
    """The first of some frames; 0 where there is none."""
    return (float(frames.min()),) if len(frames) else (0.0,)


def leaving(take: Take, event: Event) -> tuple[float, ...]:
    """Where a slide reaches the floor."""
    return first(touches(take, event.actor, -1))


def tipping(take: Take, event: Event) -> tuple[float, ...]:
    """Where the first slab of a row begins to lean."""
    upright = take.poses.rotation[:, event.actor, 2, 2]
    return first(np.flatnonzero(upright < upright[0] - 0.01))


def hiding(take: Take, event: Event) -> tuple[float, ...]:
    """The span in which the middle of the actor lies behind another solid, as the camera sees it."""
    seen = np.array([blocked(take, event.actor, frame) for frame in range(len(take.poses.position))])
    frames = np.flatnonzero(seen)
    return (float(frames[0]), float(frames[-1] + 1)) if len(frames) else (0.0, 0.0)


def blocked(take: Take, actor: int, frame: int) -> bool:
    """Whether a box behind the objects in the take's list stands between the camera and the actor's middle (slab test)."""
    eye, middle = take.view.position[frame], take.poses.position[frame, actor]
    for index in range(len(take.scene.objects), len(take.solids)):
        axes, centre = take.poses.rotation[frame, index], take.poses.position[frame, index]
        start, way = axes.T @ (eye - centre), axes.T @ (middle - eye)
        way = np.where(np.abs(way) < 1e-9, 1e-9, way)
        near, far = np.sort(
            np.stack([(-np.array(take.solids[index].half) - start) / way, (np.array(take.solids[index].half) - start) / way]), axis=0
        )
        if max(near.max(), 0.0) < min(far.min(), 1.0):
            return True
    return False


def turning(take: Take, event: Event) -> tuple[float, ...]:
    """The span in which the actor is farther than two thirds of its way out."""
    path = take.poses.position[:, event.actor]
    away = np.linalg.norm(path - path[0], axis=1)
    frames = np.flatnonzero(away > 0.67 * away.max())
    return (float(frames[0]), float(frames[-1] + 1)) if len(frames) else (0.0, 0.0)


def ramming(take: Take, event: Event) -> tuple[float, ...]:
    """The first touch of a tower."""
    return first(np.concatenate([touches(take, event.actor, cube) for cube in row(take.scene, event)]))


def tilting(take: Take, event: Event) -> tuple[float, ...]:
    """The first touch of what lies behind the objects in the take's list: a seesaw's plank."""
    return first(np.concatenate([touches(take, event.actor, index) for index in range(len(take.scene.objects), len(take.solids))]))


def shattering(take: Take, event: Event) -> tuple[float, ...]:
    """The first touch of the floor by any piece of what breaks."""
    return first(np.concatenate([touches(take, index, -1) for index in parts_of(take, event.actor)]))


def heaping(take: Take, event: Event) -> tuple[float, ...]:
    """Where the last grain has come down."""
    grains = parts_of(take, event.actor)
    aloft = take.poses.position[:, grains, 2].max(1) > event.amount / 2
    return first(np.flatnonzero(~aloft))


def parts_of(take: Take, actor: int) -> list[int]:
    """An object and the loose pieces of its colour, which are the rest of it."""
    behind = range(len(take.scene.objects), len(take.solids))
    return [actor, *(index for index in behind if take.solids[index].colour == take.solids[actor].colour)]


MEASURED = {
    "drop": landing, "push": meeting, "slide": leaving, "topple": tipping, "hide": hiding, "return": turning,
    "tower": ramming, "seesaw": tilting, "break": shattering, "pour": heaping,
}  # fmt: skip
