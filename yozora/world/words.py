"""Captions of a scene: a few words, a sentence, everything, and a script of cues; the words follow from the scene and a seed.

Every phrasing has an identity, so that one in eight can be kept from training (`heldout.reserved_phrase`): captions of the
`train` split never use a reserved phrasing, captions of the `paraphrase` split use one wherever there is one.
"""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from yozora.world import words_cast, words_changes, words_events, words_names, words_settings, words_text
from yozora.world.grammar import Writer, literals
from yozora.world.scene import Scene
from yozora.world.take import Take
from yozora.world.words_script import cues


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """Words that hold from `start` to `end`, fractions of the clip."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Captions:
    """A clip in words at three lengths, its script, and the identities of all phrasings used."""

    short: str
    sentence: str
    full: str
    script: tuple[Phrase, ...]
    phrasings: frozenset[str]


def caption(scene: Scene, seed: int, split: str = "train", take: Take | None = None) -> Captions:
    """Captions of a scene; a pure function of its arguments. A take, where there is one, times the script's cues."""
    writers = [writer(seed, order, split) for order in range(4)]
    texts = [tell(one, scene) for tell, one in zip((words_text.short, words_text.sentence, words_text.full), writers[:3], strict=True)]
    phrases = tuple(Phrase(text=text, start=start, end=end) for text, start, end in cues(writers[3], scene, take))
    used = frozenset(name for one in writers for name in one.used)
    return Captions(short=texts[0], sentence=texts[1], full=texts[2], script=phrases, phrasings=used)


def script(scene: Scene, seed: int, take: Take | None = None, split: str = "train") -> tuple[Phrase, ...]:
    """The cues of a scene, one after another from 0 to 1: one for each event, or for each phase of a single event.

    A roll, a swing and a still scene have no phases and one cue.
    """
    return tuple(Phrase(text=text, start=start, end=end) for text, start, end in cues(writer(seed, 3, split), scene, take))


def writer(seed: int, order: int, split: str) -> Writer:
    """The writer of one of a scene's texts, with random choices of its own."""
    if split not in ("train", "paraphrase"):
        raise ValueError(f"no split of phrasings is called {split!r}; use 'train' or 'paraphrase'")
    return Writer(rng=np.random.default_rng([seed, order]), split=split)


@cache
def vocabulary() -> frozenset[str]:
    """Every word that a caption can contain, reserved phrasings included, and its two marks, comma and full stop."""
    words = {",", ".", "a", "an", "and", "the", "another", "more", "row", "line", "of", "in"}
    for line in phrasings():
        words |= literals(line)
    for shape in (words_cast.DOMINO, *(word for group in words_names.SHAPE_WORDS.values() for word in group)):
        words |= {shape, words_names.plural(shape)}
    return frozenset(words)


def phrasings() -> frozenset[str]:
    """Every line of words that the grammar holds: phrasings, names and qualities."""
    lines: set[str] = set()
    for module in (words_cast, words_changes, words_events, words_names, words_settings, words_text):
        for name, value in vars(module).items():
            if re.fullmatch(r"[A-Z_]+", name) and name not in ("VERBS", "FLAT", "THIRDS", "TONES", "MOODS"):
                lines |= set(flatten(value))
    for camera in words_names.CAMERA_WORDS.values():
        lines |= {f"[{verb.split()[0]}] {' '.join(verb.split()[1:])}" for verb in camera}
    return frozenset(lines)


def flatten(value: object) -> list[str]:
    """All strings in nested tuples and dictionary values."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return [line for part in parts for line in flatten(part)]
