"""What words mean: phrases and single words, each with a tag and a value. Wider than the captions' own words."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import takewhile

from yozora.world.grammar import conjugate, progressive
from yozora.world.words_names import (
    ARC_WORDS,
    AXIS_WORDS,
    COLOUR_WORDS,
    DIRECTION_WORDS,
    HEIGHT_WORDS,
    MATERIAL_WORDS,
    NUMBERS,
    SHAPE_WORDS,
    SIZE_WORDS,
    SPEED_WORDS,
    START_WORDS,
    TIME_WORDS,
    plural,
)

NAMES = {  # tag -> value -> the captions' own phrases
    "colour": COLOUR_WORDS,
    "shape": SHAPE_WORDS,
    "size": SIZE_WORDS,
    "material": MATERIAL_WORDS,
    "number": {str(count): (word,) for count, word in enumerate(NUMBERS)},
    "to": DIRECTION_WORDS,
    "pace": SPEED_WORDS,
    "high": HEIGHT_WORDS,
    "arc": ARC_WORDS,
    "axis": {"": sum(AXIS_WORDS.values(), ())},
    "start": {side: (words,) for side, words in START_WORDS.items()},
    "time": TIME_WORDS,
}
EXTRA_FORMS = {  # of verbs that the captions do not use
    "dolly": ("dollies", "dollied"),
    "throw": ("threw", "thrown"),
    "shoot": ("shot",),
    "fly": ("flies", "flew", "flown"),
    "bob": ("bobbing", "bobbed"),
    "spin": ("spun",),
    "zip": ("zipping", "zipped"),
    "creep": ("crept",),
    "slam": ("slamming", "slammed"),
    "make": ("made",),
}
FLOORS = ("floor", "ground", "table", "surface", "tiles", "slab")


@dataclass(frozen=True, kw_only=True)
class Item:
    """A word or phrase understood: a tag, what it stands for, and the words themselves."""

    tag: str
    value: str = ""
    words: tuple[str, ...] = ()


@cache
def lexicon() -> dict[tuple[str, ...], Item]:
    """Every phrase that is understood, as a tuple of words; of two meanings the later entry counts."""
    listed = entries()
    table = {phrase: Item(tag="stop", words=phrase) for tag, _, phrase in listed if tag == "stop"}
    for tag, value, phrase in listed:
        if tag == "verb":
            for form in verb_forms(phrase[0]):
                table[form, *phrase[1:]] = Item(tag="verb", value=value, words=(form, *phrase[1:]))
    named = [(tag, value, tuple(line.split())) for tag, values in NAMES.items() for value, lines in values.items() for line in lines]
    for tag, value, phrase in named + [entry for entry in listed if entry[0] not in ("stop", "verb")]:
        table[phrase] = Item(tag="verb" if tag == "fixed" else tag, value=value, words=phrase)
        if tag == "shape":
            several = (*phrase[:-1], plural(phrase[-1]))
            table[several] = Item(tag="shapes", value=value, words=several)
    table |= {phrase: Item(tag="stop", words=phrase) for tag, _, phrase in listed if tag == "stop" and len(phrase) > 1}
    return table


def entries() -> list[tuple[str, str, tuple[str, ...]]]:
    """The lines of the lexicon's file: tag, value, phrase."""
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for line in files("yozora.world").joinpath("lexicon.txt").read_text(encoding="utf-8").splitlines():
        head, mark, phrases = line.partition(": ")
        if mark and not line.startswith("#"):
            tag, _, value = head.partition(" ")
            found += [(tag, value, tuple(phrase.split())) for phrase in phrases.split("|")]
    return found


def verb_forms(lemma: str) -> set[str]:
    """All forms of a verb that may be typed."""
    return {lemma, progressive(lemma), *(conjugate(lemma, form) for form in ("s", "ed", "en")), *EXTRA_FORMS.get(lemma, ())}


def words_of(text: str) -> list[str]:
    """Lower-case words and marks; digits up to eight become words, hyphens part words."""
    text = re.sub(r"['’](s|t|re|ll)\b", r" \1", text.lower()).replace("-", " ")
    found: list[str] = re.findall(r"[a-z]+|[0-9]+|[.,;:!?]", text)
    digits = {str(number): word for number, word in enumerate(NUMBERS)}
    return [digits.get(word, word) for word in found]


def items_of(words: list[str]) -> list[Item]:
    """The words as items, the longest phrase first; what is not understood is tagged `unknown`."""
    table = lexicon()
    longest = max(map(len, table))
    items: list[Item] = []
    place = 0
    while place < len(words):
        lengths = range(min(longest, len(words) - place), 0, -1)
        found = next((table[phrase] for length in lengths if (phrase := tuple(words[place : place + length])) in table), None)
        item = found or mark(words[place])
        before, after = items[-1].tag if items else "", words[place + 1] if place + 1 < len(words) else ""
        if item.words == ("left",) and before in ("shape", "shapes") and after != "of" and not acting(items):
            item = Item(tag="verb", value="leave", words=("left",))  # "a ball left the picture", not "push the ball left"
        laid = after in FLOORS or words[max(0, place - 2)] in ("on", "over", "across")
        if item.words in (("marble",), ("marbles",)) and before in ("colour", "size", "number") and not laid:
            item = Item(tag="shapes" if item.words[0].endswith("s") else "shape", value="ball", words=item.words)  # "two red marbles"
        items.append(item)
        place += len(item.words)
    return items


def acting(items: list[Item]) -> bool:
    """Whether there has been a verb since the last mark."""
    return any(item.tag == "verb" for item in takewhile(lambda item: item.words[0] not in ",.;:!?", reversed(items)))


def mark(word: str) -> Item:
    """A comma, another mark, or a word that is not known."""
    tag = "comma" if word == "," else "stop" if word in ".;:!?" else "unknown"
    return Item(tag=tag, value=word, words=(word,))
