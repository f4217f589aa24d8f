"""What words mean: phrases and single words, each with a tag and a value. Wider than the captions' own words."""

import re
from dataclasses import dataclass
from functools import cache

from yozora.world.grammar import IRREGULAR, conjugate, progressive
from yozora.world.words_names import (
    ARC_WORDS,
    AXIS_WORDS,
    COLOUR_WORDS,
    DIRECTION_WORDS,
    HEIGHT_WORDS,
    MATERIAL_WORDS,
    SHAPE_WORDS,
    SIZE_WORDS,
    SPEED_WORDS,
    START_WORDS,
    TIME_WORDS,
    VERBS,
    plural,
)


@dataclass(frozen=True, kw_only=True)
class Item:
    """A word or phrase understood: a tag, what it stands for, and the words themselves."""

    tag: str
    value: str = ""
    words: tuple[str, ...] = ()


# tag -> value -> phrases, separated by "|"
PHRASES: dict[str, dict[str, str]] = {
    "colour": {
        "red": "ruby|maroon|cherry",
        "orange": "amber",
        "yellow": "lemon|gold",
        "green": "lime",
        "cyan": "light blue|sky blue",
        "blue": "navy|dark blue|royal blue|ultramarine",
        "purple": "lilac|lavender",
        "pink": "rose|fuchsia|hot pink",
        "white": "ivory",
    },
    "shape": {"ball": "balloon|globe|marble ball", "cube": "square|crate|brick", "cylinder": "barrel|pipe|column", "capsule": "lozenge", "egg": "eggs"},
    "size": {"small": "mini|miniature", "medium": "mid sized|average", "large": "giant|massive|enormous|heavy"},
    "material": {"matte": "flat|rough", "glossy": "glistening|gleaming", "metal": "chrome|iron|metallic looking"},
    "number": {str(count): words for count, words in enumerate("no one two three four five six seven eight".split())},
    "to": {
        "left": "toward left|from the right|off to the left|across to the left|in the left direction",
        "right": "toward right|from the left|off to the right|across to the right|in the right direction",
        "toward": "at us|at the camera|at the viewer|forward|forwards|straight at us|toward me|closer to the camera",
        "away": "far away|off into the distance|from us|into the background|away from me|from the viewer",
    },
    "pace": {
        "slow": "slow|lazily|leisurely|gradually",
        "medium": "steady|moderate",
        "fast": "quick|rapid|at speed|speedily|hurriedly|swift|very fast",
    },
    "high": {"low": "from a little above the floor", "high": "from the sky|from a height|from up high|from far up|from very high|from above the floor"},
    "amount": {"steep": "steep", "gentle": "gentle|shallow"},
    "slope": {"middle": "slope|ramp|incline|hill|sloping board|inclined plane|slide board"},
    "vertical": {"down": "straight down|up and down|in place|on the spot|straight up and down|back up|up again"},
    "start": {},
    "axis": {"": "back and forth|to and fro"},
    "floor": {
        "plain": "plain|bare|smooth",
        "concrete": "concrete|cement",
        "wood": "wood|wooden|boards|planks|timber",
        "marble": "marble",
        "sand": "sand|sandy|beach",
        "speckled": "speckled|spotted|spots|dotted",
    },
    "tone": {"dark": "dark gray|dark grey|dark", "light": "light gray|light grey|light|pale", "middle": "gray|grey"},
    "ground": {"": "floor|ground|table|surface"},
    "time": {
        "morning": "morning|sunrise|dawn|early morning",
        "noon": "noon|midday|bright sun|daylight",
        "evening": "evening|sunset|dusk|twilight",
        "overcast": "overcast|cloudy|clouds|gray clouds|grey clouds|gray sky|grey sky",
    },
    "style": {
        "natural": "natural|realistic|in realistic light|natural light",
        "pencil": "pencil|sketch|sketched|hand drawn",
        "neon night": "neon|night|at night|in the night|in the dark|glowing|neon lights|neon light|neon night",
        "watercolour": "watercolor|watercolour|watercolors|watercolours|painting|painted",
        "thermal": "thermal|infrared|heat|heat camera|thermal camera|heat vision|heat image",
        "blueprint": "blueprint|technical drawing",
    },
    "shot": {"static": "static camera|static shot|fixed camera|still camera|camera static|fixed shot|camera fixed|a still shot"},
    "camera": {"": "camera|the view|viewpoint"},
    "row": {"": "row of|line of|rows of|chain of|series of"},
    "inrow": {"": "in a row|in a line|one after another|one by one|in turn|like dominoes|in a chain|each one hitting the next|and the others follow|the others follow|the others following|others followed"},
    "string": {"": "string|rope|pendulum|cord|the weight of a pendulum|thread"},
    "wall": {"": "wall|screen wall|barrier|fence|panel|the other side|the view of it"},
    "out": {
        "": "out of view|out of the picture|out of the frame|out of frame|out of the shot|off screen|offscreen|the picture|the frame|the edge of the picture|the edge|from the view|"
        "the edge of the frame|the scene edge|out of the screen|off the screen|out of the scene"
    },
    "unseen": {"": "out of sight|hidden from view|out of our sight"},
    "back": {"": "back in|back again|back into view|back into the picture|back into the frame|into the picture|back in again|back into the shot"},
    "near": {
        "": "next to|beside|near|close to|by the side of|not far from|in front of|in back of|on the far side of|on the near side of|before|to the left of|on the left of|left of|"
        "to the right of|on the right of|right of|alongside|beneath|under|above|around|between|among|over"
    },
    "past": {"": "past"},
    "behind": {"": "behind"},
    "with": {"": "with|without"},
    "by": {"": "by"},
    "onto": {"": "into|against|to|toward|towards|up to|onto|on|at|in|across|along|off|from|down|off of"},
    "rest": {"": "come to rest|comes to rest|coming to rest|came to rest|at rest|not moving|without moving|do not move|does not move|did not move|doing nothing"},
    "then": {"": "then|and then|after that|and after that|afterwards|next|later|and when that is over|and next|a moment later|and a moment later|to begin|after a while|finally|and later|followed by"},
    "it": {"": "it|its|itself|they|them"},
    "while": {"": "while|as|when|until|before it|after|whereas"},
    "that": {"": "that|which"},
    "generic": {"": "one|ones|object|objects|thing|something|shape|shapes|item|shaped"},
    "round": {"ball": "round|spherical"},
    "over": {"": "over"},
}
STOP = (
    "a|an|the|and|or|but|of|is|are|was|were|be|been|being|am|has|have|had|having|do|does|did|doing|this|there|here|where|who|all|also|any|some|each|both|other|others|another|more|most|"
    "very|just|only|so|too|quite|rather|out|up|off|down|back|in|on|at|to|for|into|from|onto|through|again|about|toward|towards|we|us|you|i|he|she|our|your|my|their|his|her|us|me|"
    "video|videos|clip|clips|scene|scenes|footage|film|films|filmed|animation|picture|image|photo|photograph|movie|render|rendering|drawing|drawn|shot|view|frame|screen|viewer|"
    "show|shows|showing|shown|see|sees|seen|seeing|watch|watching|watched|look|looks|contain|contains|containing|feature|features|featuring|depict|depicts|make|makes|made|making|"
    "short|now|everything|nothing|happens|happening|happened|happen|takes|take|place|set|way|side|end|top|time|moment|while|nearby|close|standing|alone|once|first|second|third|fourth|"
    "fifth|sixth|seventh|eighth|color|colour|colors|colours|coloured|colored|style|light|lights|look|looking|bright|sun|day|sky|early|under|like|high|low|angle|camera|air|"
    "can|could|will|would|may|must|cannot|not|no|none|never|always|meanwhile|still|straight|over|above|below|middle|tall|long|sized|size|somewhere|someone|somebody|person|hand|else|that|"
    "it|its|as|if|when|until|after|before|than|then|few|several|three|two|gets|get|getting|got|starts|start|starting|started|begins|begin|beginning|began|keeps|keep|keeping|kept|"
    "lose|loses|lost|losing|balance|covered|change|changes|motion|around|together|slightly|little|bit|far|near|room|world|full|view|visible|thud|loudly|gently|softly|s|t|"
    "let|lets|letting|go|gone|own|itself|seems|appears|done|kind|type|piece|pair|group|set|weight|foot|bottom|left|right|want|please|create|generate|draw|give|nobody|we|let"
).split("|")

LEMMAS = {  # tag -> verbs that mean it, beyond those of the captions
    "fall": "fall drop plunge plummet bounce hop jump rebound land throw toss release",
    "roll": "roll move travel go run slide glide pass cross head speed spin shoot race zip fly drift float crawl creep rush dash slip come reach cruise wander rotate",
    "hit": "hit strike bump crash collide knock push shove drive send kick nudge slam bash smash tap touch",
    "topple": "topple tip collapse tumble overturn",
    "swing": "swing sway dangle hang oscillate bob tie carry",
    "hide": "disappear vanish hide",
    "emerge": "reappear appear emerge",
    "leave": "leave exit",
    "return": "return reenter",
    "stand": "stand sit rest lie stay wait remain keep stop",
    "pan": "pan",
    "tilt": "tilt",
    "dolly": "dolly zoom pull",
    "orbit": "orbit circle revolve",
    "follow": "follow",
}
PHRASAL = {  # tag -> verbs with what follows them
    "return": "come back|come back again|come in again|roll back in",
    "emerge": "come out|come out again|appear again|come out of it",
    "fall": "come down|fall down",
    "topple": "fall over|knock over|push over|tip over|lose balance|fall on its side|fall onto its side|tip on its side|tumble over|topple over",
    "hit": "run into|bump into|crash into|knock into|collide with|bang into|slam into|smash into|bump against",
    "roll": "make its way|set off|take off",
    "hide": "block the view of it",
    "stand": "stand still|stay still|sit still|keep still|stay put|stay in place|stand by|stand there|stay where it is",
}
EXTRA_FORMS = {"dolly": ("dollies", "dollied", "dollying"), "throw": ("throws", "threw", "thrown", "throwing"), "shoot": ("shoots", "shot", "shooting"), "fly": ("flies", "flew", "flown"),
               "bob": ("bobbing", "bobbed"), "spin": ("spun",), "lie": ("lies", "lying", "lay"), "zip": ("zipping", "zipped"), "creep": ("crept",), "make": ("made",), "slam": ("slamming", "slammed")}  # fmt: skip


@cache
def lexicon() -> dict[tuple[str, ...], Item]:
    """Every phrase that is understood, as a tuple of words; the longest that fits is meant."""
    table: dict[tuple[str, ...], Item] = {(word,): Item(tag="stop", words=(word,)) for word in STOP}
    for lemma, tag in ((lemma, tag) for tag, lemmas in LEMMAS.items() for lemma in lemmas.split()):
        for form in verb_forms(lemma):
            table[form,] = Item(tag="verb", value=tag, words=(form, lemma))
    for tag, verbs in PHRASAL.items():
        for verb in verbs.split("|"):
            head, _, rest = verb.partition(" ")
            for form in verb_forms(head):
                table[form, *rest.split()] = Item(tag="verb", value=tag, words=(form, verb))
    named = {
        "colour": COLOUR_WORDS, "shape": SHAPE_WORDS, "size": SIZE_WORDS, "material": MATERIAL_WORDS, "to": DIRECTION_WORDS, "pace": SPEED_WORDS, "high": HEIGHT_WORDS,
        "arc": ARC_WORDS, "axis": {"": sum(AXIS_WORDS.values(), ())}, "start": {side: (words,) for side, words in START_WORDS.items()}, "time": TIME_WORDS,
    }  # fmt: skip
    for tag, values in named.items():
        for value, phrases in values.items():
            add(table, tag, value, phrases)
    for tag, values in PHRASES.items():
        for value, phrases in values.items():
            add(table, tag, value, tuple(phrases.split("|")) if phrases else ())
    for shape, words in list(SHAPE_WORDS.items()) + [(shape, tuple(words.split("|"))) for shape, words in PHRASES["shape"].items()]:
        add(table, "shapes", shape, tuple(plural(word) for word in words if not word.endswith("s")))
    add(table, "shape", "cube", ("domino",))
    add(table, "shapes", "cube", ("dominoes", "dominos"))
    for words, tag in ((("in", "motion"), "roll"), (("on", "the", "move"), "roll"), (("covered", "by"), "hide"), (("as", "a", "pendulum"), "swing")):
        table[words] = Item(tag="verb", value=tag, words=words)
    quiet = [("nothing", form) for verb in ("move", "happen") for form in verb_forms(verb)]
    modal = [("can", word) for word in ("be", "see", "t")] + [(word, "can") for word in ("we", "you", "i", "it")]
    for words in (*quiet, *modal, ("can", "be", "seen"), ("seen", "from"), ("shot", "of"), ("the", "shot"), ("the", "view", "of")):
        table[words] = Item(tag="stop", words=words)
    return table


def add(table: dict[tuple[str, ...], Item], tag: str, value: str, phrases: tuple[str, ...]) -> None:
    """Enter phrases of one meaning."""
    for phrase in phrases:
        words = tuple(phrase.split())
        table[words] = Item(tag=tag, value=value, words=words)


def verb_forms(lemma: str) -> set[str]:
    """All forms of a verb that may be typed."""
    return {lemma, progressive(lemma), *(conjugate(lemma, form) for form in ("s", "ed", "en")), *EXTRA_FORMS.get(lemma, ())}


def known_verbs() -> set[str]:
    """The first words of all verbs that the captions use."""
    return {verb.split()[0] for group in VERBS.values() for verb in group} | set(IRREGULAR)


def words_of(text: str) -> list[str]:
    """Lower-case words and marks; digits up to eight become words, hyphens part words."""
    text = re.sub(r"['’](s|t|re|ll)\b", r" \1", text.lower()).replace("-", " ")
    digits = dict(zip("12345678", "one two three four five six seven eight".split(), strict=True))
    return [digits.get(word, word) for word in re.findall(r"[a-z]+|[0-9]+|[.,;:!?]", text)]


def items_of(words: list[str]) -> list[Item]:
    """The words as items, the longest phrase first; what is not understood is tagged "unknown"."""
    table = lexicon()
    longest = max(map(len, table))
    items: list[Item] = []
    place = 0
    while place < len(words):
        for length in range(min(longest, len(words) - place), 0, -1):
            found = table.get(tuple(words[place : place + length]))
            if found:
                leaves = found.words == ("left",) and items and items[-1].tag in ("shape", "shapes") and words[place + 1 : place + 2] != ["of"]
                items.append(Item(tag="verb", value="leave", words=("left", "leave")) if leaves else found)
                place += length
                break
        else:
            mark = words[place] in ".,;:!?"
            items.append(Item(tag=("stop" if words[place] in ".;:!?" else "comma") if mark else "unknown", value=words[place], words=(words[place],)))
            place += 1
    return items
