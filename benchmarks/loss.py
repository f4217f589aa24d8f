"""The training loss of models on clips that no run has seen, each on the same noise: `python benchmarks/loss.py MODEL MODEL`."""

from typing import Annotated

import torch
import typer

from yozora import command
from yozora.model import load
from yozora.plan import choose_device
from yozora.recipes import further
from yozora.train.held import losses, mean


def main(
    names: Annotated[list[str], typer.Argument(metavar="MODEL...", help="bundled models or models' folders, with the same VAE")],
    steps: Annotated[int, typer.Option(min=1, help="batches of about 8,000 tokens")] = 24,
) -> None:
    """Print the mean loss of each model by kind of clip and level of noise, and its difference from the first one's."""
    models = [load(name, choose_device(), torch.float32) for name in names]
    found = losses(models, further.recipe(), steps, lambda line: typer.echo(line, err=True))
    for name in found[0][0]:
        line = f"{name:>16}  {mean(found[0], name)[0]:.4f}"
        for one in found[1:]:
            apart, error = mean(one, name, found[0])
            line += f"  {mean(one, name)[0]:.4f} ({apart:+.4f} +- {error:.4f})"
        typer.echo(line)


if __name__ == "__main__":
    command.run(main)
