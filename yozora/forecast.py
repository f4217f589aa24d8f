"""What a request will take, before it runs: `yozora plan`.

The pipeline itself is run with networks that count what they are asked and answer with zeros, so that windows, drafts, steps and guidance
are those of the run. What was asked is then timed and weighed on networks of the true sizes with random weights, large ones smaller and
in fewer layers, and carried on from there.
"""

import os
import time
import tracemalloc
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from yozora.canvas import Grid
from yozora.model import Habits, Model, find, habits_of, sizes_of, vae_sizes_of
from yozora.patches import Tokens, Words
from yozora.pipeline import Order, meet, prepare
from yozora.plan import choose_device, choose_dtype, memory_free
from yozora.tasks.settings import Settings
from yozora.text import UMT5, PictureEncoder
from yozora.text.umt5 import LENGTH
from yozora.transformer.config import TransformerConfig
from yozora.transformer.model import Beside, Transformer
from yozora.vae import VAEConfig, VideoVAE
from yozora.vae.tiles import Tiling, in_tiles

WHOLE = 60_000_000  # parameters up to which a transformer is timed with all of its layers
PATIENCE = 10.0  # seconds that one pass or chunk may take to be timed at its own size
RUNTIME = 80 << 20  # bytes on a processor beside weights and tensors: what reads files, threads, compiled kernels, the captioner
LONG = 0.3  # seconds over which something is timed
PICTURE = 257  # states of a picture


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the work: what is done how often, for how long in all, and bytes above the weights while it is done."""

    name: str
    calls: int
    seconds: float
    memory: int


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """All that is foreseen: parameters, bytes of weights, stages, and what this process holds without any of it."""

    parameters: dict[str, int]
    weights: int
    stages: tuple[Stage, ...]
    base: int
    free: int
    notes: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Of all stages together; loading and reading of words come on top."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def peak(self) -> int:
        """Bytes that the process holds at most."""
        return self.base + self.weights + max(stage.memory for stage in self.stages)

    @property
    def fits(self) -> bool:
        """Whether there is room for what comes on top of what the process holds."""
        return self.peak - self.base <= self.free


Pass = tuple[tuple[int, ...], tuple[int, ...]]  # tokens of each segment, words of each cue
Chunk = tuple[int, int, int]  # cells, rows, columns of latents that are encoded or decoded at once; 0 cells is the first, of one frame


class CountedTransformer(Transformer):
    """Counts the passes that are asked of it."""

    def __init__(self, config: TransformerConfig, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.config, self.mark = config, nn.Parameter(torch.zeros(1, dtype=dtype))
        self.asked: Counter[Pass] = Counter()

    def forward(self, tokens: Tokens, level: Tensor, words: Words, bypass: None = None, beside: Beside | None = None) -> Tensor:
        self.asked[tokens.lengths, words.lengths] += 1
        return torch.zeros_like(tokens.values)

    def prepare(self, words: Words) -> Words:
        return words

    def look(self, states: Tensor) -> tuple:
        return ()


class CountedVAE(VideoVAE):
    """Counts the chunks that are asked of it."""

    def __init__(self, config: VAEConfig, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.config, self.mark = config, nn.Parameter(torch.zeros(1, dtype=dtype))
        self.asked: Counter[tuple[str, Chunk]] = Counter()

    def encode_chunk(self, frames: Tensor, cache: tuple | None = None) -> tuple[Tensor, tuple]:
        time, height, width = self.config.cell
        cells = 1 if cache is None else frames.shape[2] // time
        sides = (frames.shape[3] // height, frames.shape[4] // width)
        self.asked["encode", (0 if cache is None else cells, *sides)] += 1
        return frames.new_zeros(len(frames), 2 * self.config.channels, cells, *sides), ()

    def decode_chunk(self, latents: Tensor, cache: tuple | None = None) -> tuple[Tensor, tuple]:
        time, height, width = self.config.cell
        cells, rows, columns = latents.shape[2:]
        self.asked["decode", (0 if cache is None else cells, rows, columns)] += 1
        frames = 1 if cache is None else cells * time
        return latents.new_zeros(len(latents), 3, frames, rows * height, columns * width), ()


@dataclass(kw_only=True)
class CountedText(UMT5):
    """Says nothing, at the length that is heard."""

    words: int
    width: int

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, tuple[int, ...]]:
        lengths = tuple(self.words or len(text.split()) + 1 for text in texts)
        return torch.zeros(sum(lengths), self.width), lengths


@dataclass(frozen=True, kw_only=True)
class CountedEyes(PictureEncoder):
    """Sees nothing."""

    width: int

    def look(self, pictures: np.ndarray) -> Tensor:
        return torch.zeros(len(pictures), PICTURE, self.width)


def forecast(order: Order) -> Forecast:
    """What it takes to carry out an order, by stages; raises ValueError where it does not fit, as carrying it out would."""
    folder, device = find(order.settings.model), choose_device()
    dtype, habits, config, vae = choose_dtype(device), habits_of(folder), sizes_of(folder), vae_sizes_of(folder)
    exact = torch.float32 if habits.schedule.parts else dtype  # Wan's autoencoders compute in full precision
    if habits.schedule.parts:
        prepare_libraries()
    base = resident() if device.type == "cpu" else 0
    model = counted(habits, config, vae, dtype, exact)
    network, pixels = model.transformer, model.vae
    assert isinstance(network, CountedTransformer) and isinstance(pixels, CountedVAE)
    with arrays() as most:
        meet([order.canvas], [0], order.sampling, model)
    asked, chunks = Counter(network.asked), Counter(pixels.asked)
    began = time.perf_counter()
    meet([order.canvas], [0], order.sampling, model)
    stages = [Stage(name="pixels", calls=1, seconds=time.perf_counter() - began, memory=most[0])]
    stages.append(weighed("denoise", asked, lambda one: pass_cost(config, one, dtype, device), most[0]))
    for kind in ("encode", "decode"):
        some = {chunk: calls for (one, chunk), calls in chunks.items() if one == kind}
        if some:
            stages.append(weighed(kind, some, lambda chunk, kind=kind: chunk_cost(vae, kind, chunk, exact, device), most[0]))
    count = order.settings.count
    parameters = {"transformer": size_of(lambda: Transformer(config)), "autoencoder": size_of(lambda: VideoVAE(vae))}
    if habits.boundary:
        parameters["second expert"] = parameters["transformer"]
    bytes_each = {name: exact.itemsize if name == "autoencoder" else dtype.itemsize for name in parameters}
    return Forecast(
        parameters=parameters,
        weights=sum(parameters[name] * bytes_each[name] for name in parameters) + (RUNTIME if device.type == "cpu" else 0),
        stages=tuple(replace(stage, calls=stage.calls * count, seconds=stage.seconds * count) for stage in stages),
        base=base,
        free=memory_free(device),
        notes=tuple(said(order, dtype, exact, device, vae)),
    )


def prepare_libraries() -> None:
    """Load what reads words for open weights, which takes room of its own."""
    with suppress(ImportError):
        import ftfy  # noqa: F401
        from transformers import AutoTokenizer, UMT5EncoderModel  # noqa: F401


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


def nearest(order: Order) -> tuple[Settings, Forecast] | None:
    """Settings near an order's that fit the memory, with fewer pixels and then fewer frames, and what they take; None where none do."""
    settings = order.settings
    assert settings.size and settings.frames, "an order leaves nothing open"
    for shrunk in (2, 4, 8, 16):
        width, height = (max(64, round(side / shrunk**0.5 / 2) * 2) for side in settings.size)
        for frames in (settings.frames, max(1, settings.frames // shrunk)):
            smaller = replace(settings, size=(width, height), frames=frames)
            try:
                found = forecast(prepare(order.request, smaller))
            except ValueError:
                continue
            if found.fits:
                return smaller, found
    return None


def counted(habits: Habits, config: TransformerConfig, vae: VAEConfig, dtype: torch.dtype, exact: torch.dtype) -> Model:
    """A model whose parts count."""
    nowhere, cpu = Path(os.devnull), torch.device("cpu")
    words = LENGTH if habits.schedule.parts else 0
    text = CountedText(encoder=nowhere, tokenizer=nowhere, device=cpu, words=words, width=config.text_dim)
    eyes = CountedEyes(encoder=nowhere, processor=nowhere, device=cpu, width=config.picture_dim) if config.picture_dim else None
    networks = {"vae": CountedVAE(vae, exact), "transformer": CountedTransformer(config, dtype)}
    return Model(name="counted", digest="counted", habits=habits, text=text, eyes=eyes, **networks)


def weighed(name: str, asked: dict, cost: Callable[..., tuple[float, int]], kept: int) -> Stage:
    """A stage of all that was asked, each sort measured once."""
    costs = {one: cost(one) for one in asked}
    seconds = sum(costs[one][0] * calls for one, calls in asked.items())
    return Stage(name=name, calls=sum(asked.values()), seconds=seconds, memory=kept + max(memory for _, memory in costs.values()))


def pass_cost(config: TransformerConfig, asked: Pass, dtype: torch.dtype, device: torch.device) -> tuple[float, int]:
    """Seconds and bytes of a pass of a transformer."""
    lengths, cues = asked
    total = sum(lengths)
    layers = config.layers if size_of(lambda: Transformer(config)) <= WHOLE else 2

    def measured(tokens: int, layers: int) -> tuple[float, int]:
        share = tokens / total
        parts = [max(1, round(length * share)) for length in lengths]
        return measure(a_pass(replace(config, layers=layers), parts, cues, dtype, device))

    def whole(tokens: int) -> tuple[float, int]:
        seconds, memory = measured(tokens, layers)
        if layers == config.layers:
            return seconds, memory
        return seconds + (config.layers - layers) * (seconds - measured(tokens, 1)[0]), memory

    return carried_on(whole, total, 2)


def a_pass(
    config: TransformerConfig, lengths: Sequence[int], cues: Sequence[int], dtype: torch.dtype, device: torch.device
) -> Callable[[], object]:
    """A pass of a transformer with random weights, its words prepared."""
    network, count = Transformer(config).to(device, dtype).eval(), sum(lengths)
    places = torch.arange(count, device=device)
    coordinates = torch.stack([places // 256, places // 16 % 16, places % 16], dim=1)
    tokens = Tokens(values=torch.randn(count, config.token_channels, device=device), coordinates=coordinates, lengths=tuple(lengths))
    spoken = tuple(cues[min(index, len(cues) - 1)] for index in range(len(lengths)))
    words = Words(states=torch.randn(sum(spoken), config.text_dim, device=device), lengths=spoken, tokens=tuple(lengths))
    level, heard = torch.full((count,), 0.5, device=device), None
    with torch.inference_mode():
        words = network.prepare(words)
        if config.given:
            given = torch.randn(count, config.embedded_channels - config.token_channels, device=device)
            states = config.places or PICTURE
            seen = network.look(torch.randn(1, states, config.picture_dim, device=device)) if config.picture_dim else ()
            heard = Beside(given=given[:0], pictures=seen, lengths=(states,) if seen else ()).repeated(len(lengths))
            heard = replace(heard, given=given)
    return lambda: network(tokens, level, words, beside=heard)


def chunk_cost(config: VAEConfig, kind: str, chunk: Chunk, dtype: torch.dtype, device: torch.device) -> tuple[float, int]:
    """Seconds and bytes of encoding or decoding a chunk that is not the first."""
    cells, rows, columns = chunk
    vae = VideoVAE(config).to(device, dtype).eval()

    def measured(area: int) -> tuple[float, int]:
        share = (area / (rows * columns)) ** 0.5
        height, width = max(1, round(rows * share)), max(1, round(columns * share))
        work, past = a_chunk(vae, kind, (cells, height, width), dtype, device)
        seconds, memory = measure(work)
        return seconds, memory + past

    return carried_on(measured, rows * columns, 1)


def a_chunk(vae: VideoVAE, kind: str, chunk: Chunk, dtype: torch.dtype, device: torch.device) -> tuple[Callable[[], object], int]:
    """Encoding or decoding of a chunk by an autoencoder with random weights, and the bytes of what is remembered of the one before."""
    time, height, width = vae.config.cell
    cells, rows, columns = chunk
    first, past = cells == 0, None
    with torch.inference_mode():
        if kind == "decode":
            given = torch.randn(1, vae.config.channels, max(1, cells), rows, columns, device=device, dtype=dtype)
            step = vae.decode_chunk
        else:
            given = torch.randn(1, 3, max(1, cells * time), rows * height, columns * width, device=device, dtype=dtype)
            step = vae.encode_chunk
        if not first:
            _, past = step(given[:, :, :1])
    kept = sum(one.untyped_storage().nbytes() for one in tree_leaves(past) if isinstance(one, Tensor))
    return lambda: step(given, past), kept


def carried_on(measured: Callable[[int], tuple[float, int]], size: int, order: int) -> tuple[float, int]:
    """Seconds and bytes at a size: measured at a sixteenth, a fourth and the whole of it, or carried on from where that is slow."""
    sizes, found = [], []
    for one in (-(-size // 16), -(-size // 4), size):
        if len(found) >= 2 and found[-1][0] * (one / sizes[-1]) ** order > PATIENCE:
            break
        sizes.append(one)
        found.append(measured(one))
    if sizes[-1] == size:
        return found[-1]
    seconds, memory = (np.polyfit(sizes, [one[kind] for one in found], 1) for kind in (0, 1))
    # Two points tell a line; what grows faster than that is no less than it, nor more than its power.
    steep = found[-1][0] * (size / sizes[-1]) ** order
    straight = max(float(np.polyval(seconds, size)), found[-1][0])
    return (straight if order == 1 else (straight * steep) ** 0.5), int(max(float(np.polyval(memory, size)), found[-1][1]))


@torch.inference_mode()
def measure(work: Callable[[], object]) -> tuple[float, int]:
    """Seconds of some work, the median of a few times, and the most bytes that it holds at a time: of tensors, or as the system sees it."""
    before = peak_resident(reset=True)
    with Held() as held:
        work()
    grown, taken = peak_resident() - before, [timed(work)]
    while sum(taken) < LONG:
        taken.append(timed(work))
    return float(np.median(taken)), max(held.peak, grown)


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def peak_resident(*, reset: bool = False) -> int:
    """The most bytes of memory that this process has held since the last reset, where the system tells; the kernels' own room included."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    except (OSError, StopIteration):
        return 0


class Held(TorchDispatchMode):
    """How many bytes the tensors take that are made while it holds, at most."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.peak = 0, 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor) and (key := (storage := one.untyped_storage())._cdata) not in self.known:
                self.known.add(key)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._freed, key, storage.nbytes())
        return made

    def _freed(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def size_of(make: Callable[[], nn.Module]) -> int:
    """How many numbers a network has, without making them."""
    with torch.device("meta"):
        return sum(value.numel() for value in make().state_dict().values())


def resident() -> int:
    """Bytes of memory that this process holds now."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 300 << 20


def said(order: Order, dtype: torch.dtype, exact: torch.dtype, device: torch.device, vae: VAEConfig) -> list[str]:
    """Which ways are taken."""
    frames, height, width = order.canvas.given.frames.shape[:3]
    grid = Grid(frames=frames, height=height, width=width, cell=vae.cell, patch=(1, 1, 1), loops=order.canvas.loops)
    numbers = str(dtype).removeprefix("torch.") + ("" if exact == dtype else ", the autoencoder in float32")
    decoded = f"in tiles of {Tiling().side} cells" if in_tiles(grid) else "whole"
    return [f"on {device.type} in {numbers}", f"frames are decoded {decoded}", "no fp8, no offloading"]
