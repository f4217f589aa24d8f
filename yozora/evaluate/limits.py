"""How far the limits of the verbs suite lie from what true clips do: `python -m yozora.evaluate.limits MODEL`.

Cases are those that no model is scored on: from number `UNSCORED` on. A limit is as strict as these renders allow, and is set before any
model is scored by it.
"""

from typing import Annotated

import numpy as np
import typer

from yozora import command
from yozora.evaluate.finding import Finding
from yozora.evaluate.truth import usual_shot
from yozora.evaluate.verbs.edit import RENDER
from yozora.evaluate.verbs.suite import THROUGH, VERBS, Maker, at_best, check
from yozora.model import load
from yozora.plan import choose_device, choose_dtype

UNSCORED = 500  # cases below it may be scored
SPREAD = (0.0, 0.05, 0.5, 0.95, 1.0)  # quantiles that are shown


def main(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="a bundled model or a model's folder")],
    cases: Annotated[int, typer.Option(min=1, help="of each verb")] = 24,
    verbs: Annotated[str, typer.Option(help="names with commas between them; all where none is given")] = "",
) -> None:
    """Print for each measure how many renders pass and the quantiles of its values, alone and through the compression network."""
    chosen = verbs.split(",") if verbs else list(VERBS)
    check(chosen)
    device = choose_device()
    model = load(name, device, choose_dtype(device))
    maker = Maker(model, usual_shot(model))
    typer.echo(f"| verb | measure | clips | passed | {' | '.join(f'{100 * share:.0f} %' for share in SPREAD)} |")
    typer.echo("|---" * (4 + len(SPREAD)) + "|")
    for verb in chosen:
        found: dict[tuple[str, str], list[Finding]] = {}
        for number in range(UNSCORED, UNSCORED + cases):
            edit = maker.edit(verb, number)
            if RENDER in edit.others:
                for kind, video in ((RENDER, edit.others[RENDER]), (THROUGH, at_best(edit, model))):
                    for measure, finding in edit.judge(video).items():
                        if finding:
                            found.setdefault((measure, kind), []).append(finding)
        for (measure, kind), some in sorted(found.items()):
            values = np.quantile([one.value for one in some], SPREAD)
            passed = sum(one.passed for one in some)
            typer.echo(f"| {verb} | {measure}, {kind} | {len(some)} | {passed} | {' | '.join(f'{value:.3g}' for value in values)} |")


if __name__ == "__main__":
    command.run(main)
