"""The words for things and qualities: what a caption may call them, and what a reader may type. The first is the usual one."""

from yozora.world.ranges import AMOUNT, CAMERA_SPEED, SPEED, TONE
from yozora.world.scene import Camera

COLOUR_WORDS = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange", "tangerine"),
    "yellow": ("yellow", "golden"),
    "green": ("green", "emerald"),
    "cyan": ("cyan", "turquoise", "teal", "aqua"),
    "blue": ("blue", "cobalt", "azure"),
    "purple": ("purple", "violet"),
    "pink": ("pink", "magenta"),
    "white": ("white", "snowy"),
    "black": ("black", "jet black"),
}
SHAPE_WORDS = {
    "ball": ("ball", "sphere", "orb"),
    "cube": ("cube", "box", "block"),
    "cylinder": ("cylinder", "tube", "drum", "can"),
    "capsule": ("capsule", "pill"),
    "egg": ("egg", "ellipsoid", "oval"),
}
SIZE_WORDS = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium", "medium sized"),
    "large": ("large", "big", "huge"),
}
MATERIAL_WORDS = {
    "matte": ("matte", "dull"),
    "glossy": ("glossy", "shiny", "polished"),
    "metal": ("metal", "metallic", "steel"),
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")

DIRECTION_WORDS = {
    "left": ("to the left", "left", "leftwards", "leftward", "toward the left", "towards the left", "from right to left"),
    "right": ("to the right", "right", "rightwards", "rightward", "toward the right", "towards the right", "from left to right"),
    "toward": ("toward the camera", "towards the camera", "toward us", "towards us", "toward the viewer", "towards the viewer"),
    "away": ("away from the camera", "away", "away from us", "into the distance", "away from the viewer", "into the background"),
}
SPEED_WORDS = {
    "slow": ("slowly", "at a slow pace", "at low speed"),
    "medium": ("steadily", "at a steady pace", "at a moderate speed"),
    "fast": ("quickly", "fast", "rapidly", "at high speed", "swiftly"),
}
HEIGHT_WORDS = {
    "low": ("from low down", "from a low height", "from just above the floor", "from a small height"),
    "middle": ("from a medium height", "from halfway up"),
    "high": ("from high up", "from a great height", "from high above", "from way up"),
}
SLOPE_WORDS = {
    "gentle": ("a gentle slope", "a gentle ramp", "a shallow slope", "a gentle incline"),
    "middle": ("a slope", "a ramp", "an incline", "a sloping board"),
    "steep": ("a steep slope", "a steep ramp", "a steep incline"),
}
ARC_WORDS = {
    "narrow": ("in a small arc", "gently", "in a narrow arc"),
    "middle": ("in an arc",),
    "wide": ("in a wide arc", "in a large arc", "widely"),
}
AXIS_WORDS = {  # a pendulum comes back, so a clip shows the line of its swing
    "across": ("from side to side", "left and right", "sideways"),
    "along": ("toward the camera and back", "toward and away from the camera", "toward us and back"),
}
START_WORDS = {side: f"{side} first" for side in ("left", "right")} | {"toward": "toward us first", "away": "away from us first"}

CAMERA_WORDS = {
    ("pan", "left"): ("pan to the left", "pan left", "turn to the left"),
    ("pan", "right"): ("pan to the right", "pan right", "turn to the right"),
    ("tilt", "up"): ("tilt up", "tilt upwards", "look up", "tilt upward"),
    ("tilt", "down"): ("tilt down", "tilt downwards", "look down", "tilt downward"),
    ("dolly", "in"): ("move closer", "move in", "dolly in", "push in", "move forward", "zoom in", "come closer"),
    ("dolly", "out"): ("pull back", "move back", "dolly out", "move away", "zoom out", "pull away", "move out"),
    ("orbit", "left"): ("orbit to the left", "circle to the left", "orbit left", "circle around to the left", "move around to the left"),
    ("orbit", "right"): (
        "orbit to the right",
        "circle to the right",
        "orbit right",
        "circle around to the right",
        "move around to the right",
    ),
}
FLOOR_WORDS = {
    "plain": ("a plain floor", "a bare floor", "plain ground", "a smooth floor"),
    "concrete": ("a concrete floor", "concrete", "a cement floor", "concrete ground"),
    "wood": ("a wooden floor", "wood", "wooden boards", "a wood floor"),
    "marble": ("a marble floor", "marble", "marble ground"),
    "sand": ("sand", "sandy ground", "a sandy floor", "a floor of sand"),
    "speckled": ("a speckled floor", "a spotted floor", "speckled ground"),
}
MADE_WORDS = {  # what a floor is said to be
    "plain": ("plain", "bare", "smooth"),
    "concrete": ("made of concrete", "concrete", "made of cement"),
    "wood": ("made of wood", "wooden", "made of wooden boards"),
    "marble": ("made of marble", "marble"),
    "sand": ("sandy", "covered with sand", "made of sand"),
    "speckled": ("speckled", "spotted", "covered with spots"),
}
TONE_WORDS = {
    "dark": ("dark", "dark gray", "dark grey"),
    "middle": ("gray", "grey"),
    "light": ("light", "pale", "light gray", "light grey"),
}
TIME_WORDS = {
    "morning": ("in the morning", "in morning light", "in the early morning", "in the morning sun", "at sunrise"),
    "noon": ("at noon", "at midday", "in bright midday sun", "in the midday light", "in the noon sun"),
    "evening": ("in the evening", "at sunset", "in evening light", "in the evening sun", "at dusk"),
    "overcast": ("on an overcast day", "under a cloudy sky", "on a cloudy day", "under gray clouds", "under an overcast sky"),
}
NIGHT_WORDS = ("at night", "in the night", "in the dark")  # instead of the time of day where the style is neon night
STYLE_BEFORE = {  # said before a clause: "a pencil drawing of a red ball falling"
    "natural": ("a realistic video of", "a natural video of", "realistic footage of"),
    "pencil": ("a pencil drawing of", "a pencil sketch of", "pencil drawing of", "a hand drawn sketch of", "a sketch of"),
    "neon night": ("a neon night scene of", "a neon video of", "neon night shot of", "a glowing neon scene of"),
    "watercolour": ("a watercolor painting of", "a watercolour of", "watercolor painting of", "a watercolour painting of", "a painting of"),
    "thermal": ("a thermal video of", "thermal camera footage of", "a heat camera view of", "an infrared video of", "a thermal image of"),
    "blueprint": ("a blueprint of", "a blueprint drawing of", "blueprint drawing of", "a technical drawing of"),
}
STYLE_AFTER = {  # said after it: "a red ball falls, drawn in pencil"
    "natural": ("in natural colors", "in a realistic style", "in natural colours", "in realistic light"),
    "pencil": ("drawn in pencil", "in pencil", "as a pencil sketch", "in pencil style", "sketched in pencil"),
    "neon night": ("in neon", "in neon light", "under neon lights", "in glowing neon colors", "in neon colours"),
    "watercolour": ("in watercolor", "painted in watercolour", "as a watercolor painting", "in watercolour style", "painted in watercolor"),
    "thermal": ("in thermal colors", "seen by a thermal camera", "in infrared", "as a heat image", "in thermal colours"),
    "blueprint": ("as a blueprint", "in blueprint style", "drawn as a blueprint", "like a technical drawing"),
}

VERBS = {  # groups of synonyms that a phrasing names in capitals
    "FALL": ("fall", "drop", "fall down", "plunge", "come down"),
    "BOUNCE": ("bounce", "hop", "jump", "rebound"),
    "ROLL": ("roll", "move", "travel", "go", "run"),
    "GLIDE": ("slide", "glide", "move", "travel", "go"),
    "TURN": ("roll",),
    "SLIP": ("slide", "glide"),
    "PASSBY": ("pass", "go past", "move past", "pass by"),
    "HIT": ("hit", "strike", "bump into", "run into", "crash into", "collide with", "knock into"),
    "PUSH": ("push", "knock", "shove", "drive"),
    "TOPPLE": ("topple over", "fall over", "tip over", "topple", "tumble over"),
    "SWING": ("swing", "sway"),
    "HANG": ("hang", "dangle"),
    "VANISH": ("disappear", "vanish", "hide"),
    "EMERGE": ("come out", "reappear", "appear again", "come out again", "emerge"),
    "LEAVE": ("leave", "exit"),
    "RETURN": ("come back", "return"),
    "BREAK": ("break", "shatter"),
    "STAND": ("stand", "rest", "sit", "lie"),
    "WAIT": ("stand still", "stay still", "stay put", "rest", "wait"),
}
FLAT = {"ROLL": "GLIDE", "TURN": "SLIP"}  # what an object without a round side does instead

THIRDS = {
    "speed": ("slow", "medium", "fast"),
    "drop": ("low", "middle", "high"),
    "slide": ("gentle", "middle", "steep"),
    "swing": ("narrow", "middle", "wide"),
} | dict.fromkeys(("seesaw", "break", "pour"), ("low", "middle", "high"))

TONES = ("dark", "middle", "light")


def speed_word(kind: str, speed: float) -> str:
    """Slow, medium or fast for an event of this kind at `speed` metres a second; "" where the kind has no speed."""
    return third(SPEED[kind], speed, THIRDS["speed"]) if kind in SPEED else ""


def amount_word(kind: str, amount: float) -> str:
    """The word for an event's own quantity: low/high for a drop, gentle/steep for a slope, narrow/wide for a swing, else ""."""
    return third(AMOUNT[kind], amount, THIRDS[kind]) if kind in AMOUNT else ""


def tone_word(tone: float) -> str:
    """Dark, light or between, for a floor's grey tone in [0, 1]."""
    return third(TONE, tone, TONES)


def camera_speed_word(camera: Camera) -> str:
    """Slow, medium or fast, for the camera's motion; "" where it has none."""
    return third(CAMERA_SPEED[camera.kind], camera.speed, THIRDS["speed"]) if camera.kind in CAMERA_SPEED else ""


def third(limits: tuple[float, float], value: float, words: tuple[str, str, str]) -> str:
    """The word for the third of the range in which `value` lies."""
    low, high = limits
    return words[min(2, max(0, int(3 * (value - low) / (high - low))))]


def plural(noun: str) -> str:
    """Several of a shape word."""
    return noun + ("es" if noun[-1] in "xo" else "s")
