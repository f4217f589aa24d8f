"""What happens in a text: its verbs, who does them and to whom, in which direction; each group of verbs becomes one event."""

from dataclasses import dataclass, replace
from itertools import pairwise

from yozora.world.parse_changes import tower, two_parts
from yozora.world.parse_lexicon import Item

RELATIONS = ("near", "past", "with", "behind")
BARE = (("away",), ("forward",), ("forwards",))  # what something is knocked, whatever the direction
TARGETS = (("into",), ("against",), ("to",), ("toward",), ("towards",), ("up", "to"))
MOVING = ("fall", "roll", "hit", "topple", "swing", "hide", "emerge", "leave", "return", "break", "pour", "rise", "paint", "throw")
TARGETED = ("push", "tower", "seesaw")


@dataclass(frozen=True, kw_only=True)
class Deed:
    """An event as far as the words tell: numbers of things (-1 for none), empty strings for what is not said."""

    kind: str
    actor: int
    target: int = -1
    direction: str = ""
    pace: str = ""
    amount: str = ""


def find_deeds(items: list[Item]) -> list[Deed]:
    """All events in order."""
    deeds: list[Deed] = []
    for part in parts(runs_into(items)):
        new = read(part, deeds[-1] if deeds else None)
        for deed in new:
            if deeds and same(deeds[-1], deed) and not opens_anew(part):
                deeds[-1] = merged(deeds[-1], deed)
            else:
                deeds.append(deed)
    return deeds


def runs_into(items: list[Item]) -> list[Item]:
    """The items with every "rolls into a cube" read as a hit."""
    found = list(items)
    for place, item in enumerate(items[:-1]):
        if item.words in (("into",), ("against",)) and items[place + 1].tag == "np":
            moving = [at for at in range(place) if items[at].tag == "verb" and items[at].value == "roll"]
            if moving and not any(between.words[0] == "." for between in items[moving[-1] : place]):
                found[moving[-1]] = replace(items[moving[-1]], value="hit")
    return found


def parts(items: list[Item]) -> list[list[Item]]:
    """The text cut at full stops and at words like "then"; a return or reappearance belongs to what went before."""
    cut: list[list[Item]] = [[]]
    for item in items:
        if item.tag == "then" or item.words[0] in (".", ";", "!", "?", ":"):
            cut.append([item] if item.tag == "then" else [])
        else:
            cut[-1].append(item)
    joined: list[list[Item]] = []
    for part in cut:
        if joined and opens_anew(part) and comes_back(part):
            joined[-1] += part
        elif part:
            joined.append(part)
    return joined


def comes_back(part: list[Item]) -> bool:
    """Whether a part without a subject of its own only tells that something is seen again."""
    for item in part:
        if item.tag == "np":
            return False
        if item.tag == "verb":
            return item.value in ("return", "emerge") or any(later.tag == "back" for later in part)
    return False


def opens_anew(part: list[Item]) -> bool:
    """Whether a part begins with "then"."""
    return bool(part) and part[0].tag == "then"


def same(one: Deed, other: Deed) -> bool:
    """Whether two readings are of one event, told twice."""
    return one.kind == other.kind and one.actor == other.actor


def merged(one: Deed, other: Deed) -> Deed:
    """One event from two readings."""
    return replace(
        one,
        target=max(one.target, other.target),
        direction=one.direction or other.direction,
        pace=one.pace or other.pace,
        amount=one.amount or other.amount,
    )


def read(part: list[Item], before: Deed | None) -> list[Deed]:
    """The events of one part; `before` is the event before it, for "it"."""
    return [deed for deed in (judge(group, actor) for actor, group in clauses(part, before)) if deed]


def clauses(part: list[Item], before: Deed | None) -> list[tuple[int, list[Item]]]:
    """The actors of a part, each with the items about it; a collision is one event, whatever its verbs."""
    verbs = [place for place, item in enumerate(part) if item.tag == "verb" and item.value in MOVING and not noun_like(part, place)]
    hits = [place for place in verbs if part[place].value == "hit"]
    roles = two_parts(part, stands_by)
    if roles and verbs:
        return [(roles[0], part)]
    if not verbs and any(item.tag in ("trail", "spout") for item in part):
        return [(subject(part, 0, before), part)]
    if hits and has_target(part):
        actor = subject(part, hits[0], before)
        return [(actor, part)] if actor >= 0 else []
    found: list[tuple[int, int]] = []
    for place in verbs:
        actor = subject(part, place, before)
        if actor >= 0 and (not found or (found[-1][0] != actor and not trailing(part, place))):
            found.append((actor, place))
    bounds = [0, *(clause_start(part, start) for _, start in found[1:]), len(part)]
    return [(actor, part[low:high]) for (actor, _), (low, high) in zip(found, pairwise(bounds))]


def trailing(part: list[Item], place: int) -> bool:
    """Whether a verb only follows in a time clause without an own subject ("while it rolls")."""
    return place > 0 and part[place - 1].tag == "it"


def clause_start(part: list[Item], place: int) -> int:
    """Where the clause of the verb at `place` starts: before its subject."""
    while place > 0 and part[place].tag != "np":
        place -= 1
    return place


def noun_like(part: list[Item], place: int) -> bool:
    """Whether a verb's form is used as a noun or adjective: "a push", "the swing", "a swinging pendulum"."""
    return place > 0 and part[place - 1].words[-1] in ("a", "the") and part[place].tag == "verb"


def has_target(part: list[Item]) -> bool:
    """Whether at least two objects take part that do not merely stand by."""
    free = [place for place, item in enumerate(part) if item.tag == "np" and not stands_by(part, place)]
    things = {thing for place in free for thing in part[place].value.split()}
    return len(things) > 1 or any(item.tag == "it" for item in part)


def stands_by(part: list[Item], place: int) -> bool:
    """Whether the object at `place` is only mentioned beside the action: "past a cube", "with a cube nearby", "a cube stands"."""
    back = place - 1
    while back >= 0 and listed(part, back):
        back -= 1
    if back >= 0 and part[back].tag in RELATIONS and not (part[back].tag == "with" and met(part, back)):
        return True
    if struck_at(part, place):
        return False
    if back >= 0 and part[back].tag == "by" and not passive(part, back):
        return True
    if back >= 0 and part[back].tag == "verb" and part[back].words[0] in PASSES:
        return True
    ahead = place + 1
    while ahead < len(part) and (
        listed(part, ahead) or (part[ahead].tag == "stop" and part[ahead].words[0] in ("is", "are", "was", "were"))
    ):
        if part[ahead].tag == "comma" and ahead + 1 < len(part) and part[ahead + 1].words[0] == "and":
            return False  # a new clause
        ahead += 1
    after = part[ahead] if ahead < len(part) else Item(tag="end")
    if after.value == "stand" or (after.tag == "rest" and "come" not in after.words[0][:3] + "e"):
        return True
    return back >= 0 and part[back].tag == "verb" and part[back].value == "stand"


PASSES = ("pass", "passes", "passing", "passed")


def met(part: list[Item], place: int) -> bool:
    """Whether "with" belongs to a verb of collision, to a pendulum or to the scene itself."""
    return place > 0 and (
        part[place - 1].words[-1] in ("pendulum", "collide", "scene", "video", "clip", "shot") or part[place - 1].value == "hit"
    )


def listed(part: list[Item], place: int) -> bool:
    """Whether an item only links objects in a list."""
    return part[place].tag in ("np", "comma") or part[place].words[0] in ("and", "or")


def passive(part: list[Item], by: int) -> bool:
    """Whether "by" at this place names who acts: a participle of being hit or pushed stands before it."""
    participles = ("hit", "struck", "hidden", "covered", "sent")
    return any(
        item.tag == "verb" and item.value in ("hit", "hide", "topple") and item.words[0].endswith(("ed", *participles))
        for item in part[:by]
    )


def subject(part: list[Item], place: int, before: Deed | None) -> int:
    """The thing that does the verb at `place`, -1 where none can be found."""
    agent = next((at + 1 for at in range(place, len(part) - 1) if part[at].tag == "by" and part[at + 1].tag == "np"), 0)
    if agent and part[place].value == "hit" and passive(part, agent - 1):
        return number(part[agent])
    free = [at for at, item in enumerate(part) if item.tag == "np" and (not stands_by(part, at) or relative(part, at))]
    ahead = [at for at in free if at < place]
    if part[place].value == "hit" and ahead:
        doers = [at for at in ahead if not struck_at(part, at)] or ahead
        return number(part[list_start(part, doers[-1])])
    if any(item.tag == "it" for item in part[:place]) and not ahead and before:
        return before.actor
    nearest = ahead or [at for at in free if at > place] or [at for at, item in enumerate(part) if item.tag == "np"]
    if nearest:
        return number(part[nearest[-1] if ahead else nearest[0]])
    return before.actor if before else -1


def struck_at(part: list[Item], place: int) -> bool:
    """Whether the object at `place` is what something runs into."""
    before = part[place - 1] if place else Item(tag="end")
    return before.words in TARGETS or (before.tag == "verb" and before.value == "hit")


def list_start(part: list[Item], place: int) -> int:
    """Where the list of objects that ends at `place` begins ("a ball and a cube collide")."""
    while place > 1 and part[place - 1].words[0] == "and" and part[place - 2].tag == "np":
        place -= 2
    return place


def relative(part: list[Item], place: int) -> bool:
    """Whether a relative clause hangs on the object: "a ball that bounces"."""
    return place + 1 < len(part) and part[place + 1].tag == "that"


def number(item: Item) -> int:
    """The first thing of a noun phrase."""
    return int(item.value.split()[0])


def judge(part: list[Item], actor: int) -> Deed | None:
    """The event that the verbs about an actor amount to."""
    tags = {item.tag for item in part}
    verbs = {item.value for place, item in enumerate(part) if item.tag == "verb" and not noun_like(part, place)}
    said = {item.tag: item.value for item in reversed(part)}
    roles = two_parts(part, stands_by)
    target = roles[1] if roles else struck(part, actor)
    if tower(part):
        tags |= {"tower"}
    if any(item.tag == "np" and {"row", "line", "dominoes", "domino"} & set(item.words) for item in part):
        tags |= {"inrow"}
    if lands(part):
        verbs |= {"fall"}
    kind = kind_of(tags, verbs, target)
    if not kind:
        return None
    tos = [item.value for item in part if item.tag == "to" and not (kind in ("push", "return") and item.words in BARE)]
    direction = said.get("start", "") if kind == "swing" else "" if kind in ("seesaw", "break", "pour") else next(iter(tos), "")
    if kind == "drop" and not direction and "vertical" in tags:
        direction = "down"
    falls = dict.fromkeys(("drop", "seesaw", "break", "pour"), said.get("high", ""))
    amounts = falls | {"slide": said.get("amount") or said.get("slope", ""), "swing": said.get("arc", "")}
    pace = said.get("pace", "medium" if kind == "drop" and "past" in tags else "")  # what bounces past something moves along
    return Deed(
        kind=kind, actor=actor, target=target if kind in TARGETED else -1, direction=direction, pace=pace, amount=amounts.get(kind, "")
    )


def lands(part: list[Item]) -> bool:
    """Whether the floor is what is hit."""
    return any(
        item.tag == "verb" and item.value == "hit" and any(after.tag == "ground" for after in part[place + 1 : place + 3])
        for place, item in enumerate(part)
    )


def kind_of(tags: set[str], verbs: set[str], target: int) -> str:
    """The kind of event for some verbs and what is said beside them; the first that fits."""
    rules = (
        ("tower", "tower" in tags),
        ("seesaw", "seesaw" in tags),
        ("pour", "pour" in verbs or "spout" in tags),
        ("break", "break" in verbs or "pieces" in tags),
        ("paint", "trail" in tags or "paint" in verbs),
        ("slide", "slope" in tags and bool(verbs & {"roll", "fall", "leave", "topple", "emerge"})),
        ("topple", "topple" in verbs or ("inrow" in tags and bool(verbs & {"fall", "hit", "roll"}))),
        ("hide", "wall" in tags and bool(verbs & {"roll", "hide", "emerge", "leave"})),
        ("return", "return" in verbs or "leave" in verbs or bool(tags & {"out", "back"} and verbs & {"roll", "hide"})),
        ("hide", bool(verbs & {"hide", "emerge"}) or "unseen" in tags),
        ("swing", "swing" in verbs or "string" in tags),
        ("push", "hit" in verbs and target >= 0),
        ("drop", "fall" in verbs),
        ("roll", "roll" in verbs or "hit" in verbs),
    )
    return next((kind for kind, fits in rules if fits), "")


def struck(part: list[Item], actor: int) -> int:
    """The thing that is hit: the other object that does not merely stand by."""
    for place, item in enumerate(part):
        if item.tag == "np" and not stands_by(part, place):
            for other in map(int, item.value.split()):
                if other != actor:
                    return other
    return -1
