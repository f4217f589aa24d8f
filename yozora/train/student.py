"""A student takes in a few leaps the way that its teacher goes in many steps, guided (progressive distillation, arXiv:2202.00512)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from yozora.flow.guidance import guided
from yozora.flow.schedule import shift_for, times_for
from yozora.flow.solver import solve, unipc
from yozora.patches import Tokens, Words
from yozora.pipeline import Sampling
from yozora.train.draws import numpy_generator
from yozora.train.generator import GeneratorTask, Lesson
from yozora.train.loop import Loss
from yozora.train.optimize import Optimization
from yozora.train.report import Gallery
from yozora.transformer.lora import adapt
from yozora.transformer.model import Transformer


@dataclass(frozen=True, kw_only=True)
class Leaps:
    """A way from noise to data in `leaps` of the student, each as long as `fine` of the teacher's steps."""

    leaps: int
    fine: int

    def times(self, leap: int, shift: float) -> tuple[float, ...]:
        """The `fine + 1` times at which the teacher stops during leap `leap`, for a clip of such a shift."""
        stops = times_for(self.leaps * self.fine, shift)
        return stops[leap * self.fine : (leap + 1) * self.fine + 1]


@dataclass(kw_only=True)
class StudentTask:
    """The student says the mean velocity of a leap at its beginning: the squared error of what it says is the loss.

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
            leap = int(numpy_generator(self.posing.batching.draws, step, group, "leap").integers(self.leaps.leaps))
            lesson = self.posing.lesson(step, group, shape, count, lambda num, generator, shift, leap=leap: self.begin(leap, num, shift))
            with torch.autocast(lesson.values.device.type, torch.bfloat16):
                with torch.no_grad():
                    tokens, words = self.posing.pack([lesson])
                    target, wanted = self.taught(lesson, leap, tokens, words)
                said = self.student(tokens, lesson.level, words)
            moving = (lesson.level > target)[:, None]
            error = ((said.float() - wanted).square() * self.posing.weights)[moving.expand_as(said)]
            errors.append(error)
            parts[f"leap {leap + 1}"].append(error.detach())
        loss = torch.cat(errors).mean()
        none = loss.new_zeros(0)
        yield Loss("student", loss, {"loss": loss, **{name: torch.cat([none, *found]).mean() for name, found in parts.items()}})

    def begin(self, leap: int, num: int, shift: float) -> Float[Tensor, " num"]:
        """The time at which a leap begins, for each of some clips."""
        return torch.full((num,), self.leaps.times(leap, shift)[0], device=self.posing.device)

    def taught(
        self, lesson: Lesson, leap: int, tokens: Tokens, words: Words
    ) -> tuple[Float[Tensor, " token"], Float[Tensor, "token channel"]]:
        """The levels at which a leap ends, and the mean velocity by which the teacher gets there."""
        times = self.leaps.times(leap, shift_for(lesson.lengths[0]))
        target = lesson.level * (times[-1] / times[0])
        denoiser = self.posing.transformer
        if self.sampling.guidance != 1:
            states, lengths = self.posing.text.encode([self.sampling.negative] * len(lesson.lengths))
            silent = self.posing.transformer.prepare(Words(states=states, lengths=lengths, tokens=lesson.lengths))
            denoiser = guided(denoiser, silent, self.sampling.guidance, self.sampling.guided)
        heard = self.posing.transformer.prepare(words)
        within = [(time - times[-1]) / (times[0] - times[-1]) for time in times]
        reached = solve(
            lambda state, level: denoiser(replace(tokens, values=state), level, heard), lesson.values, lesson.level, within, unipc, target
        )
        span = (lesson.level - target)[:, None]
        return target, torch.where(span > 0, (lesson.values - reached) / span, 0)
