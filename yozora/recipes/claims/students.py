"""Two ways to teach a student of few steps: `python -m yozora.recipes.claims.students`.

One learns where its teacher gets in a whole leap (progressive distillation), the other to agree with itself along the leap (consistency).
"""

from dataclasses import replace
from math import nan
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import typer

from yozora import command
from yozora.evaluate.reconstruct import psnr
from yozora.evaluate.world import Exam, clip_file
from yozora.model import load, save
from yozora.plan import choose_device
from yozora.recipes import further
from yozora.recipes.claims.trial import PAGES, Arm, Folder, Out, Page, echo, measure, write
from yozora.train.recipe import StudentStage, bundled_student
from yozora.train.stages import train_student
from yozora.video import Video

TEACHER, PROGRESSIVE, CONSISTENT = "teacher", "progressive", "consistent"
TEXT = """`python -m yozora.recipes.claims.students --steps {steps} --cases {cases}`

A student of {leaps} leaps, additions of rank {rank} to the transformer of `{model}`, taught in two ways from nothing on the
clips of the recipe `further`. *Progressive*: the student says in one step where {fine} steps of its teacher, guided, end
({steps} steps). *Consistent*: at every stop of the teacher within a leap the student says the end of the leap that it
would itself say one step of its teacher (Heun, guided) further on ({more} steps: four for three of the other, which is about
as many operations). The teacher makes the same cases from the same noise as usual.

| student | median PSNR of its clips to those of its teacher, dB |
|---|---|
{near}"""


def stages(steps: int) -> dict[str, StudentStage]:
    """The stage of each way, of about the same operations: a progressive one of so many steps, and a consistent one of more."""
    progressive, consistent = bundled_student(steps), bundled_student(longer(steps))
    return {PROGRESSIVE: replace(progressive, consistent=False), CONSISTENT: replace(consistent, consistent=True)}


def longer(steps: int) -> int:
    """How many steps a consistent student takes for so many of a progressive one."""
    return round(steps * 4 / 3)


def main(
    steps: Annotated[int, typer.Option(min=5, help="of the progressive student")] = 300,
    cases: Annotated[int, typer.Option(min=1, help="of the world suite, the same for all")] = 60,
    model: Annotated[str, typer.Option("--from", help="the teacher")] = "hoshi",
    folder: Folder = Path("runs/further"),
    out: Out = PAGES,
) -> None:
    """Teach a student in both ways, put them and their teacher to the same cases, and write a page."""
    command.check_folder(out)
    device, base = choose_device(), further.recipe()
    teacher = replace(load(model, device, torch.float32), student=None)
    models = {}
    for name, stage in stages(steps).items():
        echo(f"{name}: {stage.optimization.steps} steps")
        recipe = replace(base, student=stage, variant=name)
        models[name] = folder / f"student-{name}"
        save(replace(teacher, student=train_student(recipe, teacher, folder, device, echo)), models[name])
    exam = Exam(model=model, folder=folder / "students", seal="students")
    arms = measure({TEACHER: Path(model)}, exam, cases)
    arms |= measure(models, replace(exam, model=str(models[PROGRESSIVE]), quality="fast"), cases)
    near = [f"| {name} | {nearness(arms[name], arms[TEACHER]):.1f} |" for name in models]
    stage = stages(steps)[PROGRESSIVE]
    kept = {"steps": steps, "more": longer(steps), "cases": cases, "model": teacher.name, "near": "\n".join(near)}
    text = TEXT.format(leaps=stage.leaps, rank=stage.rank, fine=stage.fine, **kept)
    typer.echo(write(out, Page(name="students", title="Two ways to teach a student", text=text), arms))


def nearness(arm: Arm, other: Arm) -> float:
    """The median PSNR, in dB, of the clips of an arm to those of another of the same cases."""
    pairs = [[clip_file(one.exam.folder / "clips", row) for row in one.made] for one in (arm, other)]
    both = [pair for pair in zip(*pairs, strict=True) if all(path.exists() for path in pair)]
    found = [psnr(*(torch.from_numpy(Video.load(path).frames)[None] for path in pair)) for pair in both]
    return median(found) if found else nan


if __name__ == "__main__":
    command.run(main)
