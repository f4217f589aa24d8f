"""Whether the measures can be trusted: their verdicts on true clips and on faults, `python -m yozora.evaluate.calibrate`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from yozora import command
from yozora.evaluate import judges, many, trials
from yozora.evaluate.cases import LEVELS
from yozora.evaluate.misdeeds import MISDEEDS
from yozora.evaluate.report import Row, measures, of_all, split, table, tally
from yozora.evaluate.thresholds import FROZEN, check_frozen
from yozora.evaluate.trials import OTHER, Trial
from yozora.evaluate.world import RENDER, THROUGH, loaded
from yozora.world.sample import EVERY

SIDEWAYS = "mirror, of sideways motion"
CAUGHT = {  # the faults that each measure is there for
    "colours": ("recolour", "recolour midway", OTHER),
    "count": ("vanish", "add", "remove midway"),
    "shapes": ("reshape", OTHER),
    "binding": ("reshape", "recolour", OTHER),
    "direction": (SIDEWAYS, "freeze", "shuffle"),
    "camera": (OTHER, "swerve"),
    "permanence": ("vanish", "teleport", "recolour midway", "swell midway"),
    "deeds": ("stray", *dict.fromkeys(fault.__name__ for faults in MISDEEDS.values() for fault in faults), "light"),
    "irreversible": ("undo", "gone", "backward", "erase"),
    "rigid": ("wobble",),
    "flicker": ("tremble",),
    "inside": ("enlarge",),
    "round_balls": ("narrow",),
    "no_bars": ("bars",),
    "gravity": ("slow",),
    "trajectory": ("slow", "stop"),
}


def tables(rows: Sequence[Row]) -> str:
    """All of it as Markdown: each measure and what it is there for, all measures on all clips, the true ones by level, and what fails."""
    kinds: dict[str, Sequence[Row]] = {
        name: [one for one in rows if one["what"] == name] for name in dict.fromkeys(one["what"] for one in rows)
    }
    if "mirror" in kinds:
        kinds[SIDEWAYS] = [one for one in kinds["mirror"] if one["sideways"]]
    names = measures(rows)
    true = [one for one in rows if one["what"] == RENDER]
    levels = {f"{RENDER}: {level}": some for level, some in split(true, lambda one: one["level"]).items()}
    parts = (names[:7], [names[0], *names[7:]])
    return "\n\n".join([caught(kinds), *(table(groups, part, "clips") for groups in (kinds, levels) for part in parts), causes(true)])


def caught(kinds: Mapping[str, Sequence[Row]]) -> str:
    """How often each measure passes true clips, and clips with a fault that it is there for."""
    found = ["| measure | renders | through the VAE | fault | with the fault |", "|---" * 5 + "|"]
    for name, spoils in CAUGHT.items():
        true, squeezed = (of_all(*tally(kinds[kind], name)) for kind in (RENDER, THROUGH))
        found += [
            f"| {name} | {true} | {squeezed} | {fault} | {of_all(*tally(kinds[fault], name))} |" for fault in spoils if fault in kinds
        ]
    return "\n".join(found)


def causes(true: Sequence[Row]) -> str:
    """What fails the true clips that fail: how many of them each measure does."""
    failing = [{name for name, score in row["scores"].items() if score and not score[1] and name != "all"} for row in true]
    number = Counter(name for names in failing for name in names)
    said = ", ".join(f"{name} {times}" for name, times in number.most_common())
    return f"Of {len(true)} true clips {sum(map(bool, failing))} fail: {said or 'none'}."


def main(
    model: Annotated[str, typer.Argument(help="a bundled model or a model's folder, whose compression network clips are put through")],
    clips: Annotated[int, typer.Option(min=1, help="cases")] = 200,
    faulty: Annotated[int, typer.Option(min=0, help="of which so many are also spoilt in every way")] = 60,
    level: Annotated[str, typer.Option(help="cases of this level or family alone")] = "",
    out: Annotated[Path, typer.Option(help="where the records go; an interrupted run goes on from there")] = Path("calibration"),
    processes: Annotated[int, typer.Option(min=1, help="how many judge at once")] = 1,
) -> None:
    """Print the verdicts of all measures on true and on spoilt clips."""
    if level and level not in {*LEVELS, *EVERY} - {"free"}:
        raise ValueError(f"no level or family {level!r} with scenes; choose one of {', '.join((*LEVELS, *EVERY))}, but not free")
    check_frozen()
    command.check_folder(out)
    trial = Trial(model, faulty, level)
    digest = f"{loaded(model).vae_digest}, {trial}, judged by {judges.digest(trials.__name__)}"
    rows = many.collect(out / "calibration.jsonl", digest, trial, clips, processes)
    typer.echo(f"Limits {FROZEN}, judges {judges.digest()}.\n\n{tables(rows)}")


if __name__ == "__main__":
    command.run(main)
