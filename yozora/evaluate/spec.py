"""What a clip is asked to show, in the terms that the measures judge: objects and motion."""

from dataclasses import dataclass, replace
from importlib import resources

from yozora.world.parse import Reading
from yozora.world.scene import CHANGES, COLOURS, SHAPES, Event, Scene, row

VEILED = ("hide", "return")  # kinds of event whose actor is out of sight for a while
LEAVING = 0.35  # of the time of a return, in which its actor goes the way that is named
SCATTERED = ("break", "pour")  # whose actor is seen as any number of pieces
SHAPELESS = ("paint", "break", "pour")  # whose actor is of no shape when it is in pieces, or together with its trail
AIMLESS = ("pour",)  # whose actor is no one thing that goes somewhere
FALLING = ("drop", "seesaw", "break", "pour")
MOTIONS = ("left", "right", "toward", "away", "down", "still")
ANY = "any"  # in free sentences, in place of a motion: it goes some way
OPEN = ("open", "hidden")  # and: it may stay where it is


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An object; an empty colour or shape leaves it open. `veiled`: it is out of sight for a while, or hidden among its like."""

    colour: str
    shape: str
    veiled: bool = False


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Object `actor` goes that way, or some way if it is empty, between two shares of the clip.

    `row`: it and all others of its colour are slabs that topple.
    """

    actor: int
    direction: str
    start: float = 0.0
    end: float = 1.0
    falls: bool = True
    row: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something of that colour is changed for good, in the way of a kind of event in `world.scene.CHANGES`."""

    kind: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What object `actor` does between two shares of the clip, to object `target` where the kind of event needs one (else -1)."""

    kind: str
    actor: int
    target: int
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Objects and motions; no motions: nothing may move if `still`, else all motion is left open.

    At some time at least `apart` objects must be seen at once (0: all of them). `more`: there may be any number of the last.
    `camera` is its kind and direction, which may be left open by an empty one; None leaves open both. `changes` stay to the end.
    `deeds` are done in the way of their kind, and objects `idle` have no part in any.
    """

    objects: tuple[Asked, ...]
    motions: tuple[Motion, ...]
    still: bool = False
    more: bool = False
    apart: int = 0
    camera: tuple[str, str] | None = None
    changes: tuple[Change, ...] = ()
    deeds: tuple[Deed, ...] = ()
    idle: tuple[int, ...] = ()

    @property
    def colours(self) -> tuple[str, ...]:
        """Asked colours, each once."""
        return tuple(dict.fromkeys(asked.colour for asked in self.objects))

    def of(self, colour: str) -> list[Asked]:
        """Objects of a colour."""
        return [asked for asked in self.objects if asked.colour == colour]


def spec_of(scene: Scene) -> Spec:
    """What a caption of the scene asks for that leaves nothing open."""
    veiled = {event.actor for event in scene.events if event.kind in VEILED}
    for event in scene.events:  # fallen, the slabs may look like one, as a tower's cubes do before
        veiled |= set(_members(scene, event)[1:])
    veiled |= {event.actor for event in scene.events if event.kind in SCATTERED}
    shapeless = {event.actor for event in scene.events if event.kind in SHAPELESS}
    shapeless |= {cube for event in scene.events if event.kind == "tower" for cube in _members(scene, event)}
    motions, deeds = [], []
    acting = {index for event in scene.events for index in (event.actor, event.target, *_members(scene, event))}
    for order, event in enumerate(scene.events):
        start, end = order / len(scene.events), (order + 1) / len(scene.events)
        deeds.append(Deed(kind=event.kind, actor=event.actor, target=event.target, start=start, end=end))
        if event.kind in AIMLESS:
            continue
        if event.kind == "return":  # its way back leads on beyond where it set out
            end = start + (end - start) * LEAVING
        ways = {event.direction, "down"} if event.kind == "drop" else {event.direction}
        manner = {"falls": event.kind in FALLING, "row": event.kind == "topple"}
        mover = event.target if event.kind == "push" and event.direction == "toward" else event.actor  # the one in front
        motions += [Motion(actor=mover, direction=way, start=start, end=end, **manner) for way in sorted(ways)]
    bodies = enumerate(scene.objects)
    return Spec(
        objects=tuple(Asked(colour=body.colour, shape="" if i in shapeless else body.shape, veiled=i in veiled) for i, body in bodies),
        motions=tuple(motions),
        still=not scene.events,
        more=any(event.kind in SCATTERED for event in scene.events),
        camera=(scene.camera.kind, scene.camera.direction),
        changes=tuple(change_of(scene, event) for event in scene.events if event.kind in CHANGES),
        deeds=tuple(deeds),
        idle=tuple(index for index in range(len(scene.objects)) if scene.events and index not in acting),
    )


def _members(scene: Scene, event: Event) -> tuple[int, ...]:
    """The slabs of a row, or the cubes of a tower; none of any other event."""
    return row(scene, event) if event.kind in ("topple", "tower") else ()


def told(spec: Spec, reading: Reading) -> Spec:
    """What is left to ask for where a text that was read so says neither how the camera moves nor which way a thing goes."""
    camera = (reading.shot.kind, reading.shot.direction) if reading.shot.kind else None
    said = {order for order, deed in enumerate(reading.deeds) if deed.direction}
    kept = [one.direction == "down" or round(one.start * len(reading.deeds)) in said for one in spec.motions]
    motions = [one if keep else replace(one, direction="") for one, keep in zip(spec.motions, kept, strict=True)]
    return replace(spec, camera=camera, motions=tuple(motions))


def change_of(scene: Scene, event: Event) -> Change:
    """What an event changes: its target, a tower or what lies on a seesaw, or its actor where it has none."""
    changed = scene.objects[event.target if event.target >= 0 else event.actor]
    return Change(kind=event.kind, colour=changed.colour)


def free_sentences() -> list[tuple[str, Spec]]:
    """Sentences written without sight of the caption grammar, and what each asks for."""
    text = resources.files("yozora.evaluate").joinpath("free_sentences.txt").read_text(encoding="utf-8")
    return [read_line(line) for line in text.splitlines() if line.strip()]


def read_line(line: str) -> tuple[str, Spec]:
    """A sentence and its spec from `sentence TAB objects TAB direction`: the first object goes that way, some way if it is `any`, or
    any or none if it is `open` or `hidden`, out of sight for a while; `+` behind the last object means several of them."""
    sentence, things, direction = line.rstrip("\n").split("\t")
    objects = []
    for index, thing in enumerate(things.rstrip("+").split(";")):
        words = thing.split()
        colour, shape = words if len(words) == 2 else ("", words[0])
        if (colour and colour not in COLOURS) or shape not in SHAPES or direction not in (*MOTIONS, ANY, *OPEN):
            raise ValueError(f"cannot read {line!r}: use colours and shapes of the world and one of {', '.join((*MOTIONS, ANY, *OPEN))}")
        objects.append(Asked(colour=colour, shape=shape, veiled=direction == "hidden" and index == 0))
    motions = () if direction in (*OPEN, "still") else (Motion(actor=0, direction="" if direction == ANY else direction),)
    return sentence, Spec(objects=tuple(objects), motions=motions, still=direction == "still", more=things.endswith("+"))
