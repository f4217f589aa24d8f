"""What is foreseen of a run is what the run does, and what it holds."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from yozora import forecast as planning
from yozora import plan
from yozora.cli.entry import app
from yozora.forecast import cost, forecast
from yozora.forecast.cost import Held, carried_on
from yozora.model import load, sizes_of, vae_sizes_of
from yozora.model.ways import SMALL
from yozora.order import prepare
from yozora.pipeline import largest_window, meet
from yozora.plan import memory_needed
from yozora.tasks.animate import Animate
from yozora.tasks.extend import Extend
from yozora.tasks.generate import Generate
from yozora.tasks.settings import Settings
from yozora.transformer.model import Transformer
from yozora.vae import VideoVAE
from yozora.video import Video

pytestmark = pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")


@pytest.fixture
def quick(monkeypatch):
    """No stopwatch: every call takes a second and a byte."""
    monkeypatch.setattr(cost, "measure", lambda _: (1.0, 1))
    monkeypatch.setattr(cost, "PATIENCE", 1e9)


def requests(tmp_path):
    Video(np.full((9, 64, 64, 3), 90, np.uint8), 8.0).save(tmp_path / "given.mp4")
    Video(np.full((1, 64, 64, 3), 90, np.uint8), 8.0).save(tmp_path / "given.png")
    return {
        "words": (Generate(prompt="a red ball"), {"frames": 13}),
        "many windows": (Generate(prompt="a red ball"), {"frames": 40}),
        "large": (Generate(prompt="a red ball"), {"size": (128, 128), "frames": 5}),
        "a picture": (Animate(image=str(tmp_path / "given.png"), prompt="a red ball"), {"frames": 9}),
        "a clip": (Extend(video=str(tmp_path / "given.mp4"), prompt="a red ball"), {"frames": 8}),
        "no guidance": (Generate(prompt="a red ball"), {"frames": 5, "guidance": 1.0}),
    }


@pytest.mark.parametrize("name", ["words", "many windows", "large", "a picture", "a clip", "no guidance"])
def test_what_is_counted_is_what_a_run_asks(tiny_model, tmp_path, monkeypatch, quick, name):
    request, asked = requests(tmp_path)[name]
    order = prepare(request, Settings(model=str(tiny_model), steps=3, **{"size": (64, 64)} | asked))
    foreseen = {stage.name: stage.calls for stage in forecast(order).stages}
    done: Counter[str] = Counter()
    for kind, owner, method in (
        ("denoise", Transformer, "forward"),
        ("encode", VideoVAE, "encode_chunk"),
        ("decode", VideoVAE, "decode_chunk"),
    ):
        original = getattr(owner, method)

        def spy(self, *arguments, kind=kind, original=original, **options):
            done[kind] += 1
            return original(self, *arguments, **options)

        monkeypatch.setattr(owner, method, spy)
    model = load(str(tiny_model), torch.device("cpu"), torch.float32)
    meet([order.canvas], [0], order.sampling, model)
    foreseen.pop("pixels")
    assert foreseen.pop("encode", 0) >= done.pop("encode", 0)  # what a seam moves is encoded too, which is taken to happen
    assert foreseen == dict(done)


def test_clips_are_counted_and_seconds_are_those_of_all_calls(tiny_model, quick):
    settings = Settings(model=str(tiny_model), steps=3, size=(64, 64), frames=9)
    one, three = (forecast(prepare(Generate(prompt="a red ball"), Settings(**{**settings.__dict__, "count": count}))) for count in (1, 3))
    assert {stage.name: stage.calls for stage in three.stages} == {stage.name: 3 * stage.calls for stage in one.stages}
    denoise = next(stage for stage in one.stages if stage.name == "denoise")
    assert denoise.seconds == denoise.calls == 3


def test_the_most_that_tensors_take_at_a_time():
    million = 1_000_000
    with Held() as held:
        first = torch.zeros(million)
        second = first + 1
        view = second.view(1000, 1000)
        del first
        third = view * 2
        del second, view, third
        torch.zeros(10)
    assert held.peak == 2 * 4 * million and held.now == 0


def test_what_is_slow_is_carried_on_from_smaller_sizes():
    asked = []

    def measured(size: int) -> tuple[float, int]:
        asked.append(size)
        return 1e-3 * size, 100 + 8 * size

    assert carried_on(measured, 1600, 1) == (1.6, 12_900) and asked == [100, 400, 1600]
    asked.clear()
    seconds, memory = carried_on(measured, 160_000, 1)
    assert asked == [10_000, 40_000] and seconds == pytest.approx(160) and memory == pytest.approx(1_280_100, rel=1e-6)


def test_what_does_not_fit_is_refused_with_what_would(tiny_model, monkeypatch, quick):
    monkeypatch.setattr(cost, "measure", lambda _: (1.0, 1 << 20))
    monkeypatch.setattr(planning, "RUNTIME", 0)
    words = ("plan", "--model", str(tiny_model), "--size", "256x256", "--frames", "16", "--steps", "2")

    def short(free: int) -> None:
        for module in (planning, plan):
            monkeypatch.setattr(module, "memory_free", lambda _: free)

    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 and "together" in done.output and "weights in full; frames decoded whole" in done.output
    settings = Settings(model=str(tiny_model), size=(256, 256), frames=16, steps=2)
    grid = largest_window(prepare(Generate(prompt="a red ball"), settings))
    short(memory_needed(grid, sizes_of(tiny_model), vae_sizes_of(tiny_model), torch.device("cpu"), SMALL).device - 1)
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, ValueError) and "this would fit: --size" in str(done.exception)
    monkeypatch.setattr(planning, "nearest", lambda *_: None)
    assert "nothing smaller fits either" in str(CliRunner().invoke(app, words).exception)
    short(0)
    assert "ask for a smaller size or fewer seconds; nothing smaller" in str(CliRunner().invoke(app, words).exception)


def test_the_memory_of_a_run_is_foreseen():
    script = Path(__file__).parents[1] / "benchmarks" / "forecasts.py"
    said = subprocess.run([sys.executable, script, "192x128 17 2"], capture_output=True, text=True, check=True, timeout=200).stdout
    assert 0.85 < float(said.rsplit("(", 1)[1].rstrip(")\n")) < 1.15, said
