"""Clips made while the training goes on: simulated by worker processes, filmed and encoded on the training device."""

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import torch

from yozora.train.clips import ClipShape, FilmMaker, as_block, develop, shoot
from yozora.train.draws import numpy_generator
from yozora.train.generator import Clip
from yozora.train.latents import PLACED, clip_of, encode_clips
from yozora.train.pool import KILLED, Block
from yozora.vae import VideoVAE
from yozora.world.take import Take
from yozora.world.words import Captions


@dataclass(frozen=True, kw_only=True)
class Window:
    """Of an endless row of blocks of clips, a step sees `width` neighbours; every `every` steps the oldest makes room for a new one.

    `block` clips, a multiple of PLACED, make a block; `ahead` blocks are simulated in advance.
    """

    width: int
    block: int
    every: int
    ahead: int

    def seen(self, step: int) -> range:
        """Numbers of the blocks that step `step` picks from."""
        first = step // self.every
        return range(first, first + self.width)


class FreshClips:
    """A source whose clips are a pure function of the step, so that a run resumed anywhere sees the same ones."""

    def __init__(self, vae: VideoVAE, patch: tuple[int, int, int], makers: Iterable[FilmMaker], window: Window, workers: int):
        assert window.block % PLACED == 0
        self.vae, self.patch, self.window, self.device = vae, patch, window, next(vae.parameters()).device
        self.makers = {maker.shape.name: maker for maker in makers}
        self.blocks: dict[tuple[str, int], Block] = {}
        self.shot: dict[tuple[str, int], Future[list[tuple[Take, Captions]]]] = {}
        context = multiprocessing.get_context("spawn")
        self.workers = ProcessPoolExecutor(workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,))

    def __call__(self, step: int, group: int, shape: ClipShape, count: int) -> list[Clip]:
        """Clips of group `group` of a step, picked from the window."""
        seen = self.window.seen(step)
        self._order(shape, range(seen.start, seen.stop + self.window.ahead))
        for number in seen:
            if (shape.name, number) not in self.blocks:
                self.blocks[shape.name, number] = self._develop(shape, number)
        for name, number in [key for key in self.blocks if key[0] == shape.name and key[1] < seen.start]:
            del self.blocks[name, number]
        for key in [key for key in self.shot if key[0] == shape.name and key[1] < seen.start]:
            self.shot.pop(key).cancel()
        rng = numpy_generator(self.makers[shape.name].seed, step, group, "pick")
        where = zip(rng.integers(seen.start, seen.stop, size=count), rng.integers(self.window.block, size=count), strict=True)
        return [clip_of(*self.blocks[shape.name, int(number)], int(index)) for number, index in where]

    def close(self) -> None:
        """Stop the workers; what they were to simulate ahead is dropped."""
        self.workers.shutdown(cancel_futures=True)

    def _order(self, shape: ClipShape, numbers: range) -> None:
        maker = self.makers[shape.name]
        for number in numbers:
            key = shape.name, number
            if key not in self.blocks and key not in self.shot:
                self.shot[key] = self.workers.submit(shoot_all, maker.seed, self._clips(number), shape, maker.fps)

    def _develop(self, shape: ClipShape, number: int) -> Block:
        maker, numbers = self.makers[shape.name], self._clips(number)
        try:
            shots = self.shot.pop((shape.name, number)).result()
        except BrokenProcessPool as error:
            raise ValueError(f"{KILLED}; run the same command again: it goes on from the last state") from error
        pixels, words = as_block(develop(maker.seed, numbers, shots, shape, self.device))
        return encode_clips(self.vae, maker, numbers, pixels, self.patch), words

    def _clips(self, number: int) -> range:
        return range(number * self.window.block, (number + 1) * self.window.block)


def shoot_all(seed: int, numbers: Iterable[int], shape: ClipShape, fps: float) -> list[tuple[Take, Captions]]:
    """Simulate several clips; runs in a worker process."""
    return [shoot(seed, number, shape, fps) for number in numbers]
