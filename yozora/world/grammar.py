"""The grammar's machine: it chooses phrasings, conjugates verbs and fills slots. The phrasings themselves are elsewhere.

A phrasing is a line of text with marks. `{slot}` may be left out if it is one of `OPTIONAL`, `{slot!}` not: the phrasing is used
only where the slot has something to say. `[verb]` takes the mood of the clause, and capitals name a group of synonyms: `[fall]` is
"falls", "is falling", "falling", "fall" or "fell". Signs before the verb:

    +    coordinated with the verb before ("is falling and bouncing")
    ~    finite whatever the mood ("while it falls")
    %    always "falling"; `=` always "fallen"; `/` always "fall"
    1    a subject in the singular, `2` in the plural, whatever the actor is; `&` the number of the bystanders
    *    a form of be that goes without saying in a noun phrase ("a ball hidden by a wall")

A phrasing that begins with `^` stands only in a clause with a finite verb, one that begins with `-` only in one without.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from yozora.world.words_names import FLAT, VERBS

Slots = Mapping[str, str | Callable[[], str]]  # what a slot says, or how to find it when its turn comes in the text
SLOT = re.compile(r"\{([a-z]+)(!?)\}")
VERB = re.compile(r"\[([*+~&%=/12]*)([A-Za-z]+)\]")
MOODS = ("present", "progressive", "participle", "bare", "past")
FINITE = ("present", "progressive", "past")
OPTIONAL = ("to", "pace", "high", "arc", "axis", "campace")  # slots that may be left out unless marked

# lemma: third person, past, past participle; the -ing form follows from spelling
IRREGULAR = {
    "make": ("makes", "made", "made"),
    "let": ("lets", "let", "let"),
    "lose": ("loses", "lost", "lost"),
    "drive": ("drives", "drove", "driven"),
    "do": ("does", "did", "done"),
    "have": ("has", "had", "had"),
    "be": ("is", "was", "been"),
    "fall": ("falls", "fell", "fallen"),
    "come": ("comes", "came", "come"),
    "go": ("goes", "went", "gone"),
    "hit": ("hits", "hit", "hit"),
    "strike": ("strikes", "struck", "struck"),
    "run": ("runs", "ran", "run"),
    "swing": ("swings", "swung", "swung"),
    "hang": ("hangs", "hung", "hung"),
    "slide": ("slides", "slid", "slid"),
    "hide": ("hides", "hid", "hidden"),
    "leave": ("leaves", "left", "left"),
    "stand": ("stands", "stood", "stood"),
    "sit": ("sits", "sat", "sat"),
    "lie": ("lies", "lay", "lain"),
    "speed": ("speeds", "sped", "sped"),
    "knock": ("knocks", "knocked", "knocked"),
    "get": ("gets", "got", "got"),
    "keep": ("keeps", "kept", "kept"),
    "begin": ("begins", "began", "begun"),
    "see": ("sees", "saw", "seen"),
    "send": ("sends", "sent", "sent"),
    "set": ("sets", "set", "set"),
    "break": ("breaks", "broke", "broken"),
    "throw": ("throws", "threw", "thrown"),
    "fly": ("flies", "flew", "flown"),
}
DOUBLED = {"drop", "hop", "stop", "tip", "hit", "run", "get", "sit", "begin", "bob", "pan", "set", "spin", "dip", "slip", "let"}


@dataclass(kw_only=True)
class Writer:
    """One caption in the making: its random choices, the split whose phrasings it may use, and those it has used."""

    rng: np.random.Generator
    split: str
    used: list[str] = field(default_factory=list)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def word(self, names: tuple[str, ...]) -> str:
        """One of several synonyms: the first half of the time, else any."""
        return names[0] if len(names) == 1 or self.chance(0.5) else names[int(self.rng.integers(len(names)))]

    def phrasing(self, group: str, phrasings: tuple[str, ...]) -> str:
        """One of the phrasings that the split allows."""
        allowed = permitted(group, phrasings, self.split)
        choice = allowed[int(self.rng.integers(len(allowed)))]
        self.used.append(identity(group, choice))
        return choice


@cache
def permitted(group: str, phrasings: tuple[str, ...], split: str) -> tuple[str, ...]:
    """Those of `phrasings` that may be said in `split`; where none is reserved, every split says the open ones."""
    from yozora.world.heldout import reserved_phrase

    held = tuple(text for text in phrasings if reserved_phrase(identity(group, text)))
    free = tuple(text for text in phrasings if text not in held)
    assert free or split == "paraphrase", f"every phrasing of {group!r} that fits is reserved; give it one more: {phrasings}"
    return (held or free) if split == "paraphrase" else free


@cache
def identity(group: str, phrasing: str) -> str:
    """What makes a phrasing this one: its group and words, without what may be left out, and one verb for its synonyms.

    Phrasings of one identity can say the same, so they are reserved together or not at all.
    """
    words = SLOT.sub(lambda match: "" if match[1] in OPTIONAL or match[1] == "past" else f"{{{match[1]}}}", phrasing.lstrip("^-"))
    return tidy(f"{group}: {VERB.sub(lambda match: usual_verb(match[2]), words)}")


@cache
def usual_verb(lemma: str) -> str:
    """The first of a group of synonyms; of the first group that has it, if it is a verb of its own."""
    if lemma.isupper():
        return VERBS[lemma][0]
    return next((group[0] for group in VERBS.values() if lemma in group), lemma)


def usable(phrasings: tuple[str, ...], slots: Slots, mood: str) -> tuple[str, ...]:
    """Those of `phrasings` whose required slots have something to say and whose order suits the mood."""
    barred = "-" if mood in FINITE else "^"
    return tuple(text for text in phrasings if text[0] != barred and all(map(slots.get, required_slots(text))))


@cache
def required_slots(phrasing: str) -> tuple[str, ...]:
    """The slots that a phrasing cannot do without."""
    return tuple(name for name, required in SLOT.findall(phrasing) if required)


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How a clause is spoken: mood, subject and bystanders of one or several, rolling or gliding, chance of an optional slot."""

    mood: str = "present"
    plural: bool = False
    crowd: bool = False
    rolls: bool = True
    detail: float = 0.5


def speak(writer: Writer, phrasing: str, slots: Slots, voice: Voice) -> str:
    """The words of a phrasing, its slots filled and its verbs conjugated."""

    def fill(match: re.Match[str]) -> str:
        name, required = match.groups()
        value = slots.get(name, "")
        said = required or name not in OPTIONAL or writer.chance(1 - (1 - voice.detail) ** (3 if name == "to" else 1))
        if name == "vertical" or not said:
            return ""
        return value if isinstance(value, str) else value()

    def verb(match: re.Match[str]) -> str:
        mark, lemma = match.groups()
        if lemma.isupper():
            lemma = writer.word(VERBS[lemma if voice.rolls else FLAT.get(lemma, lemma)])
        head, _, rest = lemma.partition(" ")
        return " ".join((inflect(head, mark, voice), rest)).strip()

    return tidy(VERB.sub(verb, SLOT.sub(fill, phrasing.lstrip("^-"))))


def inflect(lemma: str, mark: str, voice: Voice) -> str:
    """One verb in the form that its mark and the voice ask for."""
    if mark in ("%", "=", "/"):
        return {"%": progressive(lemma), "=": conjugate(lemma, "en"), "/": lemma}[mark]
    if "*" in mark and voice.mood in ("participle", "bare"):
        return ""
    plural = "2" in mark or (voice.crowd if "&" in mark else voice.plural and not set(mark) & {"1", "~"})
    if voice.mood == "past":
        return conjugate(lemma, "were" if lemma == "be" and plural else "ed")
    if set(mark) & {"~", "*"} or voice.mood == "present":
        return conjugate(lemma, "plural" if plural else "s")
    if voice.mood == "bare":
        return lemma
    being = conjugate(lemma, "ing")
    if voice.mood == "participle" or "+" in mark:
        return being
    return f"{'are' if plural else 'is'} {being}"


def conjugate(lemma: str, form: str) -> str:
    """The `plural`, `s`, `ed`, `en`, `ing` form of an English verb (`were`: the plural past of be)."""
    if form == "were":
        return "were"
    if form == "plural":
        return "are" if lemma == "be" else lemma
    if form == "ing":
        return progressive(lemma)
    index = ("s", "ed", "en").index(form)
    if lemma in IRREGULAR:
        return IRREGULAR[lemma][index]
    if index == 0:
        return lemma + ("es" if re.search(r"(s|x|ch|sh|o)$", lemma) else "s") if not re.search(r"[^aeiou]y$", lemma) else lemma[:-1] + "ies"
    if lemma.endswith("e"):
        return lemma + "d"
    if lemma in DOUBLED:
        return lemma + lemma[-1] + "ed"
    return lemma[:-1] + "ied" if re.search(r"[^aeiou]y$", lemma) else lemma + "ed"


def progressive(lemma: str) -> str:
    """The -ing form of an English verb."""
    if lemma == "be":
        return "being"
    if lemma.endswith("ie"):
        return lemma[:-2] + "ying"
    if lemma.endswith("e") and not lemma.endswith("ee"):
        return lemma[:-1] + "ing"
    return lemma + (lemma[-1] if lemma in DOUBLED else "") + "ing"


def forms(lemma: str) -> frozenset[str]:
    """Every form of a verb that a clause can take."""
    verb = {lemma, *(conjugate(lemma, form) for form in ("plural", "s", "ed", "ing"))}
    return frozenset(verb | ({"were"} if lemma == "be" else set()))


def article(phrase: str) -> str:
    """A noun phrase with its indefinite article."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def join(parts: list[str]) -> str:
    """A list in words: "one", "one and two", "one, two and three"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def tidy(text: str) -> str:
    """Single spaces, and no space or doubled mark before a comma or full stop."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" ([,.])", r"\1", text)
    return re.sub(r"[,.]+([,.])", r"\1", text).rstrip(" ,").lstrip()


def literals(phrasing: str) -> frozenset[str]:
    """The words that a phrasing itself can put in a caption, its verbs in all their forms."""
    words = set(re.findall(r"[a-z]+", VERB.sub(" ", SLOT.sub(" ", phrasing))))
    for mark, lemma in VERB.findall(phrasing):
        for verb in VERBS[lemma] + VERBS.get(FLAT.get(lemma, ""), ()) if lemma.isupper() else (lemma,):
            head, _, rest = verb.partition(" ")
            fixed = {"%": {progressive(head)}, "=": {conjugate(head, "en")}, "/": {head}}
            words |= fixed.get(mark, forms(head)) | set(rest.split())
    return frozenset(words)
