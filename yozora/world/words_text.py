"""The three lengths of a caption: a few words, a sentence, everything."""

import re
from collections.abc import Callable

from yozora.world.grammar import FINITE, Slots, Voice, Writer, inflect, progressive, speak, tidy, usable
from yozora.world.ranges import ELEVATION
from yozora.world.scene import Scene, row
from yozora.world.words_cast import Cast
from yozora.world.words_clause import Teller
from yozora.world.words_events import SEQUENCE, STILL_AGAIN
from yozora.world.words_names import (
    CAMERA_WORDS,
    FLOOR_WORDS,
    MADE_WORDS,
    NIGHT_WORDS,
    SPEED_WORDS,
    STYLE_AFTER,
    STYLE_BEFORE,
    TIME_WORDS,
    TONE_WORDS,
    camera_speed_word,
    tone_word,
)
from yozora.world.words_settings import (
    BYSTANDERS,
    BYSTANDERS_SENTENCE,
    CAMERA_AFTER,
    CAMERA_BEFORE,
    CAMERA_SENTENCE,
    ELEVATIONS,
    FRAMES,
    LAYOUTS,
    PLACE_AFTER,
    PLACE_BEFORE,
    PLACE_SENTENCE,
    STATIC_AFTER,
    STATIC_SENTENCE,
    THINGS,
)

MOODS = (("present", 0.42), ("progressive", 0.16), ("participle", 0.28), ("bare", 0.08), ("past", 0.06))


def short(writer: Writer, scene: Scene) -> str:
    """What happens, in a few words: "red ball rolling to the left"."""
    cast = Cast(writer=writer, scene=scene, sizes=writer.chance(0.12), materials=writer.chance(0.08))
    teller = Teller(writer=writer, cast=cast, detail=0.25)
    mood = "participle" if writer.chance(0.6) else "present"
    text = deeds(teller, mood, past=writer.chance(0.3))
    if scene.style != "natural" and writer.chance(0.5):
        text = f"{text} {writer.word(STYLE_AFTER[scene.style])}"
    if scene.camera.kind != "static" and writer.chance(0.2):
        text = f"{text}, camera {moving(writer, scene, 'participle')[1]}"
    return bare_noun(text) if writer.chance(0.5) else text


def bare_noun(text: str) -> str:
    """The text without the article it begins with."""
    first, _, rest = text.partition(" ")
    return rest if first in ("a", "an") else text


def sentence(writer: Writer, scene: Scene) -> str:
    """What happens and what stands by; camera, place, size, surface and style in part of the cases."""
    cast = Cast(writer=writer, scene=scene, sizes=writer.chance(0.25), materials=writer.chance(0.2))
    teller = Teller(writer=writer, cast=cast, detail=0.45)
    mood = drawn_mood(writer)
    styled = writer.chance(0.8 if scene.style != "natural" else 0.05)
    leading = styled and mood == "participle" and writer.chance(0.7)
    text = with_bystanders(teller, deeds(teller, mood, past=writer.chance(0.65)), mood)
    around = around_it(writer, scene, text)
    camera = camera_slots(writer, scene, mood) if writer.chance(0.65 if scene.camera.kind != "static" else 0.06) else {}
    opened = mood in FINITE and "." not in text
    if leading:
        text = f"{writer.word(STYLE_BEFORE[scene.style])} {text}"
    elif mood == "bare" or (writer.chance(0.3) and not text.startswith(("first ", "to begin"))):
        text = speak(writer, writer.phrasing(f"frame {mood}", FRAMES[mood]), {"clause": text}, Voice())
    elif opened and any(around.values()) and writer.chance(0.35):
        text, around = place_before(writer, text, around), {}
    elif opened and camera and scene.camera.kind != "static" and " while " not in text and writer.chance(0.35):
        options = usable(CAMERA_BEFORE, camera | {"clause": text}, mood)
        text, camera = speak(writer, writer.phrasing("camera before", options), camera | {"clause": text}, Voice()), {}
    text = with_camera(writer, scene, place_after(writer, text, around), camera)
    if styled and not leading:
        text = f"{text}, {writer.word(STYLE_AFTER[scene.style])}"
    return tidy(text)


def drawn_mood(writer: Writer) -> str:
    """A mood by the shares of `MOODS`."""
    draw = writer.rng.random()
    for mood, share in MOODS:
        draw -= share
        if draw < 0:
            return mood
    return MOODS[0][0]


def deeds(teller: Teller, mood: str, *, past: bool) -> str:
    """All events of the scene in one line."""
    scene, writer = teller.scene, teller.writer
    if not scene.events:
        return teller.still(mood)
    if len(scene.events) == 1:
        return teller.clause(scene.events[0], mood, past=past)
    phrasing = writer.phrasing("sequence", usable(SEQUENCE, {"first": "said", "second": "said"}, mood))
    slots: Slots = {
        "first": lambda: teller.clause(scene.events[0], mood),
        "second": lambda: second_deed(teller, mood),
    }
    return speak(writer, phrasing, slots, Voice(detail=1.0))


def second_deed(teller: Teller, mood: str) -> str:
    """The second of two events, with a pronoun for its actor where that cannot be mistaken."""
    one, two = teller.scene.events
    plain = one.actor == two.actor and not {one.kind, two.kind} & {"push", "topple"}
    return teller.clause(two, mood, pronoun=plain and teller.writer.chance(0.4))


def with_bystanders(teller: Teller, text: str, mood: str) -> str:
    """The text with the objects not met yet."""
    left = tuple(index for index in range(len(teller.scene.objects)) if index not in teller.cast.met)
    if not left:
        return text
    options = tuple(line for line in BYSTANDERS if line.startswith(",") or " while " not in text)
    voice = Voice(mood="past" if mood == "past" else "present", crowd=len(left) > 1)
    phrasing = teller.writer.phrasing("bystanders", options)
    return f"{text} {speak(teller.writer, phrasing, {'o': lambda: teller.several(left)}, voice)}"


def around_it(writer: Writer, scene: Scene, text: str) -> dict[str, str]:
    """Floor and light in words, each in part of the cases; no second floor where the text names one; night always."""
    words = place(writer, scene)
    floor = writer.chance(0.35) and "floor" not in text and "ground" not in text
    light = scene.style == "neon night" or writer.chance(0.25)
    return {"floor": words["floor"] if floor else "", "light": words["light"] if light else ""}


def place_before(writer: Writer, text: str, around: dict[str, str]) -> str:
    """The text after where or when it happens."""
    slots = around | {"clause": text}
    options = tuple(
        line for line in usable(PLACE_BEFORE, slots, "present") if all(f"{{{name}!}}" in line for name in around if around[name])
    )
    return speak(writer, writer.phrasing("place before", options), slots, Voice())


def place_after(writer: Writer, text: str, around: dict[str, str]) -> str:
    """The text before where or when it happens."""
    for name, value in around.items():
        if value:
            text = f"{text} {speak(writer, writer.phrasing(f'{name} after', PLACE_AFTER[name]), {name: value}, Voice())}"
    return text


def place(writer: Writer, scene: Scene) -> dict[str, str]:
    """Floor, what it is made of, light and style in words."""
    floor = writer.word(FLOOR_WORDS[scene.floor.kind])
    tone = writer.word(TONE_WORDS[tone_word(scene.floor.tone)]) if writer.chance(0.6) else ""
    light = NIGHT_WORDS if scene.style == "neon night" else TIME_WORDS[scene.light.time]
    toned = f"a {tone} {floor[2:]}" if floor.startswith("a ") else f"{tone} {floor}"
    made = writer.word(MADE_WORDS[scene.floor.kind])
    return {
        "floor": toned if tone else floor,
        "made": f"{tone} and {made}" if tone else made,
        "light": writer.word(light),
        "style": writer.word(STYLE_AFTER[scene.style]),
    }


def moving(writer: Writer, scene: Scene, mood: str) -> tuple[str, str]:
    """The camera's motion as a finite verb and as a participle."""
    head, _, rest = writer.word(CAMERA_WORDS[scene.camera.kind, scene.camera.direction]).partition(" ")
    voice = Voice(mood="past" if mood == "past" else "present")
    return f"{inflect(head, '~', voice)} {rest}".strip(), f"{progressive(head)} {rest}".strip()


def camera_slots(writer: Writer, scene: Scene, mood: str, *, exact: bool = False) -> dict[str, str]:
    """What the slots of the camera's phrasings say."""
    if scene.camera.kind == "static":
        return {"camis": "stays", "caming": "staying", "campace": ""}
    finite, participle = moving(writer, scene, mood)
    return {"camis": finite, "caming": participle, "campace": camera_pace(writer, scene, exact=exact)}


def with_camera(writer: Writer, scene: Scene, text: str, camera: dict[str, str]) -> str:
    """The text with what the camera does, if anything is to be said of it; one "while" is enough."""
    if not camera:
        return text
    name, group = ("static after", STATIC_AFTER) if scene.camera.kind == "static" else ("camera after", CAMERA_AFTER)
    options = tuple(line for line in group if line.startswith((",", "with")) or (" while " not in text and " as " not in text))
    return f"{text} {speak(writer, writer.phrasing(name, options), camera, Voice())}"


def camera_pace(writer: Writer, scene: Scene, *, exact: bool) -> str:
    """The word for the camera's speed, or nothing."""
    pace = camera_speed_word(scene.camera)
    return writer.word(SPEED_WORDS[pace]) if pace and (exact or pace != "medium") else ""


def full(writer: Writer, scene: Scene) -> str:
    """Everything: objects with all their qualities, events, camera, floor, light and style, in two to four sentences."""
    cast = Cast(writer=writer, scene=scene, sizes=True, materials=True)
    teller = Teller(writer=writer, cast=cast, detail=1.0, exact=True)
    mood = "present" if writer.chance(0.75) else "progressive"
    parts: dict[str, Callable[[], str]] = {
        "things": lambda: all_things(teller),
        "deed": lambda: full_deed(teller, mood),
        "others": lambda: others(teller),
        "camera": lambda: camera_sentence(writer, scene),
        "place": lambda: place_sentence(writer, scene),
    }
    options = usable(LAYOUTS, parts, mood)
    text = speak(writer, writer.phrasing("layout", options), parts, Voice(detail=1.0))
    return tidy(re.sub(r"[ .,]*\.", ".", f"{text}."))


def all_things(teller: Teller) -> str:
    """All objects of the scene in a sentence."""
    scene, indices = teller.scene, tuple(range(len(teller.scene.objects)))

    def listed() -> str:
        rows = [row(scene, event) for event in scene.events if event.kind == "topple"]
        towers = [row(scene, event) for event in scene.events if event.kind == "tower"]
        single = tuple(index for index in indices if not any(index in cubes for cubes in rows + towers))
        parts = (
            [teller.cast.row(slabs)[0] for slabs in rows]
            + [teller.cast.tower(cubes) for cubes in towers]
            + ([teller.cast.first(*single)] if single else [])
        )
        return " and ".join(parts)

    phrasing = teller.writer.phrasing("things", THINGS)
    return speak(teller.writer, phrasing, {"o": listed}, Voice(crowd=len(indices) > 1 or bool(teller.cast.grains)))


def full_deed(teller: Teller, mood: str) -> str:
    """What happens, beside bystanders that have been named."""
    if teller.scene.events:
        return deeds(teller, mood, past=teller.writer.chance(0.5))
    if teller.cast.met:
        return teller.writer.phrasing("still again", STILL_AGAIN)
    return teller.still("present")


def others(teller: Teller) -> str:
    """The objects not met yet, in a sentence; nothing where there are none."""
    left = tuple(index for index in range(len(teller.scene.objects)) if index not in teller.cast.met)
    if not left:
        return ""
    phrasing = teller.writer.phrasing("bystanders sentence", BYSTANDERS_SENTENCE)
    return speak(teller.writer, phrasing, {"o": lambda: teller.several(left)}, Voice(crowd=len(left) > 1))


def camera_sentence(writer: Writer, scene: Scene) -> str:
    """What the camera does, and from how high it looks where that is unusual."""
    low, high = ELEVATION
    share = (scene.camera.elevation - low) / (high - low)
    height = writer.word(ELEVATIONS["high" if share > 0.75 else "low"]) if abs(share - 0.5) > 0.25 else ""
    name, group = ("static sentence", STATIC_SENTENCE) if scene.camera.kind == "static" else ("camera sentence", CAMERA_SENTENCE)
    slots = camera_slots(writer, scene, "present", exact=True) | {"high": height}
    return speak(writer, writer.phrasing(name, usable(group, slots, "present")), slots, Voice(detail=1.0))


def place_sentence(writer: Writer, scene: Scene) -> str:
    """Floor, light and style in a sentence."""
    return speak(writer, writer.phrasing("place sentence", PLACE_SENTENCE), place(writer, scene), Voice(detail=1.0))
