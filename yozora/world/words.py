"""Captions of a scene: a few words, a sentence, everything, and a script of cues; the words follow from the scene and a seed.

Every phrasing has an identity, so that one in eight can be kept from training (`heldout.reserved_phrase`): captions of the
`train` split never use a reserved phrasing, captions of the `paraphrase` split use one wherever there is one.
"""

from dataclasses import dataclass

import numpy as np

from yozora.world import words_cast, words_events, words_names, words_settings
from yozora.world.grammar import Voice, Writer, inflect, literals, speak, tidy, usable
from yozora.world.scene import Scene
from yozora.world.take import Take
from yozora.world.words_cast import Cast
from yozora.world.words_clause import Teller, bystanders, domino_row, taking_part
from yozora.world.words_names import CAMERA_WORDS, FLOOR_WORDS, NIGHT_WORDS, SPEED_WORDS, STYLE_AFTER, STYLE_BEFORE, TIME_WORDS, TONE_WORDS
from yozora.world.words_settings import FRAMES


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


def caption(scene: Scene, seed: int, split: str = "train") -> Captions:
    """Captions of a scene; a pure function of scene, seed and split."""
    writers = [Writer(rng=np.random.default_rng([seed, length]), split=split) for length in range(3)]
    texts = [tell(writer, scene) for tell, writer in zip((short, sentence, full), writers, strict=True)]
    used = frozenset(name for writer in writers for name in writer.used)
    from yozora.world.words_script import script

    cues, more = script(scene, seed, split)
    return Captions(short=texts[0], sentence=texts[1], full=texts[2], script=cues, phrasings=used | more)
