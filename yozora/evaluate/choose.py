"""What choosing the best of several takes is worth: `python -m yozora.evaluate.choose hoshi --run evaluation`.

A run of the world suite has several takes of a part of its cases. Of each the one is chosen to which the captioner gives its words most
readily, and judged as it was in the run. Beside it: the first take, and whether any take passes, which no choice can exceed.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.captioner import likelihoods
from yozora.captioning import captioner_of, encoded
from yozora.evaluate.compare import mcnemar, split
from yozora.evaluate.report import Row, measures, table, takes_of
from yozora.evaluate.world import FILE, MODEL, clip_file, loaded, records
from yozora.model import Model, captioner_digest, find
from yozora.video import Video

FIRST, CHOSEN, ANY = "the first take", "the chosen take", "any of the takes"


def choose(model: Model, prompt: str, takes: Sequence[Video]) -> int:
    """Which of some takes shows best what a prompt says, by the captioner's likelihood of the prompt.

    Raises ValueError for a model without a captioner.
    """
    clips = [encoded(take, model) for take in takes]
    return int(likelihoods(captioner_of(model), model.own_text.tokenizer, clips, [prompt] * len(clips)).argmax())


def several(rows: Sequence[Row]) -> list[list[Row]]:
    """The records of the takes of each case that was made several times, take by take; what could not be made has failed."""
    return [takes for takes in takes_of([row for row in rows if row["kind"] == MODEL]) if len(takes) > 1]


def compare(model: Model, takes: Sequence[Row], clips: Path) -> list[Row]:
    """The records of a case: of its first take, of the chosen one and of any, with the seconds that they took."""
    made = [index for index, take in enumerate(takes) if not take["error"]] or [0]
    videos = [Video.load(clip_file(clips, takes[index])) for index in made] if len(made) > 1 else []
    began = time.monotonic()
    chosen = made[choose(model, takes[0]["prompt"], videos) if videos else 0]
    seconds = {"making": sum(take["seconds"] for take in takes), "choosing": time.monotonic() - began}
    judged = {name: [take["scores"][name] for take in takes] for name in takes[0]["scores"]}
    best = {name: max((one for one in scores if one), key=lambda one: one[1::-1], default=None) for name, scores in judged.items()}
    kinds = {FIRST: takes[0]["scores"], CHOSEN: takes[chosen]["scores"], ANY: best}
    return [
        {**takes[0], "kind": kind, "take": chosen, "of": len(takes), "seconds": seconds, "scores": found} for kind, found in kinds.items()
    ]


def page(rows: Sequence[Row]) -> str:
    """The table as Markdown, with what choosing costs."""
    groups = {kind: [row for row in rows if row["kind"] == kind] for kind in (FIRST, CHOSEN, ANY)}
    count, of = len(groups[FIRST]), rows[0]["of"]
    making, choosing = (sum(row["seconds"][name] for row in groups[FIRST]) / count for name in ("making", "choosing"))
    cost = f"{of} takes cost {making:.1f} s of making in place of {making / of:.1f} s, and {choosing:.1f} s of choosing, for each prompt."
    pairs = list(zip(groups[FIRST], groups[CHOSEN], strict=True))
    lone = {name: split(pairs, name)[1:3] for name in measures(rows)}
    tests = ", ".join(f"{name} {other} against {one}, p {mcnemar(one, other):.2g}" for name, (one, other) in lone.items() if one + other)
    said = f"Cases that the chosen take alone passes, against those that the first alone does (McNemar): {tests or 'none'}."
    return f"{table(groups, measures(rows), f'best of {of}')}\n\n{said}\n\n{cost}\n"


def main(
    model: Annotated[str, typer.Argument(help="a bundled model or a model's folder")] = "hoshi",
    run: Annotated[Path, typer.Option(help="folder of a run of the world suite with that model")] = Path("evaluation"),
) -> None:
    """Measure how much choosing among the takes of a run is worth, and write choose.md beside it."""
    cases = several(records(run))
    if not cases:
        raise ValueError(f"{run / FILE} has no case with several takes; run the world suite with more cases")
    digest, found = captioner_digest(find(model)), loaded(model)
    compared = [row for takes in cases for row in compare(found, takes, run / "clips")]
    text = page(compared) + f"\nCaptioner {digest}.\n"
    (run / "choose.md").write_text(text, encoding="utf-8")
    typer.echo(text)


if __name__ == "__main__":
    command.run(main)
