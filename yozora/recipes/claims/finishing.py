"""A small draft that is finished large, against the large clip at once: `python -m yozora.recipes.claims.finishing`."""

import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate import judges
from yozora.evaluate.cases import Case
from yozora.evaluate.many import collect
from yozora.evaluate.measures import record
from yozora.evaluate.report import Row
from yozora.evaluate.world import FILE, MODEL, RENDER, Exam, clip_file, loaded, seal_of
from yozora.pipeline import render
from yozora.plan import cores
from yozora.recipes.claims.trial import PAGES, Arm, Folder, Out, write
from yozora.tasks.finish import Finish
from yozora.tasks.generate import Generate
from yozora.tasks.source import read_source
from yozora.video import Video

AT_ONCE, FINISHED = "at once", "draft, then finished"
TEXT = """`python -m yozora.recipes.claims.finishing --times {times} --cases {cases}`

One prompt and seed, two ways to a clip {times:g} times as wide and high as the model's own: at once, and as a draft of the model's own size
that `finish` makes again at that size. The median case takes {seconds[0]:.1f} s at once and {seconds[1]:.1f} s by way of a draft,
of which the draft alone is {seconds[2]:.1f} s."""


@dataclass(frozen=True)
class Ways:
    """Makes and judges the clips of a case both ways; it can be sent to another process."""

    exam: Exam
    times: float

    def __call__(self, number: int) -> list[Row]:
        asked, small = self.exam.case(number), replace(self.exam, shape=None).case(number)
        common = {"case": number, "name": asked.name, "level": asked.level, "prompt": asked.prompt, "take": 0}
        began = time.monotonic()
        draft = self.made(asked, small)
        drafted = time.monotonic() - began
        ways = {AT_ONCE: Generate(prompt=asked.prompt), FINISHED: Finish(draft=read_source(draft), prompt=asked.prompt)}
        rows = []
        for way, request in ways.items():
            began = time.monotonic()
            model = loaded(self.exam.model)
            (clip,) = render([request.canvas(asked.shot)], [asked.seeds[0]], self.exam.sampling, model)
            seconds = time.monotonic() - began + (drafted if way == FINISHED else 0)
            row = {**common, "kind": MODEL, "way": way, "seconds": seconds, "drafted": drafted, "scores": record(asked.judge(clip))}
            row["frames"] = hashlib.sha256(clip.frames.tobytes()).hexdigest()[:16]
            clips = self.exam.folder / way.replace(", ", "-").replace(" ", "-") / "clips"
            clips.mkdir(parents=True, exist_ok=True)
            clip.save(clip_file(clips, row), {"prompt": asked.prompt})
            rows.append(row)
        return [*rows, {**common, "kind": RENDER, "way": RENDER, "scores": record(asked.at_best)}]

    def made(self, asked: Case, small: Case) -> Video:
        """The draft: what the large case asks for, at the model's own size."""
        model = loaded(self.exam.model)
        return render([Generate(prompt=asked.prompt).canvas(small.shot)], [asked.seeds[0]], self.exam.sampling, model)[0]


def main(
    cases: Annotated[int, typer.Option(min=1)] = 30,
    times: Annotated[float, typer.Option(min=1.1, max=8, help="how much wider and higher than the model's own size")] = 2.0,
    model: Annotated[str, typer.Option(help="bundled model or folder")] = "hoshi",
    folder: Folder = Path("runs/claims"),
    out: Out = PAGES,
) -> None:
    """Make the same clips both ways, measure them and their time, and write a page."""
    command.check_folder(out)
    width, height = (2 * round(side * times / 2) for side in loaded(model).habits.size)
    exam = Exam(model=model, folder=folder / "finishing", seal=seal_of(loaded(model)), shape=(width, height))
    exam = replace(exam, places=tuple(("seen", number) for number in range(cases)))
    digest = f"{exam.seal}, {width}x{height}, judged by {judges.digest()}"
    rows = collect(exam.folder / FILE, digest, Ways(exam, times), cases, cores())
    arms = {}
    for way in (AT_ONCE, FINISHED):
        own = replace(exam, folder=exam.folder / way.replace(", ", "-").replace(" ", "-"))
        some = [row for row in rows if row["way"] in (way, RENDER)]
        arms[way] = Arm(model=Path(model), exam=own, rows=some)
    made = {way: sorted(row["seconds"] for row in rows if row["way"] == way) for way in arms}
    drafted = sorted(row["drafted"] for row in rows if row["way"] == FINISHED)
    seconds = [found[len(found) // 2] for found in (made[AT_ONCE], made[FINISHED], drafted)]
    text = TEXT.format(times=times, cases=cases, seconds=seconds)
    typer.echo(write(out, "finishing", "Draft, then finish", text, arms))


if __name__ == "__main__":
    command.run(main)
