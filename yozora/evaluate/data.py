"""What the training sampler draws: `python -m yozora.evaluate.data --clips 20000 --out docs` writes the data card.

It shows how much there is of each thing, which combinations there are of those that may be, and how many clips it takes to see them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from yozora import command
from yozora.evaluate.plot import curves
from yozora.evaluate.report import wilson
from yozora.evaluate.tally import CHANGED, FORM, TEMPLATE, TRIPLE, Sampler, Tally, coverage, steps, tally, trainable, twins
from yozora.world.heldout import held_changes, held_triples
from yozora.world.sample import named, sample

OTHERS = 50_000_000  # the first seed of the clips by which it is told how much of what comes next is known
OTHER_CLIPS = 2000
LABELS = {"pairs": "trainable pairs", "triples": "trainable triples", FORM: "forms of other clips", TEMPLATE: "templates of other clips"}


def card(sampler: Sampler, seeds: range, families: str, name: str) -> tuple[str, str]:
    """The data card as Markdown, and its plot, which is shown under `name`, as SVG."""
    counted, clips, held = tally(sampler, seeds), len(seeds), {TRIPLE: held_triples(), CHANGED: held_changes()}
    others = [sampler(OTHERS + index) for index in range(OTHER_CLIPS)]
    shares = {number: coverage(counted, others, number) for number in steps(clips)}
    plot = curves(
        {label: [(n, share[key]) for n, share in shares.items()] for key, label in LABELS.items()}, "clips", "share that has been seen"
    )
    text = PAGE.format(
        clips=f"{clips:,}",
        first=f"{seeds[0]:,}",
        last=f"{seeds[-1]:,}",
        families="" if families == "usual" else f", families {families}",
        others=f"{OTHER_CLIPS:,}",
        seed=f"{OTHERS:,}",
        command=f"python -m yozora.evaluate.data --clips {clips} --seed {seeds[0]}"
        + ("" if families == "usual" else f" --families {families}")
        + " --out docs",
        held=counted.held,
        bound=f"{100 * wilson(counted.held, clips)[1]:.2g}",
        threes=sum(len(held[name]) for name in counted.triples),
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
    for name in (*counted.pairs, *counted.triples):
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
It counts what the sampler of the [physics world](world.md) draws for training: {clips} scenes of the split `train`{families}, seeds {first}
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
    families: Annotated[str, typer.Option(help="usual, every, or names with commas")] = "usual",
    out: Annotated[Path, typer.Option(help="folder of the card and its plot")] = Path("docs"),
) -> None:
    """Write the data card of the training sampler, `data-card.md`, or of some families, whose names stand behind it."""
    drawn = named(families)
    command.check_folder(out)
    ending = "" if families == "usual" else f"-{families.replace(',', '-')}"
    page, plot = card(lambda number: sample(number, "train", drawn), range(seed, seed + clips), families, f"data-coverage{ending}.svg")
    out.mkdir(parents=True, exist_ok=True)
    (out / f"data-card{ending}.md").write_text(page, encoding="utf-8")
    (out / f"data-coverage{ending}.svg").write_text(plot, encoding="utf-8")
    typer.echo(out / f"data-card{ending}.md")


if __name__ == "__main__":
    command.run(main)
