"""A student takes in a few leaps the way that its teacher goes in many steps, guided.

It is taught where the teacher gets in a whole leap (progressive distillation, arXiv:2202.00512), or by what it says itself one step of the
teacher further on (consistency within each leap, arXiv:2403.06807); the claim `students` puts both to trial.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from yozora.flow.guidance import guided
from yozora.flow.schedule import shift_for, times_for
from yozora.flow.solver import heun, solve, unipc
from yozora.order import Sampling
from yozora.patches import Tokens, Words
from yozora.train.draws import numpy_generator
from yozora.train.generator import GeneratorTask, Lesson
from yozora.train.loop import Loss
from yozora.train.optimize import Optimization
from yozora.train.report import Gallery
from yozora.transformer.lora import adapt
from yozora.transformer.model import Transformer


@dataclass(frozen=True, kw_only=True)
class Leaps:
    """A way from noise to data in `leaps` of the student, each as long as `fine` of the teacher's steps.

    A `consistent` student is taught at every stop of the teacher within a leap, by one step of its teacher and then by itself; any other at
    the beginning of each leap alone, by its teacher.
    """

    leaps: int
    fine: int
    consistent: bool = False

    def times(self, leap: int, shift: float, stop: int = 0) -> tuple[float, ...]:
        """The times at which the teacher stops, from stop `stop` of leap `leap` to its end, for a clip of such a shift."""
        stops = times_for(self.leaps * self.fine, shift)
        return stops[leap * self.fine + stop : (leap + 1) * self.fine + 1]


@dataclass(kw_only=True)
class StudentTask:
    """The student says the mean velocity to the end of a leap: the squared error of what it says is the loss.

    `posing` poses clips and their words as they are posed to the generator, whose networks teach and stay as they are; `student` is a
    copy of its transformer, to which additions of rank `rank` are learned.
    """

    posing: GeneratorTask
    student: Transformer
    leaps: Leaps
    sampling: Sampling
    rank: int
    how: Optimization
    show: Callable[[], Gallery]

    def __post_init__(self) -> None:
        for network in (self.posing.text, self.posing.transformer):
            network.requires_grad_(requires_grad=False)
        self.added = adapt(self.student, self.rank)
        self.networks: dict[str, nn.Module] = {"student": self.added}
        self.optimization = {"student": self.how}

    def losses(self, step: int) -> Iterator[Loss]:
        """The one loss of a step, over groups of clips of which each takes one leap."""
        errors: list[Tensor] = []
        parts: dict[str, list[Tensor]] = {f"leap {leap + 1}": [] for leap in range(self.leaps.leaps)}
        for group, (shape, count) in enumerate(self.posing.batching.drawn(step, self.posing.grids)):
            rng = numpy_generator(self.posing.batching.draws, step, group, "leap")
            leap = int(rng.integers(self.leaps.leaps))
            stop = int(rng.integers(self.leaps.fine)) if self.leaps.consistent else 0
            times = partial(self.leaps.times, leap, stop=stop)
            lesson = self.posing.lesson(step, group, shape, count, lambda num, generator, shift, times=times: self.begin(times(shift), num))
            with torch.autocast(lesson.values.device.type, torch.bfloat16):
                with torch.no_grad():
                    tokens, words = self.posing.pack([lesson])
                    target, wanted = self.taught(lesson, times(shift_for(lesson.lengths[0])), tokens, words)
                said = self.student(tokens, lesson.level, words)
            moving = (lesson.level > target)[:, None]
            error = ((said.float() - wanted).square() * self.posing.weights)[moving.expand_as(said)]
            errors.append(error)
            parts[f"leap {leap + 1}"].append(error.detach())
        loss = torch.cat(errors).mean()
        none = loss.new_zeros(0)
        yield Loss("student", loss, {"loss": loss, **{name: torch.cat([none, *found]).mean() for name, found in parts.items()}})

    def begin(self, times: Sequence[float], num: int) -> Float[Tensor, " num"]:
        """The first of some times, for each of some clips."""
        return torch.full((num,), times[0], device=self.posing.device)

    def taught(
        self, lesson: Lesson, times: Sequence[float], tokens: Tokens, words: Words
    ) -> tuple[Float[Tensor, " token"], Float[Tensor, "token channel"]]:
        """The levels at the last of some times, and the mean velocity by which one gets there from the first."""
        target = lesson.level * (times[-1] / times[0])
        denoiser = self.posing.transformer
        if self.sampling.guidance != 1:
            states, lengths = self.posing.text.encode([self.sampling.negative] * len(lesson.lengths))
            silent = self.posing.transformer.prepare(Words(states=states, lengths=lengths, tokens=lesson.lengths))
            denoiser = guided(denoiser, silent, self.sampling.guidance, self.sampling.guided)
        heard = self.posing.transformer.prepare(words)

        def velocity(state: Tensor, level: Tensor) -> Tensor:
            return denoiser(replace(tokens, values=state), level, heard)

        if self.leaps.consistent:
            between = lesson.level * (times[1] / times[0])
            reached = solve(velocity, lesson.values, lesson.level, (1.0, 0.0), heun, between)
            rest = self.student(replace(tokens, values=reached), between, words).float() if len(times) > 2 else 0
            reached = reached - (between - target)[:, None] * rest
        else:
            within = [(time - times[-1]) / (times[0] - times[-1]) for time in times]
            reached = solve(velocity, lesson.values, lesson.level, within, unipc, target)
        span = (lesson.level - target)[:, None]
        return target, torch.where(span > 0, (lesson.values - reached) / span, 0)
