"""One event, or the lack of any, as a clause: its slots filled from the scene."""

from collections.abc import Callable
from dataclasses import dataclass

from yozora.world.grammar import Slots, Voice, Writer, join, speak, usable
from yozora.world.scene import Body, Event, Scene, row
from yozora.world.words_cast import Cast
from yozora.world.words_changes import CHANGE_PHASES, CHANGE_PHRASINGS, CHANGE_SHORT
from yozora.world.words_events import EVENT_PHRASINGS, PHASES, SHORT
from yozora.world.words_names import (
    ARC_WORDS,
    AXIS_WORDS,
    DIRECTION_WORDS,
    HEIGHT_WORDS,
    SLOPE_WORDS,
    SPEED_WORDS,
    START_WORDS,
    amount_word,
    speed_word,
)
from yozora.world.words_settings import PAST

Told = dict[str, str | Callable[[], str]]
FALLING = ("drop", "seesaw", "break", "pour")
ALL_PHRASINGS, ALL_SHORT, ALL_PHASES = EVENT_PHRASINGS | CHANGE_PHRASINGS, SHORT | CHANGE_SHORT, PHASES | CHANGE_PHASES
BRIEF = 0.4  # detail below which the phrasings of a few words are used
NEAR = 1.3  # metres between two objects that are next to each other


@dataclass(frozen=True, kw_only=True)
class Teller:
    """Tells the events of a scene with the names of one cast; `detail` is the chance of each thing that may be left out."""

    writer: Writer
    cast: Cast
    detail: float
    exact: bool = False  # also say what is neither slow nor fast, neither high nor low

    @property
    def scene(self) -> Scene:
        """The scene that is told."""
        return self.cast.scene

    def clause(self, event: Event, mood: str, *, past: bool = False, pronoun: bool = False) -> str:
        """An event as a clause, with how it lies to the bystanders if `past`, its actor named "it" if `pronoun`."""
        slots = self.slots(event, past=past)
        if pronoun:
            slots["a"] = "it"
        if self.detail >= BRIEF:
            return self.phrase(ALL_PHRASINGS[event.kind], event, mood, slots)
        beside = slots.pop("past")
        text = self.phrase(ALL_SHORT[event.kind], event, mood, slots)
        return text if isinstance(beside, str) else f"{text} {beside()}"

    def phase(self, event: Event, order: int, mood: str) -> str:
        """One phase of an event as a clause."""
        return self.phrase(ALL_PHASES[event.kind][order], event, mood, self.slots(event, past=False))

    def phrase(self, phrasings: tuple[str, ...], event: Event, mood: str, slots: Told) -> str:
        """A clause in one of these phrasings."""
        slabs, plural = self.cast.row(row(self.scene, event)) if event.kind == "topple" else ("", False)
        plural |= event.kind == "pour"
        slots = slots | {"row": slabs, "tower": lambda: self.cast.tower(row(self.scene, event))}
        options = usable(phrasings, slots, mood)
        if slots.get("past"):
            options = tuple(text for text in options if text.endswith("{past}") or (slots["o"] and ("{past}" in text or "{o!}" in text)))
        if self.exact:  # nothing that is known may be lost with a phrasing that has no slot for it
            fitting = [tuple(text for text in options if tells(text, slots, needs)) for needs in (("to", "high", "arc"), ("to",), ())]
            options = next(filter(None, fitting))
        phrasing = self.writer.phrasing(event.kind, options)
        if self.exact and slots["pace"] and slots["to"] and "{pace" not in phrasing:
            slots["to"] = f"{slots['to']} {slots['pace']}"
        voice = Voice(mood=mood, plural=plural, rolls=self.rolls(event), detail=self.detail)
        return speak(self.writer, phrasing, slots, voice)

    def rolls(self, event: Event) -> bool:
        """Whether the actor turns as it goes."""
        shape = self.scene.objects[event.actor].shape
        return shape == "ball" if event.kind == "slide" else shape != "cube"

    def slots(self, event: Event, *, past: bool) -> Told:
        """What the slots of an event's phrasings say."""
        word = self.writer.word
        pace, amount = speed_word(event.kind, event.speed), amount_word(event.kind, event.amount)
        told = {name: name != "middle" and name != "medium" or self.exact for name in (pace, amount)}
        along = "across" if event.direction in ("left", "right") else "along"
        start = f", {START_WORDS[event.direction]}" if self.exact and event.kind == "swing" else ""
        around = bystanders(self.scene)
        relations = relation(self.scene, event, around) if past and around else ()
        which = relations[int(self.writer.rng.integers(len(relations)))] if relations else ""
        others = (lambda: self.several(around)) if which else ""
        return {
            "a": lambda: self.cast.mention(event.actor),
            "t": lambda: self.cast.mention(event.target),
            "o": others if which == "past" else "",
            "to": word(directions(event)) if event.direction != "down" else "",
            "vertical": "said" if event.direction == "down" else "",
            "pace": word(SPEED_WORDS[pace]) if pace and told[pace] and event.direction != "down" else "",
            "high": word(HEIGHT_WORDS[amount]) if event.kind in FALLING and told[amount] else "",
            "slope": word(SLOPE_WORDS[amount]) if event.kind == "slide" else "",
            "arc": word(ARC_WORDS[amount]) if event.kind == "swing" and told[amount] else "",
            "axis": word(AXIS_WORDS[along]) + start,
            "past": (lambda: self.past(which, others)) if which else "",
        }

    def past(self, which: str, others: Callable[[], str] | str) -> str:
        """How the action lies to the bystanders."""
        return speak(self.writer, self.writer.phrasing(f"past {which}", PAST[which]), {"o": others}, Voice())

    def several(self, indices: tuple[int, ...]) -> str:
        """Several objects, each by its first or a later mention."""
        new = [index for index in indices if index not in self.cast.met]
        return join([self.cast.again(index) for index in indices if index not in new] + ([self.cast.first(*new)] if new else []))

    def still(self, mood: str) -> str:
        """A scene without events as a clause."""
        indices = tuple(range(len(self.scene.objects)))
        group = SHORT if self.detail < BRIEF else EVENT_PHRASINGS
        relations = tuple(which for which in beside(*self.scene.objects) if which != "with") if len(indices) == 2 else ()
        which = relations[int(self.writer.rng.integers(len(relations)))] if relations and self.writer.chance(0.7) else ""
        slots: Slots = {"a": lambda: self.arrangement(which) if which else self.several(indices)}
        phrasing = self.writer.phrasing("still", usable(group["still"], slots, mood))
        voice = Voice(mood=mood, plural=len(indices) > 1 and not which, detail=self.detail)
        return speak(self.writer, phrasing, slots, voice)

    def arrangement(self, which: str) -> str:
        """Two objects that stand, by how one lies to the other."""
        return f"{self.several((0,))} {self.past(which, lambda: self.several((1,)))}"


def tells(phrasing: str, slots: Told, needs: tuple[str, ...]) -> bool:
    """Whether a phrasing has a place for each of these slots that has something to say."""
    return all(f"{{{name}" in phrasing for name in needs if slots[name])


def directions(event: Event) -> tuple[str, ...]:
    """The words for an event's direction that suit its kind."""
    words = DIRECTION_WORDS[event.direction]
    if event.kind not in ("roll", "drop"):  # "down a slope left" is hard to read, "left left" harder
        words = tuple(word for word in words if word not in ("left", "right"))
    if event.kind == "return":
        words = tuple(word for word in words if not word.startswith("from"))
    return words if event.kind == "roll" else tuple(word for word in words if word != "away")


def taking_part(scene: Scene, event: Event) -> tuple[int, ...]:
    """The objects that an event is about, its actor first."""
    if event.kind == "tower":
        return (event.actor, *row(scene, event))
    if event.kind == "topple":
        return row(scene, event)
    return (event.actor, event.target) if event.target >= 0 else (event.actor,)


def bystanders(scene: Scene) -> tuple[int, ...]:
    """The objects that no event is about."""
    busy = {index for event in scene.events for index in taking_part(scene, event)}
    return tuple(index for index in range(len(scene.objects)) if index not in busy)


def relation(scene: Scene, event: Event, others: tuple[int, ...]) -> tuple[str, ...]:
    """All ways of saying how an event lies to the bystanders that are true of each of them."""
    actor = scene.objects[event.actor]
    each = [set(passing(event, actor, scene.objects[other])) for other in others]
    return tuple(sorted(set.intersection(*each)))


def passing(event: Event, actor: Body, other: Body) -> tuple[str, ...]:
    """How what an actor does lies to a bystander."""
    across, depth = other.x - actor.x, other.y - actor.y
    if event.kind == "swing" or event.direction == "down":
        return beside(actor, other)
    if event.kind not in ("roll", "drop"):
        return ("with",)
    ahead, aside = {"left": (-across, depth), "right": (across, depth), "toward": (-depth, across), "away": (depth, across)}[
        event.direction
    ]
    found = ["with"]
    if ahead > 0.2 and abs(aside) < 1.6:
        found.append("past")
    if event.direction in ("left", "right") and ahead > 0.2 and abs(depth) > 0.3:
        found.append("front" if depth > 0 else "behind")
    return tuple(found)


def beside(one: Body, other: Body) -> tuple[str, ...]:
    """How one standing object lies to another, as seen by the camera."""
    across, depth = other.x - one.x, other.y - one.y
    found = ["with"]
    if across * across + depth * depth < NEAR * NEAR:
        found.append("near")
    if abs(across) > 2 * abs(depth):
        found.append("left" if across > 0 else "right")
    if abs(depth) > 2 * abs(across):
        found.append("front" if depth > 0 else "behind")
    return tuple(found)
