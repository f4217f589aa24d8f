"""Noun phrases: which objects a text speaks of, which of them are new, and which it speaks of again."""

from dataclasses import dataclass, field, replace

from yozora.world.parse_lexicon import Item
from yozora.world.words_cast import ORDINALS

ADJECTIVES = ("colour", "size", "material", "number", "round")
PASSED_OVER = {
    "colored",
    "coloured",
    "bright",
    "very",
    "sized",
    "looking",
    "shaped",
    "little",
    "tall",
    "long",
    "pendulum",
    "wet",
    "dripping",
}
OPENERS = {"a", "an", "the", "another", "other", "some", "more", *ORDINALS}


@dataclass(frozen=True, kw_only=True)
class Thing:
    """An object as far as the words describe it; an empty string where they do not."""

    shape: str = ""
    colour: str = ""
    size: str = ""
    material: str = ""


@dataclass(kw_only=True)
class Census:
    """The objects met so far, and the items of the text with each noun phrase replaced by one item of tag `np`."""

    things: list[Thing] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def find_things(items: list[Item]) -> Census:
    """Read all noun phrases from left to right."""
    census = Census()
    place = 0
    while place < len(items):
        end = phrase_end(items, place)
        phrase = items[place:end]
        if not phrase:
            census.items.append(items[place])
            place += 1
            continue
        if describes(phrase):
            if flat(census.items[-2:]) == ("made", "of") and len(census.items) > 2 and census.items[-3].tag == "np":
                consist(census, phrase)
            else:
                value = " ".join(map(str, refer(census, phrase)))
                census.items.append(Item(tag="np", value=value, words=flat(phrase)))
        place = end
    return census


def consist(census: Census, phrase: list[Item]) -> None:
    """Adds what "dominoes made of red boxes" says of them after "made of"."""
    about = described(phrase)
    for index in map(int, census.items[-3].value.split()):
        census.things[index] = replace(census.things[index], shape=about.shape, colour=about.colour)


def phrase_end(items: list[Item], start: int) -> int:
    """Where the noun phrase that starts here ends; `start` itself where none does."""
    place = start
    while place < len(items):
        item, after = items[place], items[place + 1] if place + 1 < len(items) else Item(tag="end")
        before = items[place - 1].tag if place > start else ""
        if item.tag in ("shape", "shapes"):
            return past_shaped(items, place + 1)
        if item.tag == "generic" and (item.words[0] in ("something", "thing") or after.tag not in (*ADJECTIVES, "shape", "shapes")):
            return past_qualities(items, place + 1)
        if item.words == ("one",) and after.tag == "colour" and place == start and not colour_then_noun(items, place + 2):
            return place + 2
        linked = (
            item.words in (("and",), (",",))
            and before in ADJECTIVES
            and after.tag in ("colour", "material", "size")
            and colour_then_noun(items, place + 2)
        )
        opens = len(item.words) == 1 and item.words[0] in OPENERS | PASSED_OVER and item.tag in ("stop", "string")
        if not (item.tag in (*ADJECTIVES, "generic", "row") or opens or linked or (item.words == ("of",) and place > start)):
            break
        place += 1
    return start


def colour_then_noun(items: list[Item], place: int) -> bool:
    """Whether adjectives and then a shape follow."""
    while place < len(items) and items[place].tag in ADJECTIVES:
        place += 1
    return place < len(items) and items[place].tag in ("shape", "shapes")


def past_shaped(items: list[Item], end: int) -> int:
    """Past "shaped object" after a shape."""
    while end < len(items) and (items[end].words == ("shaped",) or (items[end].tag == "generic" and items[end - 1].words == ("shaped",))):
        end += 1
    return end


def past_qualities(items: list[Item], end: int) -> int:
    """Past "red and round" after "something"."""
    qualities = ("colour", "round", "size", "material")
    while end < len(items) and (
        items[end].tag in qualities
        or (items[end].words == ("and",) and items[end - 1].tag in qualities and end + 1 < len(items) and items[end + 1].tag in qualities)
    ):
        end += 1
    return end


def describes(phrase: list[Item]) -> bool:
    """Whether a phrase stands for objects of the scene: not "no other objects", not a bare "one"."""
    if any(item.tag == "number" and item.value == "0" for item in phrase):
        return False
    return any(item.tag in ("shape", "shapes", "colour", "round") for item in phrase)


def refer(census: Census, phrase: list[Item]) -> list[int]:
    """The objects that a noun phrase stands for, entered in the census where they are new."""
    words = flat(phrase)
    if "of" in words and words[words.index("of") - 1] in ORDINALS:  # "the first of two red balls"
        phrase = phrase[next(place for place, item in enumerate(phrase) if item.words == ("of",)) + 1 :]
        words = flat(phrase)
    about, colours = described(phrase), [item.value for item in phrase if item.tag == "colour"]
    several = any(item.tag == "shapes" for item in phrase)
    if words[0] == "one" and not about.shape and phrase[-1].tag == "colour":
        return coloured(census, about)
    if "the" in words and not {"a", "another"} & set(words):
        known = matching(census, about, colours)
        if known:
            return known if several else [known[min(ordinal(words), len(known) - 1)]]
    if several and len(colours) > 1:
        return [enter(census, replace(about, colour=colour)) for colour in colours]
    number = next((int(item.value) for item in phrase if item.tag == "number"), 0)
    guess = 3 if {"row", "line", "dominoes", "tower", "stack", "column"} & set(words) else 2
    return [enter(census, about) for _ in range(number or (guess if several else 1))]


def coloured(census: Census, about: Thing) -> list[int]:
    """Gives a colour to an object named in kind only ("two cubes, one red and one blue"); a new object where there is none."""
    for index, thing in enumerate(census.things):
        if not thing.colour:
            census.things[index] = replace(thing, colour=about.colour)
            return [index]
    return [enter(census, about)]


def enter(census: Census, thing: Thing) -> int:
    """The number of a new object."""
    census.things.append(thing)
    return len(census.things) - 1


def described(phrase: list[Item]) -> Thing:
    """What a noun phrase says of its object."""
    said = {item.tag: item.value for item in phrase}
    shape = said.get("shape") or said.get("shapes") or said.get("round", "")
    return Thing(shape=shape, colour=said.get("colour", ""), size=said.get("size", ""), material=said.get("material", ""))


def matching(census: Census, about: Thing, colours: list[str]) -> list[int]:
    """The objects met before that a description fits."""
    return [
        index
        for index, thing in enumerate(census.things)
        if about.shape in ("", thing.shape)
        and (not colours or thing.colour in colours)
        and about.size in ("", thing.size)
        and about.material in ("", thing.material)
    ]


def ordinal(words: tuple[str, ...]) -> int:
    """Which of several objects is meant: the first, unless the phrase says "second" or "other"."""
    return 1 if "other" in words else next((ORDINALS.index(word) for word in words if word in ORDINALS), 0)


def flat(items: list[Item]) -> tuple[str, ...]:
    """The words of some items."""
    return tuple(word for item in items for word in item.words)
