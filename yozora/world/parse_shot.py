"""What a text says of the camera and of the place."""

from dataclasses import dataclass

from yozora.world.parse_lexicon import Item

CAMERA_VERBS = ("pan", "tilt", "dolly", "orbit")
REACH = 7  # items after the camera among which its motion is sought


@dataclass(frozen=True, kw_only=True)
class Shot:
    """The camera's motion as far as the words tell; empty strings where they do not."""

    kind: str = ""
    direction: str = ""
    pace: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Floor, its tone, time of day and style as far as the words tell; empty strings where they do not."""

    floor: str = ""
    tone: str = ""
    time: str = ""
    style: str = ""


def find_shot(items: list[Item]) -> tuple[Shot, list[Item]]:
    """The camera's motion, and the items that do not speak of it."""
    for place, item in enumerate(items):
        if item.tag == "shot":
            return Shot(kind="static"), items[:place] + items[place + 1 :]
        if item.tag == "camera" or (item.tag == "verb" and item.value in CAMERA_VERBS):
            start = place + (item.tag == "camera")
            end = segment_end(items, start)
            shot = motion(items[start:end], subject=item.tag == "camera")
            if shot.kind:
                before = pace_before(items, place)
                pace = shot.pace or (items[before].value if before < place else "")
                return Shot(kind=shot.kind, direction=shot.direction, pace=pace), items[:before] + items[end:]
    return Shot(), items


def segment_end(items: list[Item], start: int) -> int:
    """Where the words about the camera end: at an object, a mark, the floor or another clause."""
    place = start
    while place < len(items) and place - start < REACH:
        item = items[place]
        if item.tag in ("np", "comma", "while", "ground", "floor", "then", "time", "style") or item.words[0] in (".", ";", ":"):
            break
        place += 1
    return place


def pace_before(items: list[Item], place: int) -> int:
    """Where a pace that opens the words about the camera stands ("slowly the camera", "a slow pan"); `place` itself where none does."""
    for back in (1, 2, 3):
        if place - back >= 0 and items[place - back].tag == "pace":
            opens = place - back == 0 or items[place - back - 1].words[0] in ("a", ".", ",", "the", "and")
            return place - back if opens else place
        if place - back < 0 or items[place - back].words[0] not in ("the", ",", "a"):
            break
    return place


def motion(segment: list[Item], *, subject: bool) -> Shot:
    """What the words after "the camera" mean."""
    words = [word for item in segment for word in item.words[:1] if item.tag == "verb"] + [
        word for item in segment if item.tag != "verb" for word in item.words
    ]
    verbs = [item.value for item in segment if item.tag == "verb"]
    pace = next((item.value for item in segment if item.tag == "pace"), "")
    to = next((item.value for item in segment if item.tag == "to"), "")
    side = to if to in ("left", "right") else ""
    heard = set(words)
    if subject and any(item.tag == "rest" for item in segment):
        return Shot(kind="static")
    if "orbit" in verbs or (subject and "around" in heard):
        return Shot(kind="orbit", direction=side, pace=pace)
    if "tilt" in verbs or (
        subject and heard & {"look", "looks", "looking", "looked"} and heard & {"up", "down", "upwards", "downwards", "upward", "downward"}
    ):
        down = heard & {"down", "downwards", "downward"}
        return Shot(kind="tilt", direction="down" if down else "up" if heard & {"up", "upwards", "upward"} else "", pace=pace)
    if "pan" in verbs or (subject and heard & {"turn", "turns", "turning", "turned"}):
        return Shot(kind="pan", direction=side, pace=pace)
    if "dolly" in verbs or (subject and heard & MOVES):
        inward = heard & {"in", "closer", "forward", "into", "toward", "towards"} or to == "toward"
        outward = (
            heard & {"out", "back", "away", "backward", "backwards"}
            or to == "away"
            or heard & {"pull", "pulls", "pulling", "pulled"}
            and "in" not in heard
        )
        if inward or outward or "dolly" in verbs:
            return Shot(kind="dolly", direction="out" if outward else "in" if inward else "", pace=pace)
        return Shot(kind="pan", direction=side, pace=pace) if side else Shot()
    if subject and ("stand" in verbs or heard & {"still", "not", "static", "fixed", "stays", "rest"}):
        return Shot(kind="static")
    return Shot()


MOVES = {verb + ending for verb in ("move", "come", "go", "push", "pull") for ending in ("", "s", "d")} | {
    "moving",
    "coming",
    "going",
    "goes",
    "came",
    "pushes",
    "pushing",
    "pushed",
    "pulling",
    "pulled",
}


def find_place(items: list[Item]) -> tuple[Place, list[Item]]:
    """Floor, light and style, and the items that do not speak of them."""
    said: dict[str, str] = {}
    for item in items:
        if item.tag in ("floor", "tone", "time", "style"):
            said.setdefault(item.tag, item.value)
    place = Place(floor=said.get("floor", ""), tone=said.get("tone", ""), time=said.get("time", ""), style=said.get("style", ""))
    return place, [item for item in items if item.tag not in ("tone", "time", "style")]
