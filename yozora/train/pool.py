"""Clips kept on disk in blocks, made once by worker processes: a cache of a pure function of (seed, number)."""

import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from yozora.weights import write

Block = tuple[dict[str, Tensor], list[dict]]  # tensors with one row a clip, and one JSON value a clip
Maker = Callable[[Sequence[int]], Block]

KILLED = "a process that makes clips was killed, perhaps for want of memory"
PAUSE = 10.0  # seconds between two reports of how far a pool is


@dataclass(frozen=True, kw_only=True)
class Pool:
    """`size` clips in `folder`, `block` to a file; `make` gives the clips of some numbers and must be picklable."""

    folder: Path
    size: int
    block: int
    make: Maker

    def prepare(self, workers: int, report: Callable[[str], None]) -> None:
        """Make the blocks that are missing, on `workers` processes (0: in this one); safe to interrupt."""
        self.folder.mkdir(parents=True, exist_ok=True)
        missing = self.missing()
        began = said = time.monotonic()
        for done, _ in enumerate(self._made(missing, workers), 1):
            now = time.monotonic()
            if done in (1, len(missing)) or now - said > PAUSE:
                said, left = now, (now - began) / done * (len(missing) - done)
                report(f"clips {self.folder.name}: block {done} of {len(missing)}, {left / 60:.1f} min left")

    def missing(self) -> list[int]:
        """The blocks that are still to be made."""
        return [index for index in range(-(-self.size // self.block)) if not self._path(index).exists()]

    def load(self, *names: str) -> Block:
        """All clips of the pool behind one another; the tensors of these names alone, if any are given."""
        tensors: dict[str, list[Tensor]] = {}
        rows: list[dict] = []
        for first in range(0, self.size, self.block):
            found, words = self.block_of(first, *names)
            rows += words
            for name, tensor in found.items():
                tensors.setdefault(name, []).append(tensor)
        return {name: torch.cat(parts) for name, parts in tensors.items()}, rows

    def block_of(self, number: int, *names: str) -> Block:
        """The block that clip `number` is in; the tensors of these names alone, if any are given."""
        with safe_open(self._path(number // self.block), framework="pt") as file:
            return {name: file.get_tensor(name) for name in names or file.keys()}, json.loads(file.metadata()["rows"])

    def _made(self, missing: list[int], workers: int):
        if workers == 0 or len(missing) < 2:
            yield from map(self._make_block, missing)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)) as processes:
            try:
                for future in as_completed([processes.submit(self._make_block, index) for index in missing]):
                    yield future.result()
            except BrokenProcessPool as error:
                raise ValueError(f"{KILLED}; the blocks that are finished are kept: run the same command again") from error

    def _make_block(self, index: int) -> None:
        numbers = range(index * self.block, min((index + 1) * self.block, self.size))
        tensors, rows = self.make(numbers)
        path = self._path(index)
        write(tensors, path, {"rows": json.dumps(rows)})

    def _path(self, index: int) -> Path:
        last = min((index + 1) * self.block, self.size)
        return self.folder / f"{index * self.block:06d}-{last:06d}.safetensors"
