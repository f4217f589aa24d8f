"""How long an average of the weights is best: `python benchmarks/averages.py MODEL --run FOLDER`, of a run that keeps snapshots.

Each length is tried in the model's place on clips that no run has seen, all on the same noise.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from yozora import command
from yozora.model import Model, load, save
from yozora.plan import choose_device
from yozora.recipes import further
from yozora.train.held import losses, mean
from yozora.train.posthoc import Snapshots

LENGTHS = (0.05, 0.1, 0.15, 0.2, 0.25)  # relative to that of the training


def main(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="the model that the run made")],
    run: Annotated[Path, typer.Option(help="its folder, with `averages` in it")],
    steps: Annotated[int, typer.Option(min=2, help="batches of about 8,000 tokens")] = 24,
    out: Annotated[Path | None, typer.Option(help="where the best model goes")] = None,
) -> None:
    """Print the loss of each length beside that of the model, and keep the best."""
    model = load(name, choose_device(), torch.float32)
    models = [model, *(with_average(name, run / "averages", length) for length in LENGTHS)]
    found = losses(models, further.recipe(), steps, lambda line: typer.echo(line, err=True))
    for length, batches in zip(("as it is", *LENGTHS), found, strict=True):
        apart, error = mean(batches, "loss", found[0])
        typer.echo(f"{length!s:>8}  {mean(batches, 'loss')[0]:.4f} ({apart:+.4f} +- {error:.4f})")
    best = min(range(len(models)), key=lambda number: mean(found[number], "loss")[0])
    if out:
        save(models[best], out)


def with_average(name: str, folder: Path, length: float) -> Model:
    """The model with weights averaged over another length."""
    model = load(name, choose_device(), torch.float32)
    weights = Snapshots.of(folder).average(length)
    for part in ("text", "transformer"):
        network = getattr(model, part)
        network.load_state_dict({key: weights[f"generator/{part}.{key}"].to(value.device) for key, value in network.state_dict().items()})
    return replace(model, student=None)


if __name__ == "__main__":
    command.run(main)
