"""Averages of weights whose length is chosen after the training (post-hoc EMA, arXiv:2312.02696, sections 3.1 and 3.2).

Two running averages with power-law profiles are kept at intervals; a combination of these snapshots comes closest to the average of any
other length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from yozora.weights import read_notes, write

WIDTHS = (0.05, 0.10)  # of the profiles that are kept, relative to the length of the training


def power_of(width: float) -> float:
    """The exponent of the profile whose deviation is `width` times the length of the training, between 0.01 and 0.28."""
    low, high = 0.0, 1e4  # the deviation falls as the exponent rises
    for _ in range(200):
        middle = (low + high) / 2
        deviation = ((middle + 1) / ((middle + 2) ** 2 * (middle + 3))) ** 0.5
        low, high = (middle, high) if deviation > width else (low, middle)
    return low


class PowerAverages:
    """The two averages of a run, as flat tables of tensors."""

    def __init__(self, named: Mapping[str, Tensor]):
        self.powers = [power_of(width) for width in WIDTHS]
        self.values = [{name: value.detach().float().clone() for name, value in named.items()} for _ in WIDTHS]

    @torch.no_grad()
    def update(self, named: Mapping[str, Tensor], step: int) -> None:
        """Move towards the weights after step `step`."""
        for power, values in zip(self.powers, self.values, strict=True):
            kept = (1 - 1 / (step + 1)) ** (power + 1)
            latest = [named[name].detach().float() for name in values]
            get_ema_multi_avg_fn(kept)(list(values.values()), latest, step)

    def tensors(self) -> dict[str, Tensor]:
        """Both averages in one table."""
        return {f"{number}/{name}": value for number, values in enumerate(self.values) for name, value in values.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `tensors` gave."""
        for number, values in enumerate(self.values):
            for name, value in values.items():
                value.copy_(tensors[f"{number}/{name}"])

    def snapshot(self, folder: Path, step: int, recipe: str) -> None:
        """Keep both as they are after `step` steps of the run that `recipe` identifies, in 16 bits."""
        folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value.half() for name, value in self.tensors().items()}
        write(kept, folder / f"step-{step:08d}.safetensors", {"recipe": recipe})


@dataclass(frozen=True)
class Snapshots:
    """What a run kept: its files by the number of steps they were written after."""

    files: dict[int, Path]

    @classmethod
    def of(cls, folder: Path) -> "Snapshots":
        """Those in a folder; raises ValueError where there is none, or where they are of several runs."""
        files = {int(path.stem.removeprefix("step-")): path for path in sorted(folder.glob("step-*.safetensors"))}
        if not files:
            raise ValueError(f"{folder} has no snapshots of averages; train with a recipe that keeps them")
        if len({read_notes(path).get("recipe") for path in files.values()}) > 1:
            raise ValueError(f"{folder} has snapshots of several runs; remove it and train again")
        return cls(files)

    def average(self, width: float) -> dict[str, Tensor]:
        """The weights averaged over a stretch of relative width `width` at the end of the run."""
        steps = sorted(self.files)
        stops = np.repeat(np.array(steps, float), len(WIDTHS))
        powers = np.tile([power_of(one) for one in WIDTHS], len(steps))
        shares = solved(stops, powers, float(steps[-1]), power_of(width)).reshape(len(steps), len(WIDTHS))
        found: dict[str, Tensor] = {}
        for step, row in zip(steps, shares, strict=True):
            for name, value in load_file(self.files[step]).items():
                number, _, own = name.partition("/")
                part = value.float() * float(row[int(number)])
                found[own] = found[own] + part if own in found else part
        return found


def solved(stops: Float[np.ndarray, " kept"], powers: Float[np.ndarray, " kept"], stop: float, power: float) -> Float[np.ndarray, " kept"]:
    """The shares of kept profiles that together come nearest to another, and add up to 1."""
    among = product(stops[:, None], powers[:, None], stops[None], powers[None])
    toward = product(stops, powers, np.full_like(stops, stop), np.full_like(powers, power))
    shares = np.linalg.lstsq(among, toward, rcond=1e-10)[0]
    return shares / shares.sum()


def product(stop: np.ndarray, power: np.ndarray, other: np.ndarray, its: np.ndarray) -> np.ndarray:
    """The integral of the product of two profiles `(power + 1) * time ** power / stop ** (power + 1)`, each up to its stop."""
    ratio = np.minimum(stop, other) / np.maximum(stop, other)
    earlier = np.where(stop < other, its, power)  # the exponent of the profile that ends later
    return (power + 1) * (its + 1) * ratio**earlier / ((power + its + 1) * np.maximum(stop, other))
