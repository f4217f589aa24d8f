"""What this machine has, and what a request will need of it before it runs."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from yozora.canvas import Grid
from yozora.flow.guidance import TOGETHER
from yozora.layers.attention import has_amx
from yozora.model import Habits, Ways, habits_of, sizes_of, vae_sizes_of, ways_of
from yozora.transformer.model import Transformer, TransformerConfig
from yozora.vae import VAEConfig, VideoVAE
from yozora.vae.config import Tiling
from yozora.vae.tiles import usual_tiling

CPU = torch.device("cpu")
UNKNOWN = 1 << 62  # bytes: more than any machine has
DECODER = 18  # times its last features that a decoder holds at most, what it remembers of the cell before included
PIXEL = 40  # bytes that a pixel of a clip takes at most: as given, as decoded, as a signal or while it is pasted, and its start level


@dataclass(frozen=True, kw_only=True)
class Room:
    """Bytes on the device that computes, and in main memory beside it."""

    device: int
    beside: int

    def __add__(self, other: "Room") -> "Room":
        return Room(device=self.device + other.device, beside=self.beside + other.beside)


def choose_device() -> torch.device:
    """CUDA or MPS where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(device: torch.device) -> torch.dtype:
    """The number type that networks compute in: bf16 where the device multiplies it, else fp16 on a card and fp32 on a processor.

    Decided by what the processor can do and not by a stopwatch, so that a seed gives the same bits in every run.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "mps":
        return torch.bfloat16 if torch.backends.mps.is_macos_or_newer(14, 0) else torch.float16
    return torch.bfloat16 if has_amx() or torch.cpu._is_avx512_bf16_supported() else torch.float32


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """The processor and how many cores of it there are."""
    cpu = Path("/proc/cpuinfo")  # elsewhere than on Linux, platform knows its name
    named = re.search(r"^model name\s*: (.+)$", cpu.read_text(), re.MULTILINE) if cpu.exists() else None
    return f"{named[1] if named else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def at_once(device: torch.device) -> int:
    """How many processes that each hold a model may work side by side: one for each core, or one on a card."""
    return cores() if device.type == "cpu" else 1


def memory_needed(grid: Grid, transformer: TransformerConfig, vae: VAEConfig, device: torch.device, tiling: Tiling | None = None) -> Room:
    """Bytes that a clip of `grid` needs beyond the weights: its frames, and a pass of the transformer or a cell of the decoder."""
    tiling = tiling or usual_tiling(grid)
    frames, height, width = grid.padded
    pixels = frames * height * width * PIXEL
    halves = 2 if grid.num_tokens <= TOGETHER else 1  # with guidance
    tokens = halves * grid.num_tokens * (6 * transformer.dim + transformer.feedforward + 2 * transformer.token_channels) * 4
    if device.type == "cpu":  # where parts of the table of attention are made, which kernels of cards never do
        tokens += transformer.heads * min(grid.num_tokens, 1024) * grid.num_tokens * 4
    most = tiling.side * vae.cell[1] if tiling else max(height, width)  # pixels of a side that is decoded at once
    area = min(height, most) * min(width, most)
    decoder = vae.cell[0] * area // vae.fold**2 * vae.decoder_widths[0] * 4 * DECODER
    work = max(tokens, decoder)
    return Room(device=work + pixels, beside=0) if device.type == "cpu" else Room(device=work, beside=pixels)


def weights_needed(
    transformer: TransformerConfig, vae: VAEConfig, dtypes: tuple[torch.dtype, torch.dtype], experts: int, ways: Ways
) -> Room:
    """Bytes of the weights of so many transformers and an autoencoder, each in its type, if they are kept in some ways."""
    with torch.device("meta"):
        network, pixels = Transformer(transformer), VideoVAE(vae)
    layers = [layer.weight.numel() for layer in network.blocks.modules() if isinstance(layer, nn.Linear)]
    blocks, others = sum(layers), sum(value.numel() for value in network.parameters()) - sum(layers)
    width, exact = (dtype.itemsize for dtype in dtypes)
    kept = experts * blocks * (1 if ways.eight else width)
    used = max(layers) * width if ways.away or ways.eight else 0
    rest = experts * others * width + sum(value.numel() for value in pixels.parameters()) * exact + used
    return Room(device=rest, beside=kept) if ways.away else Room(device=rest + kept, beside=0)


def affordable(folder: Path, grid: Grid, device: torch.device) -> list[Ways]:
    """The ways in which a model can make a clip of `grid` on a device: the dearest that there is room for, and all that are cheaper.

    Raises ValueError with both figures where there is room for none.
    """
    habits, transformer, vae = habits_of(folder), sizes_of(folder), vae_sizes_of(folder)
    rungs, dtypes = ways_of(folder, device), number_types(habits, device)
    free = Room(device=memory_free(device), beside=memory_free(CPU))
    for index, ways in enumerate(rungs):
        weights = weights_needed(transformer, vae, dtypes, 1 + bool(habits.boundary), ways)
        needed = weights + memory_needed(grid, transformer, vae, device, ways.tiling)
        if needed.device <= free.device and needed.beside <= free.beside:
            return [*rungs[index:]]
    _check(needed.device, free.device, (grid.width, grid.height), grid.frames)
    _check(needed.beside, free.beside, (grid.width, grid.height), grid.frames)
    raise AssertionError("one of the two does not suffice")


def number_types(habits: Habits, device: torch.device) -> tuple[torch.dtype, torch.dtype]:
    """In which types a transformer and its autoencoder compute; Wan's autoencoders do it in full precision."""
    dtype = choose_dtype(device)
    return dtype, torch.float32 if habits.schedule.parts else dtype


def memory_free(device: torch.device) -> int:
    """Bytes that can still be taken on `device`, on a CPU within the limits of its container; `UNKNOWN` where nothing tells."""
    if device.type == "cuda":  # what torch keeps for later without using it is free too
        return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return min(_free_in_machine(Path("/proc/meminfo")), _free_in_container(Path("/sys/fs/cgroup")))


def check_memory(grid: Grid, transformer: TransformerConfig, vae: VideoVAE, device: torch.device) -> None:
    """Raise ValueError with both figures where a clip will not fit in the free memory."""
    needed = memory_needed(grid, transformer, vae.config, device, vae.tiling)
    _check(needed.device, memory_free(device), (grid.width, grid.height), grid.frames)


def check_pixels(size: tuple[int, int], frames: int, window: int) -> None:
    """The same for the pixels alone of a clip of a size (width, height) that is made in windows, before any is brought to that size."""
    held = min(frames, window) * PIXEL + 2 * 3 * frames  # all of it is held once, and copied once
    _check(size[0] * size[1] * held, memory_free(torch.device("cpu")), size, frames)


class TooLarge(ValueError):
    """What is asked for does not fit the memory."""


def _check(needed: int, free: int, size: tuple[int, int], frames: int) -> None:
    if needed > free:
        raise TooLarge(
            f"{size[0]}x{size[1]} with {frames} frames needs about {needed / 2**30:.1f} GiB of memory and "
            f"{free / 2**30:.1f} GiB is free; ask for a smaller size or fewer seconds"
        )


def _free_in_machine(table: Path) -> int:
    try:
        lines = dict(line.split(":") for line in table.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):  # not Linux
        known = "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {})  # macOS does not have it
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else UNKNOWN


def _free_in_container(folder: Path) -> int:
    try:
        limit, taken = (int((folder / name).read_text()) for name in ("memory.max", "memory.current"))
        kinds = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        return limit - taken + int(kinds["inactive_file"])  # files that were read count as taken, but make room
    except (OSError, ValueError, KeyError):  # no container, or one without a limit
        return UNKNOWN
