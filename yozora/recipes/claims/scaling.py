"""More compute makes better clips: `python -m yozora.recipes.claims.scaling`.

One network, one seed, three lengths of training from random weights: once, four times and thirty-two times the compute.
"""

from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate.plot import curves
from yozora.evaluate.world import Exam
from yozora.model import load
from yozora.plan import choose_device, choose_dtype
from yozora.recipes import further
from yozora.recipes.claims import trial
from yozora.recipes.claims.trial import PAGES, Folder, Out, echo, measure, small, train, write

TIMES = (1, 4, 32)
TEXT = """`python -m yozora.recipes.claims.scaling --steps {steps} --cases {cases}`

The report on Sora showed clips of one prompt at base compute, four times and thirty-two times as much. Here the bundled
model's generator ({parameters:.1f} M parameters) is trained from random weights by the recipe `further` in {steps} steps of about
2,048 tokens, and in 4 and 32 times as many: the same seed, clips and order, each with its own warm-up and decay.

| compute | steps | FLOPs | loss on unseen clips |
|---|---|---|---|
{losses}

![loss on unseen clips by compute](scaling-loss.svg)"""


def main(
    steps: Annotated[int, typer.Option(min=5, help="of the shortest run")] = 120,
    cases: Annotated[int, typer.Option(min=1, help="of the world suite, the same for all")] = 40,
    model: Annotated[str, typer.Option("--from", help="whose compression network is used")] = "hoshi",
    folder: Folder = Path("runs/further"),
    out: Out = PAGES,
) -> None:
    """Train at three amounts of compute, measure each on the same unseen clips and cases, and write a page."""
    command.check_folder(out)
    base = further.recipe()
    models = train({f"{times}x": small(base, steps * times) for times in TIMES}, folder, model, echo)
    arms = measure(models, Exam(model=model, folder=folder / "scaling", seal="scaling"), cases, base, echo)
    network = load(str(models["1x"]), choose_device(), choose_dtype(choose_device()))
    parameters = sum(value.numel() for part in (network.text, network.transformer) for value in part.parameters())
    work = {name: 6.0 * parameters * trial.TOKENS * steps * times for name, times in zip(arms, TIMES, strict=True)}
    rows = "\n".join(
        f"| {name} | {steps * times:,} | {work[name]:.1e} | {arms[name].loss[0]:.3f} +- {arms[name].loss[1]:.3f} |"
        for name, times in zip(arms, TIMES, strict=True)
    )
    text = TEXT.format(steps=steps, cases=cases, parameters=parameters / 1e6, losses=rows)
    out.mkdir(parents=True, exist_ok=True)
    line = [(work[name], arm.loss[0]) for name, arm in arms.items()]
    most = 1.1 * max(loss for _, loss in line)
    (out / "scaling-loss.svg").write_text(curves({"loss": line}, "operations (FLOPs)", "loss on unseen clips", most), encoding="utf-8")
    typer.echo(write(out, "scaling", "Scaling", text, arms))


if __name__ == "__main__":
    command.run(main)
