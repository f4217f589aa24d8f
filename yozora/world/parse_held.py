"""Whether a text names what no trained part may ever see."""

from yozora.world.heldout import reserved
from yozora.world.parse import parse
from yozora.world.scene import Body, Camera, Event, Floor, Light, Scene


def held_out(text: str, *, whole: bool) -> tuple[str, ...]:
    """The reserved pairs and triples that a text names; what it leaves open is in none of them.

    How many things it names is how many there are only of a `whole` text; short ones leave some out.
    """
    reading = parse(text)
    things = (Body(shape=one.shape, colour=one.colour, size="", material="", x=0.0, y=0.0) for one in reading.things)
    deeds = (
        Event(kind=one.kind, actor=one.actor, target=-1, direction="", speed=0.0, amount=0.0) for one in reading.deeds if one.actor >= 0
    )
    named = Scene(
        objects=tuple(things),
        events=tuple(deeds),
        camera=Camera(kind=reading.shot.kind or "static", direction="", speed=0.0, azimuth=0.0, elevation=0.0),
        floor=Floor(kind="", tone=0.0, seed=0),
        light=Light(time="", azimuth=0.0, elevation=0.0),
        style="",
    )
    reasons = [reason for reason in reserved(named) if reason.startswith(("pairs:", "triples:"))]
    return tuple(reason for reason in reasons if whole or not reason.startswith("pairs: count-colour"))
