"""Whether a small network can tell a model's clips from true ones: `python -m yozora.evaluate.apart MODEL`.

Both are asked for by the same captions and both have been through the model's decoder, so that what is left to tell them apart is what the
generator gets wrong. At 50 % nobody could say which is which. Beside it stands what the same network says of renders and decoded renders,
which differ by what the decoder loses, so that 50 % cannot come from a network that is too weak without being seen.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from yozora import command
from yozora.evaluate.cases import drawn
from yozora.evaluate.many import collect
from yozora.evaluate.report import Row
from yozora.evaluate.truth import act, filmed, squeeze, usual_shot
from yozora.evaluate.world import Exam, loaded, seal_of
from yozora.pipeline import render
from yozora.plan import at_once, choose_device
from yozora.quality import Quality
from yozora.tasks.generate import Generate
from yozora.video.sheet import sheet
from yozora.world.sample import EVERY, sample
from yozora.world.words import caption

LOOKED, SIDE = 9, 128  # frames of a clip that the network sees, evenly spaced, and their longer side in pixels at most
FOLDS = 2  # each clip is judged by a network that has seen neither it nor its render
STEPS, BATCH = 400, 16
SHOWN, STRIP = 8, 4  # scenes on the picture, frames of each clip


TEXT = """# Told from true clips

`python -m yozora.evaluate.apart {name} --clips {clips} --quality {quality}`

Whether a small network, trained to tell one kind of clip from the other, can tell clips that it has not seen: {clips} of each kind, of
{size} pixels, {looked} frames of each clip. `{model}` is asked for scenes of all families by the captions of their renders, with one seed
each; nobody picked. 50 % would mean that nobody can say which is which. Each clip is judged by a network that was trained on the half of
the scenes to which it does not belong; behind +- is half of the 95 % interval over scenes.

| told apart | told rightly |
|---|---|
{rows}

The first {shown} scenes: what the model made, the decoded render, the render.

![clips](apart.png)
"""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Makes three clips of one scene, the model's, the decoded render and the render; it can be sent to another process."""

    exam: Exam

    def __call__(self, number: int) -> list[Row]:
        scene, seed = self.scene(number)
        model = loaded(self.exam.model, self.exam.quality)
        shot = usual_shot(model)
        (made,) = render([Generate(prompt=caption(scene, seed).sentence).canvas(shot)], [seed], self.exam.sampling, model)
        true = filmed(act(scene, shot), shot)
        picks = np.linspace(0, shot.frames - 1, LOOKED).round().astype(int)
        np.save(self.file(number), np.stack([clip.frames[picks] for clip in (made, *squeeze([true], model.vae), true)]))
        return [{"case": number}]

    def scene(self, number: int):
        """The scene of a pair, of any family that is trained on, and the seed of its words and noise."""
        seed = drawn(self.exam.seal, "apart", number)
        return sample(seed, "train", EVERY), seed

    def file(self, number: int) -> Path:
        """Where the frames of a scene lie."""
        return self.exam.folder / f"pair-{number:05d}.npy"


class Judge(nn.Module):
    """How likely a clip is the model's: convolutions over each frame and its change to the next, averaged over the clip."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = (6, width, 2 * width, 2 * width, 4 * width)
        layers = [
            part
            for enters, leaves in zip(widths[:-1], widths[1:], strict=True)
            for part in (nn.Conv2d(enters, leaves, 3, 2, 1), nn.GroupNorm(8, leaves), nn.ReLU())
        ]
        self.look = nn.Sequential(*layers)
        self.say = nn.Linear(2 * widths[-1], 1)

    def forward(self, clips: Float[Tensor, "clip time 3 height width"]) -> Float[Tensor, " clip"]:
        """Logits."""
        change = clips[:, 1:] - clips[:, :-1]
        seen = self.look(torch.cat([clips[:, :-1], change], dim=2).flatten(0, 1)).flatten(2)
        seen = torch.cat([seen.mean(-1), seen.amax(-1)], dim=1).unflatten(0, (len(clips), -1))
        return self.say(seen.mean(1))[:, 0]


def accuracy(pairs: UInt8[Tensor, "pair kind time height width 3"], steps: int = STEPS) -> list[int]:
    """How many clips of each pair, 0 to 2, are told rightly by a network that was trained on the other half of the pairs."""
    right = [0] * len(pairs)
    for fold in range(FOLDS):
        inside = torch.arange(len(pairs)) % FOLDS == fold
        judge = learned(pairs[~inside], steps, fold)
        with torch.no_grad():
            for index in inside.nonzero().flatten().tolist():
                right[index] = int(((judge(signal(pairs[index])) > 0) == torch.tensor([True, False])).sum())
    return right


def share(right: Sequence[int]) -> tuple[float, float]:
    """The share of clips told rightly, and half of its 95 % interval; the two clips of a pair are not independent, pairs are."""
    return float(np.mean(right) / 2), float(1.96 * np.std(right, ddof=1) / 2 / np.sqrt(len(right)))


def learned(pairs: UInt8[Tensor, "pair kind time height width 3"], steps: int, seed: int) -> Judge:
    """A judge trained on pairs of which the first is the model's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = Judge()
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.05)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        picked = torch.randint(len(pairs), (BATCH // 2,), generator=generator)
        clips = signal(pairs[picked].flatten(0, 1))
        if torch.rand((), generator=generator) < 0.5:
            clips = clips.flip(-1)
        wanted = torch.tensor([1.0, 0.0]).repeat(BATCH // 2)
        optimizer.zero_grad()
        functional.binary_cross_entropy_with_logits(judge(clips), wanted).backward()
        optimizer.step()
        rate.step()
    return judge.eval()


def signal(clips: UInt8[Tensor, "clip time height width 3"]) -> Float[Tensor, "clip time 3 height width"]:
    """Frames as a judge sees them, no larger than SIDE."""
    pixels = clips.movedim(-1, 2).float() / 127.5 - 1
    scale = SIDE / max(pixels.shape[-2:])
    if scale >= 1:
        return pixels
    small = functional.interpolate(pixels.flatten(0, 1), scale_factor=scale, mode="area")
    return small.unflatten(0, pixels.shape[:2])


def main(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="a bundled model or a model's folder")] = "hoshi",
    clips: Annotated[int, typer.Option(min=FOLDS, help="of the model, and as many decoded renders")] = 500,
    quality: Annotated[Quality, typer.Option(help="how carefully clips are made")] = "standard",
    folder: Annotated[Path, typer.Option(help="where the frames go; an interrupted run goes on from there")] = Path("apart"),
    out: Annotated[Path, typer.Option(help="where the page goes")] = Path("docs/claims"),
) -> None:
    """Write a page on how many clips the network tells rightly that it has not seen, with a picture of the first scenes."""
    for place in (folder, out):
        command.check_folder(place)
    exam = Exam(model=name, folder=folder, seal=seal_of(loaded(name)), quality=quality)
    for place in (folder, out):
        place.mkdir(parents=True, exist_ok=True)
    pairs = Pairs(exam=exam)
    collect(folder / "apart.jsonl", f"{loaded(name, quality).digest} under seal {exam.seal}", pairs, clips, at_once(choose_device()))
    frames = [np.load(pairs.file(number)) for number in range(clips)]
    sheet([clip for scene in frames[:SHOWN] for clip in scene], STRIP, columns=3).save(out / "apart.png")
    made, decoded, true = torch.from_numpy(np.stack(frames)).unbind(1)
    facts = {}
    for title, one, other in (("the model's and decoded renders", made, decoded), ("renders and decoded renders", true, decoded)):
        facts[title] = share(accuracy(torch.stack([one, other], dim=1)))
    rows = "\n".join(f"| {title} | {100 * found:.1f} % +- {100 * half:.1f} |" for title, (found, half) in facts.items())
    size = "x".join(map(str, loaded(name).habits.size))
    kept = {"model": loaded(name).name, "name": name, "clips": clips, "quality": quality, "size": size, "shown": SHOWN}
    (out / "apart.md").write_text(TEXT.format(rows=rows, looked=LOOKED, **kept), encoding="utf-8")
    (out / "apart.json").write_text(json.dumps({"pairs": clips, "share, half of its interval": facts}, indent=1) + "\n", encoding="utf-8")
    typer.echo(out / "apart.md")


if __name__ == "__main__":
    command.run(main)
