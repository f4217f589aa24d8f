"""What a caption says of a scene, compared with what is so; and captions in which one word was made false."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from yozora.evaluate.measures import Score
from yozora.world.parse import parse
from yozora.world.scene import Scene
from yozora.world.words_mirror import mirrored
from yozora.world.words_names import COLOUR_WORDS, SHAPE_WORDS

NAMES = ("colours", "shapes", "pairs", "count", "events", "directions", "camera")
WORDS: dict[str, Mapping[str, tuple[str, ...]]] = {"colour": COLOUR_WORDS, "shape": SHAPE_WORDS}
SWAPS = (*WORDS, "direction")


@dataclass(frozen=True)
class Facts:
    """What is so in a scene, or said of one: pairs are of colour and shape; what is not said is left out, or empty."""

    colours: frozenset[str]
    shapes: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    count: int
    events: tuple[str, ...]
    directions: tuple[str, ...]  # one for each event
    camera: tuple[str, str]  # kind and direction


def facts_of(scene: Scene) -> Facts:
    """What is so in a scene."""
    pairs = frozenset((body.colour, body.shape) for body in scene.objects)
    kinds, ways = tuple(event.kind for event in scene.events), tuple(event.direction for event in scene.events)
    camera = (scene.camera.kind, scene.camera.direction)
    return Facts(
        frozenset(colour for colour, _ in pairs), frozenset(shape for _, shape in pairs), pairs, len(scene.objects), kinds, ways, camera
    )


def facts_in(text: str) -> Facts:
    """What a text says, as the world's own parser reads it; what drops without a direction goes down."""
    reading = parse(text)
    things, deeds, shot = reading.things, reading.deeds, reading.shot
    pairs = frozenset((thing.colour, thing.shape) for thing in things if thing.colour and thing.shape)
    ways = tuple(deed.direction or ("down" if deed.kind == "drop" else "") for deed in deeds)
    camera = (shot.kind, "none" if shot.kind == "static" else shot.direction)
    colours, shapes = (frozenset(filter(None, (getattr(thing, name) for thing in things))) for name in ("colour", "shape"))
    return Facts(colours, shapes, pairs, len(things), tuple(deed.kind for deed in deeds), ways, camera)


def judge(said: Facts, true: Facts) -> dict[str, Score | None]:
    """By the names of NAMES whether all that is so is said and nothing else; behind "no false" whether what is said is so.

    Of what is not said nothing is false, and None. A camera that is not spoken of stands still.
    """
    camera = said.camera if said.camera[0] else ("static", "none")
    whole = {field.name: getattr(said, field.name) == getattr(true, field.name) for field in fields(Facts)} | {
        "camera": camera == true.camera
    }
    found: dict[str, Score | None] = {name: Score(float(whole[name]), whole[name], str(getattr(said, name))) for name in NAMES}
    if not true.events:
        found["directions"] = None
    ways, kind = set(filter(None, said.directions)), said.camera[0]
    sound = {
        "colours": said.colours <= true.colours if said.colours else None,
        "shapes": said.shapes <= true.shapes if said.shapes else None,
        "pairs": said.pairs <= true.pairs if said.pairs else None,
        "count": said.count <= true.count if said.count else None,
        "events": Counter(said.events) <= Counter(true.events) if said.events else None,
        "directions": ways <= set(true.directions) if ways else None,
        "camera": said.camera in (true.camera, (true.camera[0], "")) if kind else None,
    }
    return found | {f"no false {name}": None if one is None else Score(float(one), one, "") for name, one in sound.items()}


def swapped(text: str, what: str, rng: np.random.Generator) -> str | None:
    """A text with another colour or shape for one that it speaks of, or with left and right exchanged; None where that cannot be.

    `what` is colour, shape or direction. A new word stands for something that the text does not speak of.
    """
    if what == "direction":
        return other if (other := mirrored(text)) != text else None
    words_of = WORDS[what]
    values = {word: value for value, words in words_of.items() for word in words}
    each = re.compile(rf"\b({'|'.join(sorted(values, key=len, reverse=True))})\b(?! be\b)")  # "can be seen"
    there = sorted({values[word] for word in each.findall(text)})
    others = sorted(words_of.keys() - set(there))
    if not there or not others:
        return None
    old, new = str(rng.choice(there)), words_of[str(rng.choice(others))][0]
    return each.sub(lambda found: new if values[found[0]] == old else found[0], text)
