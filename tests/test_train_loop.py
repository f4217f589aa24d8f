"""The loop: exact resume after SIGKILL, torn checkpoints refused, nothing updated where a number is not finite."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from yozora.train import checkpoint
from yozora.train.draws import torch_generator
from yozora.train.loop import Loss, Run, train
from yozora.train.optimize import Optimization
from yozora.train.report import Gallery
from yozora.video import Video


class Regression:
    """A small network learns a fixed one; its data are a pure function of the step."""

    def __init__(self, poison: int = -1):
        torch.manual_seed(0)
        network = nn.ModuleDict({"blocks": nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))})
        self.networks: dict[str, nn.Module] = {"net": network}
        self.optimization = {"net": Optimization(rate=1e-2, steps=30, warmup=5, muon=True)}
        self.network, self.poison = network, poison

    def losses(self, step):
        x = torch.randn(32, 8, generator=torch_generator(torch.device("cpu"), 0, step, "data"))
        loss = (self.network["blocks"](x) - x.flip(1)).square().mean()
        if step == self.poison:
            loss = loss * float("nan")
        yield Loss("net", loss, {"loss": loss})

    def show(self):
        return Gallery(Video(frames=np.zeros((1, 8, 8, 3), np.uint8), fps=1), ("a dark square",))


def run(folder: Path, recipe: str = "test", steps: int = 30) -> Run:
    return Run(folder=folder, recipe=recipe, steps=steps, save_every=5, show_every=15, posthoc=True)


def same(a, b) -> bool:
    return all(torch.equal(a["net"][name], b["net"][name]) for name in a["net"])


def test_it_learns(tmp_path):
    task = Regression()
    before = next(task.losses(99)).value.item()
    train(task, run(tmp_path), lambda _: None)
    assert next(task.losses(99)).value.item() < 0.8 * before


def test_killed_and_restarted_equals_uninterrupted(tmp_path):
    whole = train(Regression(), run(tmp_path / "whole"), lambda _: None)
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_train_loop import Regression, run, train
        from pathlib import Path
        class Killed(Regression):
            def losses(self, step):
                if step == 17:
                    os.kill(os.getpid(), signal.SIGKILL)
                yield from super().losses(step)
        train(Killed(), run(Path({str(tmp_path / "cut")!r})), print)
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert sorted(path.name for path in (tmp_path / "cut/checkpoints").iterdir())[-1] == "step-00000015"
    resumed = train(Regression(), run(tmp_path / "cut"), lambda _: None)
    assert same(whole, resumed)
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / name / "averages").iterdir()} for name in ("whole", "cut"))
    assert one == other and len(one) == 6


def test_a_torn_checkpoint_is_named_and_the_one_before_is_used(tmp_path):
    whole = train(Regression(), run(tmp_path), lambda _: None)
    newest = tmp_path / "checkpoints/step-00000030/weights.safetensors"
    newest.write_bytes(newest.read_bytes()[:-7])
    said: list[str] = []
    again = train(Regression(), run(tmp_path), said.append)
    assert any("step-00000030 is torn" in line for line in said)
    assert same(whole, again)


def test_another_recipe_is_refused(tmp_path):
    train(Regression(), run(tmp_path), lambda _: None)
    with pytest.raises(ValueError, match="step-00000030 was made by another recipe; give the run another --folder, or remove it"):
        train(Regression(), run(tmp_path, recipe="other"), lambda _: None)
    with pytest.raises(ValueError, match="another recipe"):
        run(tmp_path, recipe="other").check()
    run(tmp_path).check()
    run(tmp_path / "new").check()


def test_a_card_that_is_taken_away_loses_the_steps_since_the_last_state(tmp_path):
    whole = train(Regression(), run(tmp_path / "whole"), lambda _: None)

    class Lost(Regression):
        def losses(self, step):
            if step == 17:
                raise torch.AcceleratorError("CUDA error: unspecified launch failure")
            yield from super().losses(step)

    with pytest.raises(torch.AcceleratorError):
        train(Lost(), run(tmp_path / "cut"), lambda _: None)
    assert same(whole, train(Regression(), run(tmp_path / "cut"), lambda _: None))


def test_nothing_is_updated_where_the_loss_is_not_finite(tmp_path):
    task = Regression(poison=3)
    stop = Regression()
    train(stop, run(tmp_path / "three", steps=3), lambda _: None)
    with pytest.raises(FloatingPointError, match="step 3"):
        train(task, run(tmp_path / "poisoned"), lambda _: None)
    assert all(torch.equal(a, b) for a, b in zip(stop.network.parameters(), task.network.parameters(), strict=True))


def test_numbers_and_pictures_are_kept(tmp_path):
    train(Regression(), run(tmp_path), lambda _: None)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows[0]["step"] == 0 and rows[0]["of"] == 30
    assert {"step", "seconds", "seconds left", "net/loss", "net/gradient"} <= rows[1].keys()
    assert [row["picture"] for row in rows if "picture" in row] == ["step-00000015.png", "step-00000030.png"]
    assert Video.load(tmp_path / "step-00000030.png").frames.shape == (1, 8, 8, 3)
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator").EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Images("gallery")] == [15, 30] and events.Scalars("net/loss")


def test_an_infinite_gradient_is_named_and_changes_nothing(tmp_path):
    class Steep(Regression):
        def losses(self, step):
            loss = next(super().losses(step)).value
            weight = self.network["blocks"][2].weight
            yield Loss("net", loss + (weight - weight.detach()).sum() * torch.finfo(torch.float32).max * 4, {"loss": loss})

    task = Steep()
    before = [value.clone() for value in task.network.parameters()]
    with pytest.raises(FloatingPointError, match="blocks.2.weight"):
        train(task, run(tmp_path), lambda _: None)
    assert all(torch.equal(a, b) for a, b in zip(before, task.network.parameters(), strict=True))


def test_only_the_newest_checkpoints_stay(tmp_path):
    train(Regression(), run(tmp_path), lambda _: None)
    assert len(list((tmp_path / "checkpoints").iterdir())) == checkpoint.KEEP
