"""What a request will take, before it runs: `yozora plan`.

The pipeline itself is run with networks that count what they are asked and answer with zeros, so that windows, drafts, steps and guidance
are those of the run. What was asked is then timed and weighed on networks of the true sizes with random weights, large ones smaller and
in fewer layers, and carried on from there.
"""

import os
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from yozora.forecast.cost import Held, chunk_cost, pass_cost, size_of
from yozora.forecast.counted import CountedTransformer, CountedVAE, counted
from yozora.model import Ways, find, habits_of, readers_of, sizes_of, vae_sizes_of
from yozora.order import Order, prepare
from yozora.pipeline import largest_window, meet
from yozora.plan import CPU, Room, TooLarge, affordable, choose_device, memory_free, number_types, weights_needed
from yozora.tasks.request import Request
from yozora.tasks.settings import Settings
from yozora.transformer.model import Transformer
from yozora.vae import VideoVAE
from yozora.vae.tiles import usual_tiling

RUNTIME = 80 << 20  # bytes on a processor beside weights and tensors: what reads files, threads, compiled kernels, the captioner


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the work: what is done how often, for how long in all, and bytes above the weights while it is done."""

    name: str
    calls: int
    seconds: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """All that is foreseen: parameters, bytes of weights, stages, what this process holds without any of it, and what is free.

    `readers` are bytes of what reads words, before the other weights are there, and of what looks at pictures beside them. `alone`:
    the processor computes, and there is no card.
    """

    parameters: dict[str, int]
    weights: Room
    stages: tuple[Stage, ...]
    readers: dict[str, int]
    alone: bool
    base: int
    free: Room
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Of all stages together; loading and reading of words come on top."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def peak(self) -> int:
        """Bytes that the process holds at most, on the device that computes."""
        return max(self.base + self.weights.device + max(stage.memory for stage in self.stages), *self.read().values(), 0)

    def read(self) -> dict[str, int]:
        """Bytes that the process holds while words are read, and while pictures are looked at; on a processor if a card is too small."""
        held = {"words": self.base, "pictures": self.base + self.weights.device}
        found = {name: held[name] + size for name, size in self.readers.items()}
        return {name: size for name, size in found.items() if self.alone or size - self.base <= self.free.device}

    @property
    def fits(self) -> bool:
        """Whether there is room for what comes on top of what the process holds."""
        return self.peak - self.base <= self.free.device and self.weights.beside <= self.free.beside


def forecast(order: Order) -> Forecast:
    """What it takes to carry out an order, by stages, in the dearest way that fits; raises ValueError where none does."""
    found = None
    for ways in affordable(find(order.settings.model), largest_window(order), choose_device()):
        found = forecast_in(order, ways)
        if found.fits:
            break
    assert found, "there is a way, or an error"
    return found


def forecast_in(order: Order, ways: Ways) -> Forecast:
    """The same in one way."""
    folder, device = find(order.settings.model), choose_device()
    habits, config, vae = habits_of(folder), sizes_of(folder), vae_sizes_of(folder)
    dtype, exact = number_types(habits, device)
    if habits.schedule.parts:
        prepare_libraries()
    base = resident() if device.type == "cpu" else 0
    model = counted(habits, config, vae, dtype, exact)
    model.vae.tiling = ways.tiling
    network, pixels = model.transformer, model.vae
    assert isinstance(network, CountedTransformer) and isinstance(pixels, CountedVAE)
    with arrays() as most:
        meet([order.canvas], [0], order.sampling, model)
    asked, chunks = Counter(network.asked), Counter(pixels.asked)
    began = time.perf_counter()
    meet([order.canvas], [0], order.sampling, model)
    stages = [Stage(name="pixels", calls=1, seconds=time.perf_counter() - began, memory=most[0])]
    stages.append(weighed("denoise", asked, lambda one: pass_cost(config, one, dtype, device, ways), most[0]))
    for kind in ("encode", "decode"):
        some = {chunk: calls for (one, chunk), calls in chunks.items() if one == kind}
        if some:
            stages.append(weighed(kind, some, lambda chunk, kind=kind: chunk_cost(vae, kind, chunk, exact, device), most[0]))
    count = order.settings.count
    parameters = {"transformer": size_of(lambda: Transformer(config)), "autoencoder": size_of(lambda: VideoVAE(vae))}
    if habits.boundary:
        parameters["second expert"] = parameters["transformer"]
    weights = weights_needed(config, vae, (dtype, exact), 1 + bool(habits.boundary), ways)
    runtime = RUNTIME if device.type == "cpu" else 0
    return Forecast(
        parameters=parameters,
        weights=replace(weights, device=weights.device + runtime),
        stages=tuple(replace(stage, calls=stage.calls * count, seconds=stage.seconds * count) for stage in stages),
        readers=readers_of(folder, device),
        alone=device.type == "cpu",
        base=base,
        free=Room(device=memory_free(device), beside=memory_free(CPU)),
        notes=tuple(said(order, ways, (dtype, exact), device)),
    )


def prepare_libraries() -> None:
    """Load what reads words for open weights, which takes room of its own."""
    with suppress(ImportError):
        import ftfy  # noqa: F401
        from transformers import UMT5EncoderModel  # noqa: F401


@contextmanager
def arrays() -> Iterator[list[int]]:
    """The most bytes that arrays and tensors take that are made inside the block, as the only number of a list."""
    found = [0]
    tracemalloc.start()
    try:
        with Held() as held:
            yield found
    finally:
        found[0] = tracemalloc.get_traced_memory()[1] + held.peak
        tracemalloc.stop()


def nearest(request: Request, settings: Settings) -> Settings | None:
    """Settings near some that fit by the estimate of `affordable`, with fewer pixels and then fewer frames; None where none do."""
    habits = habits_of(find(settings.model))
    length = settings.frames or round((settings.seconds or habits.seconds) * habits.fps)
    for shrunk in (2, 4, 8, 16, 32, 64):
        width, height = (max(64, round(side / shrunk**0.5 / 2) * 2) for side in settings.size or habits.size)
        for frames in (length, max(1, length // shrunk)):
            smaller = replace(settings, size=(width, height), frames=frames, seconds=None)
            with suppress(TooLarge), warnings.catch_warnings(action="ignore"):
                affordable(find(settings.model), largest_window(prepare(request, smaller)), choose_device())
                return smaller
    return None


def weighed(name: str, asked: dict, cost: Callable[..., tuple[float, int]], kept: int) -> Stage:
    """A stage of all that was asked, each sort measured once."""
    costs = {one: cost(one) for one in asked}
    seconds = sum(costs[one][0] * calls for one, calls in asked.items())
    return Stage(name=name, calls=sum(asked.values()), seconds=seconds, memory=kept + max(memory for _, memory in costs.values()))


def resident() -> int:
    """Bytes of memory that this process holds now."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 300 << 20


def said(order: Order, ways: Ways, dtypes: tuple[torch.dtype, torch.dtype], device: torch.device) -> Iterator[str]:
    """Which ways are taken."""
    numbers, exact = (str(dtype).removeprefix("torch.") for dtype in dtypes)
    yield f"on {device.type} in {numbers}" + ("" if exact == numbers else f", the autoencoder in {exact}")
    yield "transformer's weights in " + ("8 bits (fp8), which changes the clip a little" if ways.eight else "full")
    if device.type != "cpu":
        yield "offloaded to main memory" if ways.away else "all on the card, nothing offloaded"
    tiling = ways.tiling or usual_tiling(largest_window(order))
    yield f"frames decoded in tiles of {tiling.side} cells" if tiling else "frames decoded whole"
