"""What this machine has, and what a request will need of it before it runs."""

import json
import os
import platform
import time
from pathlib import Path

import torch

from yozora.canvas import Grid
from yozora.transformer.model import TransformerConfig
from yozora.vae import VAEConfig

CALIBRATION = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yozora" / "calibration.json"


def choose_device() -> torch.device:
    """CUDA or MPS where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def choose_dtype(device: torch.device) -> torch.dtype:
    """The number type that networks compute in: bf16 on a GPU; on a CPU whichever of bf16 and fp32 multiplies faster."""
    if device.type != "cpu":
        return torch.bfloat16
    machine = f"{platform.processor()} {torch.backends.cpu.get_cpu_capability()} torch {torch.__version__}"
    kept = _kept()
    if machine not in kept:
        kept[machine] = "bfloat16" if _seconds(torch.bfloat16) < _seconds(torch.float32) else "float32"
        _keep(kept)
    return torch.bfloat16 if kept[machine] == "bfloat16" else torch.float32


def memory_needed(grid: Grid, transformer: TransformerConfig, vae: VAEConfig) -> int:
    """Bytes that a clip of `grid` needs beyond the weights: its frames, a pass of the transformer, a cell of the decoder."""
    frames, height, width = grid.padded
    pixels = frames * height * width * 3 * (1 + 4)  # uint8 result, float32 signal
    tokens = 2 * grid.num_tokens * (6 * transformer.dim + transformer.feedforward + 2 * transformer.token_channels) * 4
    attention = transformer.heads * min(grid.num_tokens, 1024) * grid.num_tokens * 4
    decoder = (vae.cell[0] + 3) * height * width // vae.fold**2 * max(vae.decoder_widths) * 4 * 3
    return pixels + tokens + attention + decoder


def memory_free(device: torch.device) -> int:
    """Bytes that can still be taken on `device`; on a CPU within the limits of its container."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 8 << 30
    try:
        table = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(table["MemAvailable"].split()[0]) * 1024
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        free = min(free, limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except (OSError, ValueError, KeyError):
        pass  # not Linux, or no limit is set
    return free


def check_memory(grid: Grid, transformer: TransformerConfig, vae: VAEConfig, device: torch.device) -> None:
    """Raise ValueError with both figures where a clip will not fit in the free memory."""
    needed, free = memory_needed(grid, transformer, vae), memory_free(device)
    if needed > free:
        raise ValueError(
            f"{grid.width}x{grid.height} with {grid.frames} frames needs about {needed / 2**30:.1f} GiB of memory and "
            f"{free / 2**30:.1f} GiB is free; ask for a smaller size or fewer seconds"
        )


def _seconds(dtype: torch.dtype) -> float:
    """Time of a matrix product of the size that the transformer makes, the best of a few."""
    a, b = torch.ones(1024, 512, dtype=dtype), torch.ones(512, 1024, dtype=dtype)
    best = float("inf")
    for _ in range(8):
        began = time.perf_counter()
        torch.matmul(a, b)
        best = min(best, time.perf_counter() - began)
    return best


def _kept() -> dict[str, str]:
    try:
        return json.loads(CALIBRATION.read_text())
    except (OSError, ValueError):
        return {}


def _keep(values: dict[str, str]) -> None:
    try:
        CALIBRATION.parent.mkdir(parents=True, exist_ok=True)
        CALIBRATION.write_text(json.dumps(values))
    except OSError:
        pass  # a home that cannot be written to: measured again next time
