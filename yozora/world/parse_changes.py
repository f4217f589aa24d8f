"""Who does what where a tower comes down or a seesaw tips: two parts to play, whatever verbs tell of it."""

from collections.abc import Callable

from yozora.world.grammar import conjugate, progressive
from yozora.world.parse_lexicon import Item

TOWERS = {"tower", "stack", "column"}
THROWING = ("throw", "lift", "toss", "send", "launch", "hurl")
THROWN = {conjugate(verb, "en") for verb in THROWING}
THROWS = THROWN | {form for verb in THROWING for form in (verb, progressive(verb), conjugate(verb, "s"), conjugate(verb, "ed"))}
BEING = {"is", "are", "was", "were", "be", "being", "been", "gets", "get"}

Aside = Callable[[list[Item], int], bool]  # whether the object at a place of a part is only mentioned beside the action


def two_parts(part: list[Item], aside: Aside) -> tuple[int, int] | None:
    """The actor and the target (-1: not told) of a tower's fall or of a seesaw; None where a part tells of neither."""
    cubes = tower(part)
    if cubes:
        return other_than(part, cubes, aside), cubes[0]
    if any(item.tag == "seesaw" for item in part):
        load = thrown(part)
        return other_than(part, [load], aside), load
    return None


def tower(part: list[Item]) -> list[int]:
    """The things that stand one on another."""
    return next((things(item) for item in part if item.tag == "np" and TOWERS & set(item.words)), [])


def thrown(part: list[Item]) -> int:
    """What a seesaw throws up: the object of a verb of throwing, or what flies, or what is named after the seesaw."""
    for place, item in enumerate(part):
        word = item.words[0]
        if item.tag == "verb" and (word in THROWS or item.value == "rise"):
            passive = word in THROWN and any(before.words[0] in BEING for before in part[max(0, place - 2) : place])
            back = passive or item.value == "rise"
            found = [one for one in (reversed(part[:place]) if back else part[place:]) if one.tag == "np"]
            if found:
                return things(found[0])[0]
    behind = next(place for place, item in enumerate(part) if item.tag == "seesaw")
    return next((things(item)[0] for item in part[behind:] if item.tag == "np"), -1)


def other_than(part: list[Item], taken: list[int], aside: Aside) -> int:
    """The first thing that is not taken: one that acts if there is any."""
    free = [place for place, item in enumerate(part) if item.tag == "np" and not set(things(item)) & set(taken)]
    acting = [place for place in free if not aside(part, place)] or free
    return things(part[acting[0]])[0] if acting else -1


def things(item: Item) -> list[int]:
    """The numbers of the things of a noun phrase."""
    return [int(value) for value in item.value.split()]
