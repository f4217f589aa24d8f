"""The mean of models that went on from the same weights: `python benchmarks/soup.py MODEL MODEL --out FOLDER` (arXiv:2203.05482).

Runs that begin alike and draw other noise err in other ways; the mean of their weights errs less. `python benchmarks/loss.py` tells.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import nn

from yozora import command
from yozora.model import load, save
from yozora.plan import choose_device


def main(
    names: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="bundled models or models' folders; all but weights is of the first")
    ],
    out: Annotated[Path, typer.Option(help="the new model's folder")],
) -> None:
    """Write a model whose text encoder and transformer are the means of those of the models; it has no student."""
    command.check_folder(out)
    first, *others = (load(name, choose_device(), torch.float32) for name in names)
    for name, other in zip(names[1:], others, strict=True):
        same = (first.vae_digest == other.vae_digest, first.own_text.tokenizer.rules.to_str() == other.own_text.tokenizer.rules.to_str())
        if not all(same) or first.transformer.config != other.transformer.config or first.own_text.config != other.own_text.config:
            raise ValueError(f"{name} has another compression network, other words or other sizes than {names[0]}")
    parts = [nn.ModuleDict({"text": model.own_text, "transformer": model.transformer}) for model in (first, *others)]
    states = [part.state_dict() for part in parts]
    parts[0].load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    save(replace(first, student=None), out)
    typer.echo(out)


if __name__ == "__main__":
    command.run(main)
