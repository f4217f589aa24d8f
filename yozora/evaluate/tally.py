"""What a sampler of scenes draws, counted: how much of each thing, which combinations, and after how many clips they were seen."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product

import numpy as np

from yozora.world.heldout import combinations, domain, held_changes, held_pairs, held_triples, reserved, triples
from yozora.world.scene import CHANGES, COLOURS, Scene
from yozora.world.words import caption

Sampler = Callable[[int], Scene]
TRIPLE, CHANGED, FORM, TEMPLATE = "colour-shape-motion", "colour-shape-change", "form", "template"
LENGTHS = ("short", "sentence", "full")


@dataclass
class Tally:
    """Counts over scenes. `first` has the number of the clip, from 1 on, in which each combination or template was first seen."""

    clips: int = 0
    held: int = 0  # scenes that hold something reserved
    traits: dict[str, Counter] = field(default_factory=dict)
    words: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in LENGTHS})
    texts: Counter = field(default_factory=Counter)
    first: dict[str, dict[tuple, int]] = field(default_factory=dict)
    whole: Counter = field(default_factory=Counter)  # scenes by all that is discrete in them
    acted: Counter = field(default_factory=Counter)  # the same without camera, floor, light and style

    def add(self, scene: Scene, seed: int) -> None:
        """Count one more scene."""
        self.clips += 1
        self.held += bool(reserved(scene))
        for name, values in traits(scene).items():
            self.traits.setdefault(name, Counter()).update(values)
        said = caption(scene, seed)
        for name in LENGTHS:
            self.words[name].append(len(getattr(said, name).split()))
        self.texts[said.sentence] += 1
        for name, found in kept(scene).items():
            known = self.first.setdefault(name, {})
            known.update({one: self.clips for one in found if one not in known})
        acted = tuple(discrete(asdict(part)) for part in (*scene.objects, *scene.events))
        self.acted[acted] += 1
        self.whole[acted, discrete(asdict(scene.camera)), scene.floor.kind, scene.light.time, scene.style] += 1

    @property
    def pairs(self) -> list[str]:
        """The names of the pairs of which there are any."""
        return [name for name, found in self.first.items() if found and name not in (TRIPLE, CHANGED, FORM, TEMPLATE)]

    @property
    def triples(self) -> list[str]:
        """The names of the triples of which there are any."""
        return [name for name in (TRIPLE, CHANGED) if self.first.get(name)]


def tally(sampler: Sampler, seeds: Iterable[int]) -> Tally:
    """Count the scenes of some seeds."""
    counted = Tally()
    for seed in seeds:
        counted.add(sampler(seed), seed)
    return counted


def traits(scene: Scene) -> dict[str, list[str]]:
    """Everything of a scene that has a name; what there can be several of is counted each time."""
    return {
        "family": [scene.family],
        "objects": [str(len(scene.objects))],
        "colour": [body.colour for body in scene.objects],
        "shape": [body.shape for body in scene.objects],
        "size": [body.size for body in scene.objects],
        "material": [body.material for body in scene.objects],
        "motion": [event.kind for event in scene.events],
        "direction": [event.direction for event in scene.events],
        "camera": [f"{scene.camera.kind} {scene.camera.direction}".removesuffix(" none")],
        "floor": [scene.floor.kind],
        "light": [scene.light.time],
        "style": [scene.style],
    }


def kept(scene: Scene) -> dict[str, set]:
    """Pairs, triples and templates of a scene by their names."""
    bodies = tuple(sorted((body.shape, body.colour) for body in scene.objects))
    templates = {FORM: {(scene.family, tuple(shape for shape, _ in bodies))}, TEMPLATE: {(scene.family, bodies)}}
    acted = triples(scene)
    changes = {one for one in acted if one[2] in CHANGES}
    return {**combinations(scene), TRIPLE: acted - changes, CHANGED: changes, **templates}


def discrete(values: Mapping) -> tuple:
    """What is no measured quantity."""
    return tuple(value for value in values.values() if not isinstance(value, float))


def trainable(name: str) -> tuple[set[tuple], set[tuple]]:
    """All combinations of that name that can occur, and those that may be trained on."""
    if name not in (TRIPLE, CHANGED):
        return set(domain(name)), set(domain(name)) - held_pairs(name)
    what = name.split("-")[2]
    pairs = {kind: trainable(kind)[1] for kind in ("colour-shape", f"shape-{what}", f"colour-{what}")}
    possible = {(colour, shape, kind) for colour, (shape, kind) in product(COLOURS, domain(f"shape-{what}"))}
    possible = {one for one in possible if (one[0], one[2]) in domain(f"colour-{what}")}
    free = possible - held_triples() - held_changes()
    for name, pair in zip(pairs, (slice(2), slice(1, 3), slice(0, 3, 2)), strict=True):
        free = {one for one in free if one[pair] in pairs[name]}
    return possible, free


def coverage(counted: Tally, others: Sequence[Scene], clips: int) -> dict[str, float]:
    """After so many clips: the share of trainable pairs and triples that were seen, and of other clips whose form or template was."""

    def seen(name: str, one: tuple) -> bool:
        return counted.first[name].get(one, clips + 1) <= clips

    pairs = [(name, one) for name in counted.pairs for one in trainable(name)[1]]
    threes = [(name, one) for name in counted.triples for one in trainable(name)[1]]
    known = [kept(scene) for scene in others]
    found = {"pairs": [seen(*one) for one in pairs], "triples": [seen(*one) for one in threes]}
    found |= {name: [seen(name, one) for these in known for one in these[name]] for name in (FORM, TEMPLATE)}
    return {name: float(np.mean(values)) for name, values in found.items()}


def steps(clips: int) -> list[int]:
    """10, 30, 100, ... and the number of all clips."""
    return [value for power in range(1, 9) for value in (10**power, 3 * 10**power) if value < clips] + [clips]


def twins(counter: Counter) -> float:
    """The share of what was counted that is not alone."""
    return sum(number for number in counter.values() if number > 1) / counter.total()
