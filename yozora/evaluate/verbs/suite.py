"""What a model can be asked beside words alone, in numbers: each verb on cases from renders, judged beside the render and cheap stand-ins.

A verb is measured by how often its result passes, so the tables hold the same measures for the render of what should be seen, which
shows how far each measure can be trusted, and for stand-ins each of which some measure must fail.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import typer

from yozora.evaluate.finding import Finding, record
from yozora.evaluate.report import Row, earlier, table
from yozora.evaluate.thresholds import check_frozen
from yozora.evaluate.truth import squeeze, usual_shot
from yozora.evaluate.verbs import edits_between, edits_in_look, edits_in_time
from yozora.evaluate.verbs.edit import RENDER, Edit
from yozora.model import Model, load
from yozora.order import Sampling
from yozora.pipeline import render
from yozora.plan import choose_device, choose_dtype
from yozora.tasks.request import Request, Shot
from yozora.vae.seam import paste
from yozora.video import Video
from yozora.video.sheet import sheet

MODEL, THROUGH = "the model", f"{RENDER} through the VAE"
VERBS: dict[str, Callable[[int, Shot], Edit]] = {
    "generate-loop": edits_in_time.generate_loop,
    "animate": edits_in_time.animate,
    "extend-after": edits_in_time.extend_after,
    "extend-before": edits_in_time.extend_before,
    "extend-far": edits_in_time.extend_far,
    "recut": edits_between.recut,
    "connect": edits_between.connect,
    "animate-to": edits_between.animate_to,
    "fill-missing": edits_between.fill_missing,
    "loop": edits_in_time.loop,
    "fill": edits_in_look.fill,
    "outpaint": edits_in_look.outpaint,
    "restyle": edits_in_look.restyle,
    "restyle-mask": edits_in_look.restyle_mask,
    "blend": edits_in_time.blend,
    "finish": edits_in_look.finish,
    "simulate": edits_in_look.simulate,
}
SHOWN, STRIP = 4, 9  # cases on a verb's sheet, and frames of each clip


def run(model: str, folder: Path, cases: int, verbs: Sequence[str] = tuple(VERBS)) -> str:
    """Measure verbs of a model on so many cases each and write `verbs.jsonl`, `verbs.md`, the clips and a sheet for each verb.

    An interrupted run goes on from there. Returns the tables as Markdown; raises ValueError for a verb that there is none of, and
    where the folder has records of other weights.
    """
    check(verbs)
    check_frozen()
    device = choose_device()
    loaded = load(model, device, choose_dtype(device))
    rows = collect(Maker(loaded, usual_shot(loaded)), folder, cases, verbs)
    page = tables(rows)
    (folder / "verbs.md").write_text(page, encoding="utf-8")
    return page


def check(verbs: Sequence[str]) -> None:
    """Raise ValueError, with those that there are, where some verb is none."""
    if strange := [verb for verb in verbs if verb not in VERBS]:
        raise ValueError(f"no verb {', '.join(strange)}; choose among {', '.join(VERBS)}")


class Maker:
    """Sets the cases, and has a model carry them out."""

    def __init__(self, model: Model, shot: Shot) -> None:
        self.model, self.shot = model, shot

    def edit(self, verb: str, number: int) -> Edit:
        """A case."""
        return VERBS[verb](number, self.shot)

    def make(self, request: Request, shot: Shot, seed: int) -> Video:
        """What the model makes of a request."""
        (video,) = render([request.canvas(shot)], [seed], Sampling.by(self.model.habits), self.model)
        return video


def collect(maker: Maker, folder: Path, cases: int, verbs: Sequence[str]) -> list[Row]:
    """All records, those of an earlier run of the same weights included; clips of the model are kept in `folder/clips`.

    Raises ValueError where the folder has records of other weights.
    """
    file, digest = folder / "verbs.jsonl", maker.model.digest
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    rows = earlier(file, digest)
    done = {(row["verb"], row["number"]) for row in rows if row["kind"] == MODEL}
    jobs = [(verb, number) for verb in verbs for number in range(cases) if (verb, number) not in done]
    began = time.monotonic()
    for made, (verb, number) in enumerate(jobs, 1):
        found = [{"digest": digest, "verb": verb, "number": number, **row} for row in judged(maker, verb, number, folder)]
        with file.open("a", encoding="utf-8") as out:
            out.write("".join(json.dumps(row) + "\n" for row in found))
        rows += found
        left = (time.monotonic() - began) / made * (len(jobs) - made)
        typer.echo(f"{made} of {len(jobs)} cases ({verb}), {left / 60:.1f} min left", err=True)
    return rows


def judged(maker: Maker, verb: str, number: int, folder: Path) -> Iterator[Row]:
    """The records of a case: of what is judged beside the model, and last of the model; its clips are written."""
    edit = maker.edit(verb, number)
    clips: dict[str, Video | None] = dict(edit.others)
    if RENDER in edit.others:
        clips[THROUGH] = at_best(edit, maker.model)
    error = ""
    try:
        clips |= {kind: maker.make(request, edit.shot, number) for kind, request in edit.rivals.items()}
        clips[MODEL] = maker.make(edit.request, edit.shot, number)
    except Exception as failure:  # noqa: BLE001  whatever goes wrong in a model is that model's failure
        clips[MODEL], error = None, f"{type(failure).__name__}: {failure}"
    found = {kind: edit.judge(video) if video else {} for kind, video in clips.items()}
    made = clips[MODEL]
    if made:
        found[MODEL] |= {f"half of {kind}": halved(found[MODEL][edit.halved], found[kind][edit.halved]) for kind in edit.rivals}
    for kind, findings in found.items():
        scores = record(findings) if findings else {}
        yield {"kind": kind, "prompt": getattr(edit.request, "prompt", ""), "scores": scores, "error": error if kind == MODEL else ""}
    if made:
        made.save(folder / "clips" / f"{verb}-{number:03d}.mp4")
    if number < SHOWN:
        strips(edit, clips).save(folder / "clips" / f"{verb}-{number:03d}.png")


def halved(mine: Finding | None, other: Finding | None) -> Finding | None:
    """A value over a rival's, which must be at most half; None where either was not measured."""
    if mine is None or other is None:
        return None
    ratio = mine.value / max(other.value, 1e-6)
    return Finding(ratio, ratio <= 1 / 2, f"{mine.value:.3g} against {other.value:.3g}")


def at_best(edit: Edit, model: Model) -> Video:
    """What a generator without fault would return: the render through a model's compression network, with what is given pasted in."""
    true = edit.others[RENDER]
    return Video(paste(squeeze([true], model.vae)[0].frames, edit.request.canvas(edit.shot)), true.fps)


def strips(edit: Edit, clips: dict[str, Video | None]) -> Video:
    """What was given, what the model made of it, and what else was judged, one below the other."""
    order = [edit.given, clips[MODEL], *(video for kind, video in clips.items() if kind != MODEL)]
    nothing = edit.given.frames[:0]
    return sheet([video.frames if video else nothing for video in order], STRIP)


def tables(rows: Sequence[Row]) -> str:
    """Shares that pass with their intervals, and medians of the values, for each verb."""
    parts = []
    for verb in dict.fromkeys(row["verb"] for row in rows):
        some = [row for row in rows if row["verb"] == verb]
        names = list(dict.fromkeys(name for row in some for name in row["scores"]))
        kinds = dict.fromkeys((MODEL, *(row["kind"] for row in some)))
        groups = {kind: [row for row in some if row["kind"] == kind] for kind in kinds}
        parts += [table(groups, names, verb), medians(groups, names, f"{verb}, median")]
    return "\n\n".join(parts) + "\n"


def medians(groups: dict[str, list[Row]], names: Sequence[str], first: str) -> str:
    """A table of the median value of each measure, in its own unit."""
    lines = [f"| {first} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for kind, rows in groups.items():
        values = [[row["scores"][name][0] for row in rows if row["scores"].get(name)] for name in names]
        lines.append(f"| {kind} | {' | '.join(f'{np.median(one):.3g}' if one else '-' for one in values)} |")
    return "\n".join(lines)
