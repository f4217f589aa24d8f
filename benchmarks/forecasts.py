"""What `yozora plan` foresees beside what a run takes: `python benchmarks/forecasts.py`; each in a process of its own."""

import json
import subprocess
import sys
import time
from typing import Annotated

import typer

from yozora import command
from yozora.forecast import forecast
from yozora.forecast.cost import peak_resident
from yozora.model import load
from yozora.order import Order, prepare
from yozora.pipeline import meet
from yozora.plan import choose_device, choose_dtype
from yozora.tasks.generate import Generate
from yozora.tasks.settings import Settings, read_size

PROMPT = "a red ball rolls left"
REQUESTS = ("128x128 33 12", "256x256 33 12", "512x512 33 4", "256x192 65 6", "768x768 17 2", "128x128 130 4")  # size, frames, steps


def of(request: str) -> Order:
    """A request of `SIZE FRAMES STEPS`, of the bundled model or one named behind them."""
    size, frames, steps, *model = request.split()
    settings = Settings(model=(*model, "hoshi")[0], size=read_size(size), frames=int(frames), steps=int(steps))
    return prepare(Generate(prompt=PROMPT), settings)


def foreseen(request: str) -> tuple[float, int]:
    """Seconds and bytes by the plan."""
    found = forecast(of(request))
    return found.seconds, found.peak


def measured(request: str) -> tuple[float, int]:
    """Seconds of a run without loading, and the most bytes that the process held with it."""
    order, device = of(request), choose_device()
    model = load(order.settings.model, device, choose_dtype(device), (PROMPT, ""))
    began = time.perf_counter()
    meet([order.canvas], [0], order.sampling, model)
    return time.perf_counter() - began, peak_resident()


def main(
    requests: Annotated[list[str] | None, typer.Argument(metavar="'SIZE FRAMES STEPS [MODEL]'...")] = None,
    only: Annotated[str, typer.Option(hidden=True)] = "",
) -> None:
    """Print seconds and megabytes of each request, foreseen and measured, and their ratios."""
    kinds = {"foreseen": foreseen, "measured": measured}
    for request in requests or REQUESTS:
        if only:
            typer.echo(json.dumps(kinds[only](request)))
            continue
        found = []
        for kind in kinds:
            done = subprocess.run([sys.executable, __file__, request, "--only", kind], capture_output=True, text=True, check=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
        (seconds, size), (took, held) = found
        times = f"{seconds:6.1f} s for {took:6.1f} ({seconds / took:.2f})"
        room = f"{size / 2**20:6.0f} MiB for {held / 2**20:6.0f} ({size / held:.2f})"
        typer.echo(f"{request:<24} {times}, {room}")


if __name__ == "__main__":
    command.run(main)
