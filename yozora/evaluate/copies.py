"""Whether the measures of likeness tell copies from new clips: `python -m yozora.evaluate.copies MODEL`.

Clips stand in for a model's: renders of scenes that are taken for learned, as they are and spoilt, and of scenes that are not. All go
through the model's compression network.
"""

from typing import Annotated

import numpy as np
import typer

from yozora import command
from yozora.evaluate import faults
from yozora.evaluate.likeness import closeness, distances, features, features_of, vendi
from yozora.evaluate.report import percent
from yozora.evaluate.summary import COPY
from yozora.evaluate.truth import act, filmed, squeeze, usual_shot
from yozora.evaluate.world import loaded
from yozora.video import Video
from yozora.world.sample import sample

FIRST = 71_000_000  # the first seed; no model is trained on it or judged by it
TAKES = 4  # of one prompt


def main(
    model: Annotated[str, typer.Argument(help="a bundled model or a model's folder, whose compression network clips are put through")],
    clips: Annotated[int, typer.Option(min=TAKES, help="of each kind")] = 60,
    among: Annotated[int, typer.Option(min=1, help="clips that are taken for learned, and as many fresh ones")] = 1000,
    processes: Annotated[int, typer.Option(min=1, help="how many draw at once")] = 1,
) -> None:
    """Print how near copies and new clips are to what was learned, and how many of four takes seem to differ."""
    network = loaded(model)
    shot, rng = usual_shot(network), np.random.default_rng(0)
    scenes = [sample(seed) for seed in range(FIRST, FIRST + 2 * among + clips)]
    everything = features_of(scenes[: 2 * among], shot, processes)
    learned, fresh = everything[:among], everything[among:]
    copies, new = ([filmed(act(scene, shot), shot) for scene in some] for some in (scenes[:clips], scenes[-clips:]))
    kinds = {
        "copies": copies,
        "copies, mirrored": [Video(faults.mirror(one.frames, rng), one.fps) for one in copies],
        "copies, of trembling light": [Video(faults.tremble(one.frames, rng), one.fps) for one in copies],
        "new clips": new,
    }
    seen = {kind: features(squeeze(videos, network.vae)) for kind, videos in kinds.items()}
    typer.echo("| clips | clips | nearest learned one over nearest fresh one, median | below one half |\n|---|---|---|---|")
    for kind, some in seen.items():
        ratio = closeness(some, learned, fresh)
        typer.echo(f"| {kind} | {len(some)} | {np.median(ratio):.2f} | {percent(int((ratio < COPY).sum()), len(ratio))} |")
    scale = float(np.median(distances(fresh[:100], fresh[:100])[np.triu_indices(len(fresh[:100]), 1)]))
    alike = [
        vendi(np.stack([seen[kind][number] for kind in ("copies", "copies, of trembling light")] * 2), scale) for number in range(clips)
    ]
    unlike = [vendi(seen["new clips"][number : number + TAKES], scale) for number in range(clips - TAKES + 1)]
    typer.echo(
        f"\nOf {TAKES} takes that are one clip under two lights {np.mean(alike):.2f} differ, of {TAKES} that have nothing in common ",
        nl=False,
    )
    typer.echo(f"{np.mean(unlike):.2f} (mean over {len(alike)} and {len(unlike)}).")


if __name__ == "__main__":
    command.run(main)
