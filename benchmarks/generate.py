"""A clip from words, stage by stage: seconds of the first run, the second, and of another length, and how far each stage is from its floor.

Run `python benchmarks/generate.py` on a quiet machine. The floor of a stage is what its operations would take at the rate of a large
product of matrices, or its bytes at that of a copy, whichever takes longer; both rates are measured first.
"""

import math
import statistics
import time
from dataclasses import replace
from typing import Annotated

import torch
import typer

from yozora import command
from yozora.canvas import Grid
from yozora.flow.schedule import cut, shift_for, times_for
from yozora.model import Model, check_quality, find, load
from yozora.order import Sampling
from yozora.pipeline import draft_of, render
from yozora.plan import choose_device, choose_dtype
from yozora.quality import Quality
from yozora.tasks.generate import Generate
from yozora.tasks.request import Shot
from yozora.tasks.settings import read_size
from yozora.tasks.strength import SUBTLE
from yozora.vae.cost import flops_per_pixel

RUNS = 4  # of the same length
PROMPT = "a red ball bounces past a blue cube"
SIDE, COPIED, ROUNDS = 2048, 1 << 26, 5  # of the matrices; numbers that are copied; times of which the fastest counts


def main(
    name: Annotated[str, typer.Argument(metavar="MODEL")] = "hoshi",
    size: Annotated[str, typer.Option(help="width x height")] = "",
    seconds: Annotated[float, typer.Option(min=0.1)] = 4.0,
    steps: Annotated[int, typer.Option(min=0, help="0: as the model is used")] = 0,
    quality: Annotated[Quality, typer.Option(help="fast: by the model's student")] = "standard",
    compiled: Annotated[bool, typer.Option("--compiled", help="compile the blocks, within the first run")] = False,  # noqa: FBT002
) -> None:
    """Print what each stage takes, its share, and its floor."""
    device = choose_device()
    dtype = choose_dtype(device)
    began = time.perf_counter()
    leaps = check_quality(find(name), quality)
    model = load(name, device, dtype).of(quality)
    if compiled:
        for block in model.own_transformer.blocks.children():
            block.compile()
    print(f"{device.type}, {torch.get_num_threads()} threads, torch {torch.__version__}, {str(dtype)[6:]}")
    print(f"loading {time.perf_counter() - began:.2f} s")
    habits = model.habits
    width, height = read_size(size) if size else habits.size
    shot = Shot(width=width, height=height, frames=round(seconds * habits.fps), fps=habits.fps)
    sampling = Sampling.by(habits, quality, leaps)
    sampling = replace(sampling, steps=steps or sampling.steps)
    taken = [stages(model, shot, sampling) for _ in range(RUNS)]
    shorter = Shot(width=width, height=height, frames=max(1, shot.frames - 2 * model.vae.config.cell[0]), fps=habits.fps)
    other = sum(stages(model, shorter, sampling).values())
    whole = [sum(one.values()) for one in taken]
    how = f"{sampling.steps} steps, {sampling.restarts} restarts, guidance {sampling.guidance:g}"
    print(f"{width}x{height}, {shot.frames} frames at {habits.fps:g} a second, {how}")
    print(f"first run {whole[0]:.2f} s, second {whole[1]:.2f} s, fastest {min(whole):.2f} s; {shorter.frames} frames then {other:.2f} s")
    product, copied = rates(device, dtype)
    print(f"a product of matrices runs at {product / 1e9:.0f} GFLOP/s here, a copy at {copied / 1e9:.1f} GB/s")
    print(f"{'stage':9} {'seconds':>8} {'share':>6} {'GFLOP':>8} {'MB':>8} {'floor':>7} {'times':>6}")
    for stage, (flops, moved) in work(model, shot, sampling).items():
        usual = statistics.median(one[stage] for one in taken[1:])
        floor = max(flops / product, moved / copied)
        share = usual / statistics.median(whole[1:])
        print(f"{stage:9} {usual:8.2f} {100 * share:5.0f}% {flops / 1e9:8.0f} {moved / 1e6:8.0f} {floor:7.2f} {usual / floor:6.1f}")


def stages(model: Model, shot: Shot, sampling: Sampling) -> dict[str, float]:
    """Seconds of each stage: a step of the solver or a decoded cell ends what it took since the one before."""
    spent = {"denoise": 0.0, "decode": 0.0}
    last = time.perf_counter()

    def ended(stage: str, *_: int) -> None:
        nonlocal last
        now = time.perf_counter()
        spent[stage], last = spent[stage] + now - last, now

    render([Generate(prompt=PROMPT).canvas(shot)], [0], sampling, model, ended)
    ended("decode")
    return spent


def work(model: Model, shot: Shot, sampling: Sampling) -> dict[str, tuple[float, float]]:
    """Operations and bytes of each stage, of the draft too where one is made."""
    draft = draft_of(Generate(prompt=PROMPT).canvas(shot), model.habits)
    if not draft:
        return once(model, shot, sampling)
    small = once(model, replace(shot, width=draft.given.width, height=draft.given.height), sampling)
    large = once(model, shot, sampling, SUBTLE)
    return {stage: (small[stage][0] + large[stage][0], small[stage][1] + large[stage][1]) for stage in small}


def once(model: Model, shot: Shot, sampling: Sampling, start: float = 1.0) -> dict[str, tuple[float, float]]:
    """Operations of each stage of a clip from noise of level `start`, two to a multiply-add, and the bytes that it cannot but move.

    These are weights, and what enters and leaves.
    """
    config, vae = model.transformer.config, model.vae
    grid = Grid(frames=shot.frames, height=shot.height, width=shot.width, cell=vae.config.cell, patch=config.patch)
    tokens, bytes_each = grid.num_tokens, next(model.transformer.parameters()).element_size()
    block = 8 * config.dim**2 + 4 * config.dim**2 + 4 * config.dim * config.feedforward  # itself, its words (query and out), alone
    attention = 4 * tokens * config.dim
    each = tokens * (config.layers * (block + attention) + 4 * config.token_channels * config.dim)
    times = times_for(sampling.steps, shift_for(tokens))
    times = (times if sampling.student else cut(times, start))[:-1]
    low, high = sampling.guided
    again = sampling.restarts * (len(times) - 1) if start == 1 else 0
    asked = sum(2 if low <= time * (1 if sampling.student else start) <= high and sampling.guidance != 1 else 1 for time in times) + again
    weights = sum(weight.numel() for weight in model.transformer.parameters()) * bytes_each
    state = 4 * tokens * config.token_channels
    frames, tall, wide = grid.padded
    pixels = math.prod((frames, tall, wide))
    decoder = sum(weight.numel() for weight in vae.decoder.parameters()) * bytes_each
    return {
        "denoise": (asked * each, (len(times) + again) * weights + asked * 2 * state),
        "decode": (pixels * flops_per_pixel(vae.config)[1], grid.tokens[0] * decoder + 3 * pixels * bytes_each + state),
    }


def rates(device: torch.device, dtype: torch.dtype) -> tuple[float, float]:
    """Operations a second of a large product, and bytes a second, read and written, of a copy."""
    one, other = (torch.randn(SIDE, SIDE, device=device, dtype=dtype) for _ in range(2))
    source, target = (torch.zeros(COPIED, device=device) for _ in range(2))
    return 2 * SIDE**3 / fastest(lambda: one @ other, device), 8 * COPIED / fastest(lambda: target.copy_(source), device)


def fastest(do, device: torch.device) -> float:
    """Seconds of the fastest of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        do()
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - began)
    return best


if __name__ == "__main__":
    command.run(main)
