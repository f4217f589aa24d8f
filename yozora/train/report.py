"""What a run says: a line with the time left, rows of JSON, and TensorBoard where it is installed."""

import importlib.util
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from yozora.video import Video

SECONDS = 10  # between two lines


@dataclass(frozen=True)
class Gallery:
    """What a network can do so far: a strip of frames for each thing that was asked of it."""

    sheet: Video
    captions: tuple[str, ...]


class Reporter:
    """Collects the numbers of each step on their device and fetches their means a few times a minute."""

    def __init__(self, folder: Path, first: int, steps: int, origin: str, say: Callable[[str], None]):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.first, self.steps, self.say = folder, first, steps, say
        self.rows = (folder / "log.jsonl").open("a", encoding="utf-8")
        self.board = _board(folder, say)
        self.sums: dict[str, list[Tensor]] = {}
        self.began = self.spoke = time.monotonic()
        self._note({"step": first, "of": steps, "torch": torch.__version__, "from": origin})

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, *_: object) -> None:
        self.rows.close()
        if self.board:
            self.board.close()

    def add(self, network: str, parts: dict[str, Tensor]) -> None:
        """Note the numbers of one update."""
        for name, value in parts.items():
            self.sums.setdefault(f"{network}/{name}", []).append(value.detach())

    def show(self, step: int, gallery: Gallery) -> None:
        """Keep a gallery as a picture, in the rows of JSON by its name, and on the board."""
        name = f"step-{step:08d}.png"
        gallery.sheet.save(self.folder / name)
        self._note({"step": step, "picture": name, "captions": gallery.captions})
        if self.board:
            self.board.add_image("gallery", gallery.sheet.frames[0], step, dataformats="HWC")

    def step(self, step: int) -> None:
        """End a step; now and then say where the run stands."""
        now = time.monotonic()
        if now - self.spoke < SECONDS and step + 1 < self.steps and step > self.first:
            return
        self.spoke = now
        means = {name: torch.stack(values).float().nanmean().item() for name, values in self.sums.items()}
        self.sums.clear()
        seconds = (now - self.began) / (step + 1 - self.first)
        finite = {name: round(value, 5) for name, value in means.items() if math.isfinite(value)}  # a bin that was empty is left out
        left = seconds * (self.steps - step - 1)
        self._note({"step": step + 1, "seconds": round(now - self.began, 1), "seconds left": round(left), **finite})
        for name, value in means.items():
            if self.board:
                self.board.add_scalar(name, value, step + 1)
        brief = "  ".join(f"{name} {value:.4f}" for name, value in means.items() if "/loss" in name)
        self.say(f"step {step + 1}/{self.steps}  {brief}  {seconds:.2f} s/step  {left / 60:.1f} min left")

    def _note(self, row: dict) -> None:
        self.rows.write(json.dumps(row) + "\n")
        self.rows.flush()


def _board(folder: Path, say: Callable[[str], None]):
    if importlib.util.find_spec("tensorboard") is None:
        say("TensorBoard is not installed: curves go to log.jsonl only (pip install 'yozora[train]')")
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
