"""More compute makes better clips: `python -m yozora.recipes.claims.scaling`.

One network, one seed, three lengths of training from random weights: once, four times and thirty-two times the compute.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
import typer

from yozora import command
from yozora.evaluate.plot import curves
from yozora.evaluate.world import Exam
from yozora.model import Model, load
from yozora.recipes import further
from yozora.recipes.claims import trial
from yozora.recipes.claims.trial import PAGES, Folder, Out, Page, echo, held, measure, small, train, write

TIMES = (1, 4, 32)
NAME = "scaling"  # of the page, its cases and their records
CASES, OPERATIONS = "cases", "operations, loss"  # among the numbers of the page: how many cases, and of each run
TEXT = """`python -m yozora.recipes.claims.scaling --steps {steps} --cases {cases}`

The report on Sora showed clips of one prompt at base compute, four times and thirty-two times as much. Here the bundled
model's generator ({parameters:.1f} M parameters) is trained from random weights on the clips of the recipe `further` in {steps} steps
of about {tokens:,} tokens, and in 4 and 32 times as many: one seed, the same clips, each run with its own warm-up, opening of stills
and decay. Operations are estimated as 6 for each parameter and token. The loss is the mean over {batches} batches of clips that no
run has seen, in brackets how far it is from the first run's on the same clips and noise, with the standard error of that.

| compute | steps | operations | loss on unseen clips |
|---|---|---|---|
{losses}

![loss on unseen clips by compute](scaling-loss.svg)"""


def main(
    steps: Annotated[int, typer.Option(min=5, help="of the shortest run")] = 80,
    cases: Annotated[int, typer.Option(min=1, help="of the world suite, the same for all")] = 40,
    model: Annotated[str, typer.Option("--from", help="whose compression network is used")] = "hoshi",
    folder: Folder = Path("runs/further"),
    out: Out = PAGES,
) -> None:
    """Train at three amounts of compute, measure each on the same unseen clips and cases, and write a page."""
    command.check_folder(out)
    longer = {f"{times}x": steps * times for times in TIMES}
    models = train({name: small(count) for name, count in longer.items()}, folder, model, echo)
    typer.echo(compared(models, longer, Exam(model=model, folder=folder / NAME, seal=NAME), cases, out))


def compared(models: Mapping[str, Path], longer: Mapping[str, int], exam: Exam, cases: int, out: Path) -> Path:
    """Measure models that were trained for so many steps each on the same unseen clips and cases, and write the page."""
    losses = held(models, further.recipe(), echo)
    arms = measure(models, exam, cases)
    network = load(str(next(iter(models.values()))), torch.device("cpu"), torch.float32)
    done = {name: work(network, trial.TOKENS * count) for name, count in longer.items()}
    rows = [f"| {name} | {longer[name]:,} | {done[name]:.1e} | {lost} |" for name, lost in losses.items()]
    kept = {
        "steps": min(longer.values()),
        "cases": cases,
        "parameters": parameters(network) / 1e6,
        "tokens": trial.TOKENS,
        "batches": trial.BATCHES,
    }
    facts = {CASES: cases, OPERATIONS: {name: (done[name], lost.loss) for name, lost in losses.items()}}
    page = write(out, Page(name=NAME, title="Scaling", text=TEXT.format(**kept, losses="\n".join(rows)), facts=facts), arms)
    line = list(facts[OPERATIONS].values())
    plot = curves({"loss": line}, "operations", "loss on unseen clips", 1.1 * max(loss for _, loss in line))
    (out / "scaling-loss.svg").write_text(plot, encoding="utf-8")
    return page


def parameters(model: Model) -> int:
    """How many numbers the generator of a model has: transformer and text encoder."""
    return sum(value.numel() for part in (model.text, model.transformer) for value in part.parameters())


def work(model: Model, tokens: float | int) -> float:
    """Operations to train the generator of a model on so many tokens, about: 6 for each parameter and token."""
    return 6.0 * parameters(model) * tokens


if __name__ == "__main__":
    command.run(main)
