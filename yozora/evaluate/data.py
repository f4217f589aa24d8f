"""What the training sampler draws: `python -m yozora.evaluate.data --clips 20000 --out docs` writes the data card.

It counts what there is of each thing, which combinations there are of those that may be, and how many clips it takes to see them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from yozora.evaluate.plot import curves
from yozora.evaluate.report import wilson
from yozora.world.heldout import combinations, domain, held_pairs, held_triples, reserved, triples
from yozora.world.sample import sample
from yozora.world.scene import COLOURS, Scene
from yozora.world.words import caption

Sampler = Callable[[int], Scene]
TRIPLE, FORM, TEMPLATE = "colour-shape-motion", "form", "template"
LENGTHS = ("short", "sentence", "full")
OTHERS = 50_000_000  # the first seed of the clips by which it is told how much of what comes next is known
OTHER_CLIPS = 2000
LABELS = {"pairs": "trainable pairs", "triples": "trainable triples", FORM: "forms of other clips", TEMPLATE: "templates of other clips"}


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
        return [name for name, found in self.first.items() if found and name not in (TRIPLE, FORM, TEMPLATE)]


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
    return {**combinations(scene), TRIPLE: triples(scene), **templates}


def discrete(values: Mapping) -> tuple:
    """What is no measured quantity."""
    return tuple(value for value in values.values() if not isinstance(value, float))


def trainable(name: str) -> tuple[set[tuple], set[tuple]]:
    """All combinations of that name that can occur, and those that may be trained on."""
    if name != TRIPLE:
        return set(domain(name)), set(domain(name)) - held_pairs(name)
    possible = {(colour, shape, kind) for colour, (shape, kind) in product(COLOURS, domain("shape-motion"))}
    free = {name: trainable(name)[1] for name in ("colour-shape", "shape-motion", "colour-motion")}
    return possible, {
        (colour, shape, kind)
        for colour, shape, kind in possible - held_triples()
        if (colour, shape) in free["colour-shape"] and (shape, kind) in free["shape-motion"] and (colour, kind) in free["colour-motion"]
    }


def coverage(counted: Tally, others: Sequence[Scene], clips: int) -> dict[str, float]:
    """After so many clips: the share of trainable pairs and triples that were seen, and of other clips whose form or template was."""

    def seen(name: str, one: tuple) -> bool:
        return counted.first[name].get(one, clips + 1) <= clips

    pairs = [(name, one) for name in counted.pairs for one in trainable(name)[1]]
    threes = [(TRIPLE, one) for one in trainable(TRIPLE)[1]]
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


def card(sampler: Sampler, clips: int, seed: int, name: str) -> tuple[str, str]:
    """The data card as Markdown, and its plot, which is shown under `name`, as SVG."""
    counted = tally(sampler, range(seed, seed + clips))
    others = [sampler(OTHERS + index) for index in range(OTHER_CLIPS)]
    shares = {number: coverage(counted, others, number) for number in steps(clips)}
    plot = curves(
        {label: [(n, share[key]) for n, share in shares.items()] for key, label in LABELS.items()}, "clips", "share that has been seen"
    )
    text = PAGE.format(
        clips=f"{clips:,}",
        first=seed,
        last=f"{seed + clips - 1:,}",
        others=f"{OTHER_CLIPS:,}",
        seed=f"{OTHERS:,}",
        command=f"python -m yozora.evaluate.data --clips {clips} --seed {seed} --out docs",
        held=counted.held,
        bound=f"{100 * wilson(counted.held, clips)[1]:.2g}",
        threes=len(held_triples()),
        coverage=coverage_table(counted, shares),
        plot=name,
        combinations=combination_table(counted),
        traits=trait_table(counted),
        words=word_table(counted),
        repeated=f"{100 * twins(counted.texts):.1f}",
        whole=f"{100 * twins(counted.whole):.2f}",
        acted=f"{100 * twins(counted.acted):.1f}",
    )
    return text, plot


def coverage_table(counted: Tally, shares: Mapping[int, Mapping[str, float]]) -> str:
    """What has been seen after so many clips."""
    lines = [f"| clips | {' | '.join(LABELS.values())} | distinct forms | distinct templates |", "|---" * (len(LABELS) + 3) + "|"]
    for clips, share in shares.items():
        distinct = [sum(first <= clips for first in counted.first[name].values()) for name in (FORM, TEMPLATE)]
        lines.append(f"| {clips:,} | {' | '.join(f'{100 * share[key]:.1f} %' for key in LABELS)} | {distinct[0]:,} | {distinct[1]:,} |")
    return "\n".join(lines)


def combination_table(counted: Tally) -> str:
    """How many combinations there are, may be trained on, and were seen."""
    lines = ["| combination | possible | held out | trainable | seen | not seen |", "|---|---|---|---|---|---|"]
    for name in (*counted.pairs, TRIPLE):
        possible, free = trainable(name)
        missing = sorted(free - set(counted.first[name]))
        named = ", ".join(" ".join(one) for one in missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
        seen = len(free) - len(missing)
        lines.append(f"| {name} | {len(possible)} | {len(possible) - len(free)} | {len(free)} | {seen} | {named or '-'} |")
    return "\n".join(lines)


def trait_table(counted: Tally) -> str:
    """How often each value of each trait was drawn."""
    lines = ["| trait | values, with their shares in percent |", "|---|---|"]
    for name, counter in counted.traits.items():
        values = sorted(counter.items()) if name == "objects" else counter.most_common()
        lines.append(f"| {name} | {', '.join(f'{value} {100 * number / counter.total():.1f}' for value, number in values)} |")
    return "\n".join(lines)


def word_table(counted: Tally) -> str:
    """Lengths of captions."""
    lines = ["| caption | mean | 5 % | half | 95 % | longest |", "|---|---|---|---|---|---|"]
    for name, numbers in counted.words.items():
        few, half, many = np.quantile(numbers, (0.05, 0.5, 0.95))
        lines.append(f"| {name} | {np.mean(numbers):.1f} | {few:.0f} | {half:.0f} | {many:.0f} | {max(numbers)} |")
    return "\n".join(lines)


PAGE = """# The training data

Made by `{command}`; do not edit.
It counts what the sampler of the [physics world](world.md) draws for training: {clips} scenes of the split `train`, seeds {first}
to {last}, nothing left out, and the captions of the same seeds.

**{held} of {clips} scenes hold anything that is reserved** (at most {bound} % of all, with 95 % confidence).

## Coverage over the number of clips

What generalises is the number of combinations, not of clips: in [Kang et al. 2024](https://arxiv.org/abs/2411.02385) implausible
videos fall from 67 % to 10 % as the templates of training go from 6 to 60. Here a form is the family and the shapes of a scene, a
template also says the colour of each. How much of what may come is known after so many clips is told by {others} other ones, from
seed {seed} on: the share whose form or template has been seen.

{coverage}

![Shares over clips]({plot})

## Combinations

Pairs and triples as in `heldout.py`. {threes} triples are held out themselves, the others because of a pair that they hold. A pair
that may be trained on is never seen if all that could bring it about is held out.

{combinations}

## What is drawn

Shares of scenes; of objects for colour, shape, size and material; of events for motion and direction.

{traits}

## Captions

Lengths in words; {repeated} % of the sentences are those of another clip too.

{words}

## Duplicates

{whole} % of the scenes are equal to another one in all that is discrete: every object's shape, colour, size and material, every
event's kind, direction, actor and target, the camera's kind and direction, floor, light and style. Without camera, floor, light and
style {acted} % are. Places, speeds, angles, tones and the pattern of the floor differ even then.
"""


def main(
    clips: Annotated[int, typer.Option(min=10, help="scenes to count")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="seed of the first")] = 0,
    out: Annotated[Path, typer.Option(help="folder of data-card.md and its plot")] = Path("docs"),
) -> None:
    """Write the data card of the training sampler."""
    out.mkdir(parents=True, exist_ok=True)
    page, plot = card(sample, clips, seed, "data-coverage.svg")
    (out / "data-card.md").write_text(page, encoding="utf-8")
    (out / "data-coverage.svg").write_text(plot, encoding="utf-8")
    typer.echo(out / "data-card.md")


if __name__ == "__main__":
    typer.run(main)
