"""What no trained part may ever see: combinations, values, sizes and phrasings reserved by a salted hash, before anything was trained.

Rule for combinations: in the order of their salted SHA-256, each is reserved unless it is one of the plainest requests or
would take more than a fifth of the partners of one of its values, until the share is reached. So every single value keeps at
least four fifths of its partners. Events that change the world came later and are reserved by the same rule on lists of their
own, beside what was reserved before.
"""

import hashlib
from collections.abc import Collection, Sequence
from functools import cache
from itertools import product
from typing import TypeVar

from yozora.world.ranges import AMOUNT, CAMERA_SPEED, COUNTS, ELEVATION, SPEED, SUN
from yozora.world.scene import ABLE, CAMERAS, CHANGES, COLOURS, KINDS, SHAPES, UNPAINTED, Scene

Combination = TypeVar("Combination", bound=tuple[str, ...])

SALT = "yozora 2026"
PAIR_SHARE, TRIPLE_SHARE = 0.12, 0.10
PARTNERS_LOST = 0.2  # at most, of each value
BAND, TAIL = 0.10, 0.10  # of each range: the removed inner band and the removed upper end
PLAIN = {  # never reserved: a camera that is not spoken of, and what the front page of the project asks for
    *((kind, "static") for kind in (*KINDS, *CHANGES)),
    *(("ball", kind) for kind in ("drop", "roll")),
    *(("ball", "tower"), ("ball", "paint"), ("ball", "seesaw"), ("red", "paint"), ("green", "break"), ("yellow", "pour")),
    *(("red", "ball"), ("red", "drop"), ("blue", "cube"), ("green", "cube"), ("green", "slide"), ("cube", "slide")),
}
BESIDE = {"shape-change": "shape-motion", "colour-change": "colour-motion", "change-camera": "motion-camera"}
PHRASES = 8  # one phrasing in so many
LEVELS = ("pairs", "triples", "interpolation", "extrapolation")
SIDES = range(128, 385, 32)  # pixels, of the sizes among which two are reserved


def reserved(scene: Scene) -> tuple[str, ...]:
    """Why a scene may not be trained on: each reason begins with its level; empty where it may."""
    together = combinations(scene)
    reasons = [f"pairs: {name} {first} + {second}" for name in together for first, second in together[name] & held_pairs(name)]
    reasons += [f"triples: {' + '.join(triple)}" for triple in triples(scene) & (held_triples() | held_changes())]
    for name, value, limits in quantities(scene):
        low, high = band(name, limits)
        if low <= value < high:
            reasons.append(f"interpolation: {name} {value:.3g} in [{low:.3g}, {high:.3g})")
        if value >= tail(limits):
            reasons.append(f"extrapolation: {name} {value:.3g} from {tail(limits):.3g}")
    return tuple(sorted(reasons))


def levels(scene: Scene) -> frozenset[str]:
    """The levels at which a scene is held out."""
    return frozenset(reason.partition(":")[0] for reason in reserved(scene))


def check_trainable(scene: Scene, size: tuple[int, int] | None = None) -> None:
    """Raises `ValueError` with the reasons where a scene, or its picture `(width, height)`, is held out of training."""
    reasons = reserved(scene)
    if size is not None and reserved_size(size):
        reasons += (f"size: {size[0]}x{size[1]}",)
    if reasons:
        raise ValueError(f"this scene is held out of all training ({'; '.join(reasons)}): draw scenes with sample(seed, 'train')")


def reserved_size(size: tuple[int, int]) -> bool:
    """Whether pictures of this `(width, height)` in pixels are held out."""
    return tuple(size) in held_sizes()


def reserved_phrase(template: str) -> bool:
    """Whether a phrasing is held out; the caption grammar asks with the phrasing's own text."""
    return digest("phrase", template) % PHRASES == 0


def digest(*words: str) -> int:
    """The salted hash of some words as a number."""
    return int.from_bytes(hashlib.sha256("\x1f".join((SALT, *words)).encode()).digest()[:8], "big")


def combinations(scene: Scene) -> dict[str, set[tuple[str, str]]]:
    """The pairs of values that a scene brings together, by the names of the two; of events, those that act."""
    acting = [(event.kind, scene.objects[event.actor]) for event in scene.events]
    actors = [one for one in acting if one[0] in KINDS]
    changers = [one for one in acting if one[0] in CHANGES]
    count = str(len(scene.objects))
    return {
        "colour-shape": {(body.colour, body.shape) for body in scene.objects},
        "shape-motion": {(body.shape, kind) for kind, body in actors},
        "colour-motion": {(body.colour, kind) for kind, body in actors},
        "count-colour": {(count, body.colour) for body in scene.objects},
        "motion-camera": {(kind, scene.camera.kind) for kind, _ in actors},
        "shape-change": {(body.shape, kind) for kind, body in changers},
        "colour-change": {(body.colour, kind) for kind, body in changers},
        "change-camera": {(kind, scene.camera.kind) for kind, _ in changers},
    }


def triples(scene: Scene) -> set[tuple[str, str, str]]:
    """The (colour, shape, motion) of everything that acts."""
    return {(scene.objects[event.actor].colour, scene.objects[event.actor].shape, event.kind) for event in scene.events}


def quantities(scene: Scene) -> list[tuple[str, float, tuple[float, float]]]:
    """The continuous quantities of a scene: name, value, and the range it is drawn from."""
    found = [(f"speed of {e.kind}", e.speed, SPEED[e.kind]) for e in scene.events if e.kind in SPEED and e.speed > 0]
    found += [(f"amount of {e.kind}", e.amount, AMOUNT[e.kind]) for e in scene.events if e.kind in AMOUNT]
    if scene.camera.kind in CAMERA_SPEED:
        found.append((f"speed of {scene.camera.kind}", scene.camera.speed, CAMERA_SPEED[scene.camera.kind]))
    return [*found, ("elevation of camera", scene.camera.elevation, ELEVATION), ("elevation of sun", scene.light.elevation, SUN)]


@cache
def domain(name: str) -> tuple[tuple[str, str], ...]:
    """All pairs of that name that can occur; not every shape topples, breaks or is poured, nor does every colour paint."""
    axes = {"colour": tuple(COLOURS), "shape": SHAPES, "motion": KINDS, "count": tuple(map(str, COUNTS)), "camera": tuple(CAMERAS)}
    first, second = ((axes | {"change": CHANGES})[axis] for axis in name.split("-"))
    possible = product(first, second)
    return tuple((a, b) for a, b in possible if (a not in SHAPES or a in ABLE.get(b, SHAPES)) and (b != "paint" or a not in UNPAINTED))


@cache
def held_pairs(name: str) -> frozenset[tuple[str, str]]:
    """The reserved pairs of that name."""
    if name not in BESIDE:
        return frozenset(choose(name, domain(name), PAIR_SHARE))
    before = BESIDE[name]
    return frozenset(choose(name, domain(name), PAIR_SHARE, tuple(domain(before)), held_pairs(before)))


@cache
def held_triples() -> frozenset[tuple[str, str, str]]:
    """The reserved (colour, shape, motion), among those without a reserved pair."""
    return frozenset(choose("triples", unpaired("motion"), TRIPLE_SHARE))


@cache
def held_changes() -> frozenset[tuple[str, str, str]]:
    """The reserved (colour, shape, event that changes the world), among those without a reserved pair."""
    return frozenset(choose("triples of changes", unpaired("change"), TRIPLE_SHARE))


def unpaired(what: str) -> list[tuple[str, str, str]]:
    """All (colour, shape, motion or change) that hold no reserved pair, in order."""
    return [
        (colour, shape, kind)
        for colour in COLOURS
        for shape, kind in sorted(set(domain(f"shape-{what}")) - held_pairs(f"shape-{what}"))
        if (colour, shape) not in held_pairs("colour-shape") and (colour, kind) not in held_pairs(f"colour-{what}")
    ]


def choose(
    name: str,
    possible: Sequence[Combination],
    share: float,
    others: Sequence[Combination] = (),
    taken: Collection[Combination] = (),
) -> list[Combination]:
    """The combinations to reserve, by the rule at the head of this file; `others` count as partners, some `taken` already."""
    partners: dict[tuple[int, str], int] = {}
    for combination in (*possible, *others):
        for value in enumerate(combination):
            partners[value] = partners.get(value, 0) + 1
    lost = dict.fromkeys(partners, 0)
    for combination in taken:
        for value in enumerate(combination):
            lost[value] += 1
    chosen: list[Combination] = []
    for combination in sorted(set(possible) - PLAIN, key=lambda words: digest(name, *words)):
        values = list(enumerate(combination))
        if len(chosen) < round(share * len(possible)) and all(lost[v] + 1 <= PARTNERS_LOST * partners[v] for v in values):
            chosen.append(combination)
            for value in values:
                lost[value] += 1
    return chosen


@cache
def band(name: str, limits: tuple[float, float]) -> tuple[float, float]:
    """The inner band of a range that is held out, somewhere between its third and sixth tenth."""
    low, high = limits
    start = low + (high - low) * (0.3 + 0.3 * (digest("band", name) % 1000) / 1000)
    return start, start + BAND * (high - low)


def tail(limits: tuple[float, float]) -> float:
    """Where the upper end of a range that is held out begins."""
    return limits[1] - TAIL * (limits[1] - limits[0])


@cache
def held_sizes() -> frozenset[tuple[int, int]]:
    """Two sizes `(width, height)`, one wide and one tall, no narrower than 1:2."""
    sizes = [(w, h) for w, h in product(SIDES, SIDES) if w != h and max(w, h) <= 2 * min(w, h)]
    order = sorted(sizes, key=lambda size: digest("size", f"{size[0]}x{size[1]}"))
    return frozenset((next(s for s in order if s[0] > s[1]), next(s for s in order if s[0] < s[1])))
