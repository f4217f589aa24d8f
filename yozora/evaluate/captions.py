"""How well a captioner reads clips: `python -m yozora.evaluate.captions hoshi --clips 200`.

Clips are renders of scenes from seeds that nobody trained on, and of held-out pairs and triples. A caption is read back with the
world's own parser and compared with the scene; beside it stand a true caption of another clip, which is what guessing gives, and
the true caption, which is what parsing allows. The alignment of a sentence with a clip is tested on true and false sentences.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from jaxtyping import Float
from torch import Tensor

from yozora import command
from yozora.captioner import LENGTHS, alignments, describe
from yozora.captioning import captioner_of, encoded
from yozora.evaluate.measures import record
from yozora.evaluate.report import Row, percent, table
from yozora.evaluate.said import NAMES, SWAPS, facts_in, facts_of, judge, swapped
from yozora.evaluate.truth import act, film, usual_shot
from yozora.model import Model, captioner_digest, find, load
from yozora.plan import choose_device, choose_dtype
from yozora.video.sheet import sheet
from yozora.world.sample import sample
from yozora.world.scene import Scene
from yozora.world.words import Captions, caption

FIRST = 83_000_000  # seeds from here on are of no pool of training clips
SPLITS = {"unseen scenes": ("train",), "held-out pairs and triples": ("pairs", "triples")}
KINDS = ("the captioner", "a caption of another clip", "the true caption")
TOGETHER = 16
SHEET, STRIP = 12, 6  # clips on the sheet, frames of each


@dataclass(frozen=True)
class Seen:
    """A clip with the scene it shows and what is truly said of it."""

    scene: Scene
    captions: Captions
    frames: np.ndarray
    latents: Float[Tensor, "channel cells rows columns"]


def look(model: Model, splits: Sequence[str], clips: int, device: torch.device) -> list[Seen]:
    """Clips of some splits in turn, rendered and encoded."""
    shot, found = usual_shot(model), []
    for number in range(clips):
        seed = FIRST + number
        scene = sample(seed, splits[number % len(splits)])
        (video,) = film([act(scene, shot)], shot, device)
        found.append(Seen(scene, caption(scene, seed), video.frames, encoded(video, model)))
        if not (number + 1) % 50:
            typer.echo(f"{number + 1} of {clips} clips rendered ({', '.join(splits)})", err=True)
    return found


def read_back(model: Model, seen: Sequence[Seen], split: str) -> Iterator[Row]:
    """A line for each clip, length and kind of caption: what was said and what of it is right."""
    captioner, tokenizer = captioner_of(model), model.own_text.tokenizer
    for length in LENGTHS:
        true = [getattr(one.captions, length) for one in seen]
        batches = [seen[first : first + TOGETHER] for first in range(0, len(seen), TOGETHER)]
        said = [text for some in batches for text in describe(captioner, tokenizer, [one.latents for one in some], length)]
        for kind, texts in zip(KINDS, (said, true[1:] + true[:1], true), strict=True):
            for number, (one, text) in enumerate(zip(seen, texts, strict=True)):
                scores = record(judge(facts_in(text), facts_of(one.scene)))
                yield {"split": split, "number": number, "length": length, "kind": kind, "text": text, "scores": scores}


def align(model: Model, seen: Sequence[Seen]) -> dict[str, tuple[list[float], list[float]]]:
    """The alignment of true sentences and of false ones of each kind, clip by clip where a sentence can be made false so."""
    rng = np.random.default_rng(0)
    true = [one.captions.sentence for one in seen]
    wrong: dict[str, list[str | None]] = {"another clip": [*true[1:], *true[:1]]}
    wrong |= {what: [swapped(text, what, rng) for text in true] for what in SWAPS}
    right = aligned(model, seen, true)
    found = {}
    for what, texts in wrong.items():
        which = [number for number, text in enumerate(texts) if text]
        false = aligned(model, [seen[number] for number in which], [text for text in texts if text])
        found[what] = ([right[number] for number in which], false)
    return found


def aligned(model: Model, seen: Sequence[Seen], texts: Sequence[str]) -> list[float]:
    """The alignment of a text with each clip."""
    found = []
    for first in range(0, len(seen), TOGETHER):
        some = slice(first, first + TOGETHER)
        clips = [one.latents for one in seen[some]]
        found += alignments(captioner_of(model), model.own_text.tokenizer, clips, texts[some]).tolist()
    return found


def auc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """The share of all pairs of a true and a false sentence, of any clips, of which the true one scores higher."""
    differences = np.subtract.outer(np.array(right), np.array(wrong))
    return float((differences > 0).mean() + (differences == 0).mean() / 2)


def page(rows: Sequence[Row], scores: dict[str, dict[str, tuple[list[float], list[float]]]]) -> str:
    """The tables as Markdown."""
    parts = []
    for split in SPLITS:
        for length in LENGTHS:
            some = [row for row in rows if (row["split"], row["length"]) == (split, length)]
            groups = {kind: [row for row in some if row["kind"] == kind] for kind in KINDS}
            parts.append(table(groups, NAMES, f"{split}, {length}: all of it and nothing else"))
            parts.append(table(groups, [f"no false {name}" for name in NAMES], f"{split}, {length}: of those that say something"))
    parts.append("| alignment | sentences | AUC | true above false on the same clip |\n|---|---|---|---|")
    for split, found in scores.items():
        for what, (right, wrong) in found.items():
            above = sum(a > b for a, b in zip(right, wrong, strict=True))
            share = percent(above, len(right))
            false = "of another clip" if what == "another clip" else f"another {what}"
            parts[-1] += f"\n| {split}, against a sentence with {false} | {len(right)} | {auc(right, wrong):.3f} | {share} |"
    return "\n\n".join(parts).replace("with of", "of") + "\n"


def main(
    model: Annotated[str, typer.Argument(help="a bundled model or a model's folder")] = "hoshi",
    clips: Annotated[int, typer.Option(min=2, help="clips of unseen scenes, and as many held out")] = 200,
    out: Annotated[Path, typer.Option(help="where captions, tables and a sheet go")] = Path("captions"),
) -> None:
    """Measure a captioner and write captions.jsonl, captions.md and a sheet of clips beside their captions."""
    command.check_folder(out)
    device = choose_device()
    digest, loaded = captioner_digest(find(model)), load(model, device, choose_dtype(device))
    out.mkdir(parents=True, exist_ok=True)
    rows, scores = [], {}
    for split, names in SPLITS.items():
        seen = look(loaded, names, clips, device)
        rows += read_back(loaded, seen, split)
        scores[split] = align(loaded, seen)
        sheet([one.frames for one in seen[:SHEET]], STRIP).save(out / f"{split.replace(' ', '-')}.png")
    lines = [json.dumps({"model": loaded.digest, "captioner": digest, **row}) + "\n" for row in rows]
    (out / "captions.jsonl").write_text("".join(lines), encoding="utf-8")
    (out / "captions.md").write_text(text := page(rows, scores), encoding="utf-8")
    typer.echo(text)


if __name__ == "__main__":
    command.run(main)
