"""Who is on stage, in words: noun phrases for the objects of a scene, first mentions and later ones, one by one and in groups."""

from collections import Counter
from dataclasses import dataclass, field

from yozora.world.grammar import Writer, article, join
from yozora.world.scene import Body, Scene
from yozora.world.words_changes import GRAIN_WORDS, TOWER_WORDS
from yozora.world.words_names import COLOUR_WORDS, MATERIAL_WORDS, NUMBERS, SHAPE_WORDS, SIZE_WORDS, plural

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
DOMINO = "domino"
WORDS = SHAPE_WORDS | COLOUR_WORDS | SIZE_WORDS | MATERIAL_WORDS | {"grain": GRAIN_WORDS, "tower": TOWER_WORDS}


@dataclass(kw_only=True)
class Cast:
    """The names that one caption gives to the objects of a scene; a word once chosen is kept to the caption's end."""

    writer: Writer
    scene: Scene
    sizes: bool  # whether sizes and materials are said
    materials: bool
    nouns: dict[str, str] = field(default_factory=dict)
    met: list[int] = field(default_factory=list)

    def call(self, name: str) -> str:
        """The word for a shape, colour, size or surface; the same throughout a caption."""
        if name not in self.nouns:
            self.nouns[name] = self.writer.word(WORDS[name])
        return self.nouns[name]

    @property
    def grains(self) -> set[int]:
        """The objects that stand for many grains."""
        return {event.actor for event in self.scene.events if event.kind == "pour"}

    def kind(self, index: int) -> tuple[str, ...]:
        """What is said of an object: two objects of one kind cannot be told apart by name."""
        body = self.scene.objects[index]
        return (
            body.colour,
            "grain" if index in self.grains else body.shape,
            body.size if self.sizes else "",
            body.material if self.materials else "",
        )

    def noun(self, index: int, count: int = 1, *, shape: str = "") -> str:
        """The noun phrase of an object without article: "small shiny red ball"."""
        body = self.scene.objects[index]
        if index in self.grains:
            return " ".join((*self.adjectives(body), self.call("grain")))
        shape = shape or self.call(body.shape)
        return " ".join((*self.adjectives(body), shape if count == 1 else plural(shape)))

    def adjectives(self, body: Body) -> tuple[str, ...]:
        """Size, surface and colour in English order; "metal" stands next to the noun, "metallic" before the colour."""
        size = (self.call(body.size),) if self.sizes else ()
        surface = self.call(body.material) if self.materials else ""
        if not surface:
            return (*size, self.call(body.colour))
        pair = (self.call(body.colour), surface) if surface in ("metal", "steel") else (surface, self.call(body.colour))
        return (*size, *pair)

    def first(self, *indices: int) -> str:
        """First mention of objects: "a red ball", "two red balls and a blue cube", "another red ball"."""
        known = Counter(self.kind(index) for index in self.met)
        groups: dict[tuple[str, ...], list[int]] = {}
        for index in indices:
            groups.setdefault(self.kind(index), []).append(index)
        self.met.extend(indices)
        return join([self.group(members, known[kind]) for kind, members in groups.items()])

    def group(self, members: list[int], known: int) -> str:
        """Objects of one kind, of which `known` have been met before."""
        noun = self.noun(members[0], len(members))
        if members[0] in self.grains:
            return noun
        if len(members) > 1:
            return f"{NUMBERS[len(members)]} {'more ' if known else ''}{noun}"
        return f"another {noun}" if known else article(noun)

    def again(self, index: int) -> str:
        """A later mention: "the red ball", "the ball" where there is one, "the second red ball" where there are more."""
        same = [other for other in sorted(self.met, key=self.met.index) if self.brief(other) == self.brief(index)]
        body = self.scene.objects[index]
        if index in self.grains:
            return f"the {self.call(body.colour)} {self.call('grain')}"
        if len(same) > 1:
            return f"the {ORDINALS[same.index(index)]} {' '.join(self.brief(index))}"
        if self.alone(index) and self.writer.chance(0.25):
            return f"the {self.call(body.shape)}"
        return f"the {' '.join(self.brief(index))}"

    def brief(self, index: int) -> tuple[str, str]:
        """Colour and shape, which is all that a later mention repeats."""
        body = self.scene.objects[index]
        return self.call(body.colour), self.call(body.shape)

    def alone(self, index: int) -> bool:
        """Whether no other object has this shape."""
        return sum(body.shape == self.scene.objects[index].shape for body in self.scene.objects) == 1

    def mention(self, index: int) -> str:
        """An object, by first or later mention."""
        return self.again(index) if index in self.met else self.first(index)

    def tower(self, members: tuple[int, ...]) -> str:
        """A tower of cubes in words, with their number when it is first mentioned."""
        cubes = self.noun(members[0], len(members))
        if set(members) <= set(self.met):
            return f"the {self.call('tower')} of {cubes}"
        self.met.extend(members)
        return f"a {self.call('tower')} of {NUMBERS[len(members)]} {cubes}"

    def row(self, members: tuple[int, ...]) -> tuple[str, bool]:
        """A row of dominoes in words, and whether it takes the plural."""
        shape = DOMINO if self.writer.chance(0.4) else self.call("cube")
        number, noun = NUMBERS[len(members)], self.noun(members[0], len(members), shape=shape)
        if set(members) <= set(self.met):
            return (f"the {number} {noun}", True) if self.writer.chance(0.5) else (f"the row of {noun}", False)
        self.met.extend(members)
        choices = (
            (f"a row of {number} {noun}", False),
            (f"{number} {noun} in a row", True),
            (f"{number} {noun}", True),
            (f"a line of {number} {noun}", False),
        )
        return choices[int(self.writer.rng.integers(len(choices)))]
