"""A scene of the physics world as plain data: what is there, what happens, and how it is seen."""

from dataclasses import dataclass

SHAPES = ("ball", "cube", "cylinder", "capsule", "egg")  # sphere, box, cylinder, capsule, ellipsoid
COLOURS = {  # sRGB in [0, 1]; eight hues and two greys that no floor has
    "red": (0.86, 0.08, 0.10),
    "orange": (0.96, 0.47, 0.04),
    "yellow": (0.96, 0.84, 0.06),
    "green": (0.10, 0.66, 0.18),
    "cyan": (0.05, 0.74, 0.78),
    "blue": (0.10, 0.24, 0.86),
    "purple": (0.50, 0.14, 0.76),
    "pink": (0.96, 0.30, 0.62),
    "white": (0.97, 0.97, 0.97),
    "black": (0.04, 0.04, 0.05),
}
SIZES = {"small": 0.17, "medium": 0.23, "large": 0.31}  # half extent in metres
MATERIALS = ("matte", "glossy", "metal")
KINDS = ("drop", "roll", "push", "slide", "topple", "swing", "hide", "return")
CHANGES = ("tower", "paint", "seesaw", "break", "pour")  # kinds of event after which things are no longer as they were
ABLE = {  # the shapes that can do what not all can; what falls from a tower stays on top of a cube
    "topple": ("cube",),
    "tower": ("ball", "cylinder", "capsule", "egg"),
    "break": ("cube", "cylinder"),
    "pour": ("ball",),
}
UNPAINTED = ("white", "black")  # colours that on a floor look like light or shadow
DIRECTIONS = ("left", "right", "toward", "away")  # as seen by the camera when the clip begins
CAMERAS = {  # kind -> directions
    "static": ("none",),
    "pan": ("left", "right"),
    "tilt": ("up", "down"),
    "dolly": ("in", "out"),
    "orbit": ("left", "right"),
}
FLOORS = ("plain", "concrete", "wood", "marble", "sand", "speckled")
TIMES = ("morning", "noon", "evening", "overcast")
STYLES = ("natural", "pencil", "neon night", "watercolour", "thermal", "blueprint")


@dataclass(frozen=True, kw_only=True)
class Body:
    """One object; `x` (to the right) and `y` (away from the camera) are where it begins on the floor, in metres."""

    shape: str
    colour: str
    size: str
    material: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that the object `actor` does, to the object `target` where the kind needs one (push, tower, seesaw; else -1).

    Left is -x and away is +y, so that a camera within 45 degrees of azimuth 0 sees the direction as it is named. `speed` is
    in metres a second, 0 for what only falls, slides or swings; `amount` is the kind's own quantity: metres of height for what falls,
    degrees of tilt for a slide or of swing, else 0. Of several events each has an equal share of the clip, in order. What each kind means:

    - roll: crosses the floor; all shapes but the cube turn as they go, a cube glides.
    - push: runs into the target, which is driven on in the same direction.
    - slide: down a grey ramp and out on the floor; a ball rolls down, every other shape slides.
    - topple: a row of dominoes. All cubes of the actor's colour are its slabs (three or more, equal in size and material,
      in the order in which they fall); the actor is the first, which gets a small push.
    - swing: hangs on a string from a post, `x` and `y` below its pivot; `direction` is the way it sets out.
    - hide: crosses the floor behind a grey wall and comes out at the other side.
    - return: crosses the floor, leaves the picture and comes back.
    - drop: falls and bounces; `direction` is "down" and `speed` 0, or it bounces along in `direction` at `speed`.
    - tower: runs into a tower and brings it down. All cubes of the target's colour are the tower (three or four, equal in size
      and material, from below); the target is the lowest.
    - paint: crosses the floor, wet, and leaves a trail of its colour that stays.
    - seesaw: falls on the raised end of a seesaw, so that the target is thrown up from the other; `direction` is "down".
    - break: a cube or cylinder falls and breaks into pieces; `direction` is "down".
    - pour: grains (20 to 30 small balls, fewer and larger with the actor's size, which stands for all) run out of a spout and
      form a heap; `direction` is "down".
    """

    kind: str
    actor: int
    target: int
    direction: str
    speed: float
    amount: float


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where the scene is seen from; `speed` is degrees a second (pan, tilt, orbit) or metres a second (dolly).

    `azimuth` (0 looks along +y) and `elevation` are degrees at the clip's start. The distance follows from the action
    and the aspect ratio, so that the action is framed.
    """

    kind: str
    direction: str
    speed: float
    azimuth: float
    elevation: float


@dataclass(frozen=True, kw_only=True)
class Floor:
    """A floor texture that does not repeat: its kind, its grey tone in [0, 1], and the seed of its pattern."""

    kind: str
    tone: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Light:
    """Time of day and the sun's direction in degrees (azimuth 0 shines along +y, elevation above the horizon)."""

    time: str
    azimuth: float
    elevation: float


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A whole clip before it is simulated. No events: only the camera acts. Two events: the second follows the first."""

    objects: tuple[Body, ...]
    events: tuple[Event, ...]
    camera: Camera
    floor: Floor
    light: Light
    style: str

    @property
    def family(self) -> str:
        """The name under which the clip counts in tables: a kind of event, `sequence` or `still`."""
        if not self.events:
            return "still"
        return self.events[0].kind if len(self.events) == 1 else "sequence"


def row(scene: Scene, event: Event) -> tuple[int, ...]:
    """The slabs of a topple in the order in which they fall, or the cubes of a tower from below."""
    colour = scene.objects[event.target if event.kind == "tower" else event.actor].colour
    return tuple(i for i, body in enumerate(scene.objects) if body.shape == "cube" and body.colour == colour)
