"""A small draft that is finished large, against the large clip at once: `python -m yozora.recipes.claims.finishing`."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate import judges
from yozora.evaluate.cases import Case
from yozora.evaluate.many import collect
from yozora.evaluate.measures import record
from yozora.evaluate.report import Row
from yozora.evaluate.truth import usual_shot
from yozora.evaluate.world import FILE, MODEL, RENDER, Exam, clip_file, loaded, seal_of
from yozora.pipeline import render
from yozora.recipes.claims.trial import PAGES, Arm, Folder, Out, Page, write
from yozora.tasks.finish import Finish
from yozora.tasks.generate import Generate
from yozora.tasks.request import Request, Shot
from yozora.tasks.source import read_source
from yozora.video import Video

AT_ONCE, FINISHED = "at once", "finished"
TEXT = """`python -m yozora.recipes.claims.finishing --times {times:g} --cases {cases}`

One prompt and seed, two ways to a clip {times:g} times as wide and high as the model's own: at once, and as a draft of the model's own size
that `finish` makes again at that size. The median case takes {seconds[0]:.1f} s at once and {seconds[1]:.1f} s by way of a draft, of which
the draft alone is {seconds[2]:.1f} s, one after another in one process. Clips from words that are larger than the model has seen are made
by way of a draft; at once only here."""


@dataclass(frozen=True)
class Ways:
    """Makes and judges the clips of a case both ways."""

    exam: Exam

    def __call__(self, number: int) -> list[Row]:
        asked, model = self.exam.case(number), loaded(self.exam.model)
        common = {"case": number, "name": asked.name, "level": asked.level, "prompt": asked.prompt, "take": 0}
        words, rows = Generate(prompt=asked.prompt), []
        draft, drafted = self.timed(words, usual_shot(model), asked)
        for way, request in {AT_ONCE: words, FINISHED: Finish(draft=read_source(draft), prompt=asked.prompt)}.items():
            clip, seconds = self.timed(request, asked.shot, asked)
            row = {**common, "kind": MODEL, "way": way, "scores": record(asked.judge(clip))}
            row |= {"drafted": drafted, "seconds": seconds + (drafted if way == FINISHED else 0)}
            clips = self.exam.folder / way / "clips"
            clips.mkdir(parents=True, exist_ok=True)
            clip.save(clip_file(clips, row), {"prompt": asked.prompt})
            rows.append(row)
        return [*rows, {**common, "kind": RENDER, "way": RENDER, "scores": record(asked.at_best)}]

    def timed(self, request: Request, shot: Shot, asked: Case) -> tuple[Video, float]:
        """The clip of a request, and the seconds that it took."""
        began = time.monotonic()
        sampling = replace(self.exam.sampling, drafts=False)
        (clip,) = render([request.canvas(shot)], asked.seeds[:1], sampling, loaded(self.exam.model))
        return clip, time.monotonic() - began


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
    rows = collect(exam.folder / FILE, f"{exam.seal}, {width}x{height}, judged by {judges.digest()}", Ways(exam), cases, 1)
    ways = {way: [row for row in rows if row["way"] in (way, RENDER)] for way in (AT_ONCE, FINISHED)}
    arms = {way: Arm(exam=replace(exam, folder=exam.folder / way), rows=some) for way, some in ways.items()}
    taken = [[row["seconds"] for row in arms[way].made] for way in (AT_ONCE, FINISHED)] + [[row["drafted"] for row in arms[FINISHED].made]]
    text = TEXT.format(times=times, cases=cases, seconds=[median(some) for some in taken])
    typer.echo(write(out, Page(name="finishing", title="Draft, then finish", text=text), arms))


if __name__ == "__main__":
    command.run(main)
