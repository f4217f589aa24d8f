"""The training loop: one device, no callbacks; a task gives losses, the loop updates, averages, reports and keeps."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from yozora.train import checkpoint
from yozora.train.optimize import Average, Optimization, clip_gradients, optimizers, rate_at
from yozora.train.posthoc import PowerAverages
from yozora.train.report import Gallery, Reporter


@dataclass(frozen=True)
class Loss:
    """One update: `value` is minimised over the parameters of network `network`; `parts` are numbers to report."""

    network: str
    value: Tensor
    parts: dict[str, Tensor]


@runtime_checkable
class Task(Protocol):
    """What is trained: networks by name, how each is updated, the losses of a step, and how it shows what it has learned."""

    networks: dict[str, nn.Module]
    optimization: dict[str, Optimization]
    show: Callable[[], Gallery]  # while the networks hold their averaged weights

    def losses(self, step: int) -> Iterator[Loss]:
        """Losses of step `step`, a pure function of the weights and `step`; each is applied before the next is asked for."""
        ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where a run lives and how often it saves; `recipe` is the text that identifies its configuration.

    `posthoc`: each time it saves, it also keeps what averages of other lengths are made of afterwards (`posthoc.py`).
    """

    folder: Path
    recipe: str
    steps: int
    save_every: int
    show_every: int
    average: float = 0.999
    posthoc: bool = False
    origin: str = ""  # the model whose weights it began from

    @property
    def identity(self) -> str:
        """The hash by which its checkpoints know the configuration that made them."""
        return hashlib.sha256(self.recipe.encode()).hexdigest()

    def check(self) -> None:
        """Raise ValueError where the folder has the state of another configuration: a glance, to be taken before clips are made."""
        checkpoint.check(self.folder / "checkpoints", self.identity)


def train(task: Task, run: Run, say: Callable[[str], None] = print) -> dict[str, dict[str, Tensor]]:
    """Train to the last step, going on from the newest whole checkpoint in the folder; returns averaged weights.

    Raises FloatingPointError before the update where a loss or gradient is not finite.
    """
    state = State(task, average=run.average, posthoc=run.posthoc)
    found = checkpoint.load_newest(run.folder / "checkpoints", run.identity, say)
    first = state.restore(found.tensors, found.step) if found else 0
    with Reporter(run.folder, first, run.steps, run.origin, say) as reporter:
        for step in range(first, run.steps):
            for loss, norm in state.advance(step):
                reporter.add(loss.network, {**loss.parts, "gradient": norm})
            reporter.step(step)
            if (step + 1) % run.save_every == 0 or step + 1 == run.steps:
                held = checkpoint.Checkpoint(step=step + 1, recipe=run.identity, tensors=state.tensors())
                if state.posthoc:  # first, so that none is missing where a run goes on from the checkpoint
                    state.posthoc.snapshot(run.folder / "averages", step + 1, run.identity)
                checkpoint.save(run.folder / "checkpoints", held)
            if (step + 1) % run.show_every == 0 or step + 1 == run.steps:
                with state.averaged():
                    reporter.show(step + 1, task.show())
    return state.split(state.average.values)


class State:
    """Weights, their average and the optimizers' moments, as flat tables of tensors."""

    def __init__(self, task: Task, *, average: float, posthoc: bool = False):
        self.task = task
        self.named = {network: dict(module.named_parameters()) for network, module in task.networks.items()}
        self.optimizers = {name: optimizers(self.named[name].items(), how) for name, how in task.optimization.items()}
        self.average = Average(self.weights(), average)
        self.posthoc = PowerAverages(self.weights()) if posthoc else None
        self.averages = (self.average, *([self.posthoc] if self.posthoc else []))

    def weights(self) -> dict[str, Tensor]:
        return {f"{network}/{name}": value for network, table in self.named.items() for name, value in table.items()}

    def advance(self, step: int) -> Iterator[tuple[Loss, Tensor]]:
        """Take a step: every loss with the norm of its gradient, once it is applied; the averages follow in the end."""
        for loss in self.task.losses(step):
            yield loss, self.update(loss, step)
        for average in self.averages:
            average.update(self.weights(), step)

    def update(self, loss: Loss, step: int) -> Tensor:
        """One optimizer step on the network of `loss`; nothing changes where it is not finite."""
        if not torch.isfinite(loss.value):
            raise FloatingPointError(f"step {step}: the loss of {loss.network} is {loss.value.item()}")
        how, table = self.task.optimization[loss.network], self.named[loss.network]
        for parameter in table.values():
            parameter.grad = None
        loss.value.backward(inputs=[value for value in table.values() if value.requires_grad])
        norm = clip_gradients(table, how.clip)
        for optimizer in self.optimizers[loss.network]:
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step, how)
            optimizer.step()
        return norm

    def split(self, flat: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """A flat table by network."""
        tables: dict[str, dict[str, Tensor]] = {network: {} for network in self.named}
        for name, value in flat.items():
            network, parameter = name.split("/", 1)
            tables[network][parameter] = value
        return tables

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All that a run needs to go on."""
        moments = {}
        for network, found in self.optimizers.items():
            for number, optimizer in enumerate(found):
                for index, values in optimizer.state_dict()["state"].items():
                    moments |= {f"{network}/{number}/{index}/{name}": torch.as_tensor(value) for name, value in values.items()}
        kept = {"posthoc": self.posthoc.tensors()} if self.posthoc else {}
        return {"weights": self.weights(), "average": self.average.values, "moments": moments, **kept}

    @torch.no_grad()
    def restore(self, tensors, step: int) -> int:
        """Take up the state that `tensors` gave; returns the step that comes next."""
        for name, value in self.weights().items():
            value.copy_(tensors["weights"][name])
            self.average.values[name].copy_(tensors["average"][name])
        if self.posthoc:
            self.posthoc.restore(tensors["posthoc"])
        for network, found in self.optimizers.items():
            for number, optimizer in enumerate(found):
                prefix = f"{network}/{number}/"
                state: dict[int, dict[str, Tensor]] = {}
                for name, value in tensors["moments"].items():
                    if name.startswith(prefix):
                        index, slot = name.removeprefix(prefix).split("/")
                        state.setdefault(int(index), {})[slot] = value
                optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        return step

    def averaged(self) -> "_Averaged":
        return _Averaged(self)


class _Averaged:
    """Within it the networks hold their averaged weights."""

    def __init__(self, state: State):
        self.state = state

    @torch.no_grad()
    def __enter__(self) -> None:
        self.own = {name: value.detach().clone() for name, value in self.state.weights().items()}
        for name, value in self.state.weights().items():
            value.copy_(self.state.average.values[name])

    @torch.no_grad()
    def __exit__(self, *_: object) -> None:
        for name, value in self.state.weights().items():
            value.copy_(self.own[name])
