"""What a call of a network costs: timed and weighed with random weights of the true sizes, large ones smaller and in fewer layers."""

import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from yozora.forecast.counted import PICTURE, Chunk, Pass
from yozora.model import Ways
from yozora.patches import Tokens, Words
from yozora.transformer.config import TransformerConfig
from yozora.transformer.model import Beside, Transformer
from yozora.vae import VAEConfig, VideoVAE

WHOLE = 60_000_000  # parameters up to which a transformer is timed with all of its layers
PATIENCE = 10.0  # seconds that one pass or chunk may take to be timed at its own size
LONG = 0.3  # seconds over which something is timed


def pass_cost(config: TransformerConfig, asked: Pass, dtype: torch.dtype, device: torch.device, ways: Ways) -> tuple[float, int]:
    """Seconds and bytes of a pass of a transformer whose weights are kept in some ways."""
    lengths, cues = asked
    total = sum(lengths)
    layers = config.layers if size_of(lambda: Transformer(config)) <= WHOLE else 2

    def measured(tokens: int, layers: int) -> tuple[float, int]:
        share = tokens / total
        parts = [max(1, round(length * share)) for length in lengths]
        return measure(a_pass(replace(config, layers=layers), parts, cues, dtype, device, ways))

    def whole(tokens: int) -> tuple[float, int]:
        seconds, memory = measured(tokens, layers)
        if layers == config.layers:
            return seconds, memory
        return seconds + (config.layers - layers) * (seconds - measured(tokens, 1)[0]), memory

    return carried_on(whole, total, 2)


def a_pass(
    config: TransformerConfig, lengths: Sequence[int], cues: Sequence[int], dtype: torch.dtype, device: torch.device, ways: Ways
) -> Callable[[], object]:
    """A pass of a transformer with random weights, its words prepared."""
    network, count = Transformer(config).to(device, dtype).eval().requires_grad_(requires_grad=False), sum(lengths)
    ways.prepare(network, device, dtype)
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
    finish()
    began = time.perf_counter()
    work()
    finish()
    return time.perf_counter() - began


def finish() -> None:
    """Wait for what a card has been told to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


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
