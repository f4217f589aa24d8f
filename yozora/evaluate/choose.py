"""Best of several takes: `python -m yozora.evaluate.choose hoshi --prompts 24 --of 4`.

Of each prompt so many takes are made, and the one to which the captioner gives its words most readily is kept. The table has the
measures of the first take and of the chosen one, and says for each measure whether any take passes it: more cannot be chosen.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from yozora.captioner import likelihoods
from yozora.captioning import captioner_of, encoded
from yozora.evaluate.card import NAMES, Case, Studio, cases, judged
from yozora.evaluate.report import Row, table
from yozora.model import Model, captioner_digest, find, load
from yozora.plan import choose_device, choose_dtype
from yozora.video import Video

FIRST, CHOSEN, ANY = "the first take", "the chosen take", "any of the takes"
APART = 1_000_000  # between the seeds of the takes of one prompt


def choose(model: Model, prompt: str, takes: Sequence[Video]) -> int:
    """Which of some takes shows best what a prompt says, by the captioner's likelihood of the prompt.

    Raises ValueError for a model without a captioner.
    """
    clips = [encoded(take, model) for take in takes]
    return int(likelihoods(captioner_of(model), model.text.tokenizer, clips, [prompt] * len(clips)).argmax())


def compare(studio: Studio, case: Case, of: int) -> Iterator[Row]:
    """The records of a prompt: of the first of its takes, of the chosen one and of any, with the seconds that they took."""
    began = time.monotonic()
    takes = [studio.make("model", [replace(case, number=case.number + take * APART)])[0] for take in range(of)]
    made = time.monotonic()
    chosen = choose(studio.model, case.prompt, takes)
    seconds = {"making": made - began, "choosing": time.monotonic() - made}
    rows = [judged(case, "", take, "") for take in takes]
    best = {name: max((row["scores"][name] or [0.0, False] for row in rows), key=lambda score: score[1::-1]) for name in NAMES}
    best = {name: score if rows[0]["scores"][name] else None for name, score in best.items()}
    for kind, take in ((FIRST, 0), (CHOSEN, chosen)):
        yield rows[take] | {"kind": kind, "take": take, "of": of, "seconds": seconds}
    yield rows[0] | {"kind": ANY, "take": None, "of": of, "seconds": seconds, "scores": best}


def page(rows: Sequence[Row]) -> str:
    """The table as Markdown, with what choosing costs."""
    groups = {kind: [row for row in rows if row["kind"] == kind] for kind in (FIRST, CHOSEN, ANY)}
    count, of = len(groups[FIRST]), rows[0]["of"]
    making, choosing = (sum(row["seconds"][name] for row in groups[FIRST]) / count for name in ("making", "choosing"))
    cost = f"{of} takes cost {making:.1f} s of making in place of {making / of:.1f} s, and {choosing:.1f} s of choosing, for each prompt."
    return f"{table(groups, NAMES, f'best of {of}')}\n\n{cost}\n"


def main(
    model: Annotated[str, typer.Argument(help="a bundled model or a model's folder")] = "hoshi",
    prompts: Annotated[int, typer.Option(min=1, help="prompts of the training sampler, nothing left out")] = 24,
    of: Annotated[int, typer.Option(min=2, help="takes of each prompt")] = 4,
    out: Annotated[Path, typer.Option(help="where records and the table go")] = Path("choose"),
) -> None:
    """Measure how much choosing among takes is worth, and write choose.jsonl and choose.md."""
    device = choose_device()
    digest, loaded = captioner_digest(find(model)), load(model, device, choose_dtype(device))
    studio = Studio(loaded, device)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with (out / "choose.jsonl").open("w", encoding="utf-8") as file:
        for number, case in enumerate(cases(prompts, studio.shot)[:prompts], 1):
            found = [{"model": loaded.digest, "captioner": digest, **row} for row in compare(studio, case, of)]
            rows += found
            file.write("".join(json.dumps(row) + "\n" for row in found))
            file.flush()
            typer.echo(f"{number} of {prompts} prompts", err=True)
    (out / "choose.md").write_text(text := page(rows), encoding="utf-8")
    typer.echo(text)


if __name__ == "__main__":
    typer.run(main)
