"""Trains the two networks that look, on renders of the training split: `python -m yozora.evaluate.train_shapes`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
import typer
from jaxtyping import Float, Int8, Int64, UInt8
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from yozora import command
from yozora.evaluate.sight.detect import crops, regions, shrink
from yozora.evaluate.sight.eye import CROP, WEIGHTS, Eye, light_of
from yozora.evaluate.truth import stills
from yozora.world.render import render
from yozora.world.sample import sample
from yozora.world.scene import COLOURS, SHAPES, STYLES
from yozora.world.simulate import simulate
from yozora.world.take import Take

FIRST_SEED = 70_000_000  # scenes from here on are looked at in training; calibration and cards use others
SIZES = ((128, 128), (128, 128), (192, 128), (128, 192), (256, 256))
FRAMES = 6  # of each scene
NATURAL = 0.75  # of the scenes; the others are spread over the styles
WINDOW, WINDOWS = 80, 2  # pixels on a side of what the colour network learns from, and how many of a picture
PURE = 0.7  # of a region that one object must make up for it to be an example of a shape


@dataclass(frozen=True)
class Shots:
    """Pictures of one scene with the label of each pixel and, for each label and solid, what it is."""

    raw: UInt8[Tensor, "frame 3 height width"]
    solids: Int8[Tensor, "frame height width"]  # -1 for background
    take: Take

    @property
    def pixels(self) -> Float[Tensor, "frame 3 height width"]:
        """In [0, 1]."""
        return self.raw.float() / 255

    @property
    def labels(self) -> Int64[Tensor, "frame height width"]:
        """0 for background, else the colour's number from 1 on."""
        names = [1 + list(COLOURS).index(body.colour) for body in self.take.scene.objects]
        table = torch.tensor([0, *names, *[0] * (len(self.take.solids) - len(names))])
        return table[self.solids.long() + 1]


def shoot(seed: int) -> Shots:
    """A few frames of a training scene at some size, as the detector would look at them."""
    rng = np.random.default_rng(seed)
    scene = sample(FIRST_SEED + seed, "train")
    style = "natural" if rng.random() < NATURAL else STYLES[rng.integers(1, len(STYLES))]
    width, height = SIZES[rng.integers(len(SIZES))]
    take = simulate(replace(scene, style=style), frames=49, fps=12, aspect=width / height)
    take = stills(take, rng.choice(49, FRAMES, replace=False))
    rendered = render([take], (width, height))
    pixels = shrink(rendered.frames[0])
    solids = F.interpolate(rendered.masks.float(), pixels.shape[2:], mode="nearest-exact")[0]
    return Shots((pixels * 255).round().to(torch.uint8), solids.to(torch.int8), take)


def worsen(pixels: Float[Tensor, "frame 3 height width"], generator: torch.Generator) -> Float[Tensor, "frame 3 height width"]:
    """Pictures as a network might draw them: coarser, tinted, noisy."""
    amount = torch.rand(3, generator=generator)
    size = pixels.shape[2:]
    if amount[0] < 0.6:
        small = [round(side * float(1 - 0.9 * amount[0])) for side in size]
        pixels = F.interpolate(F.interpolate(pixels, small, mode="area"), size, mode="bicubic")
    tint = 1 + 0.1 * amount[1] * (2 * torch.rand(len(pixels), 3, 1, 1, generator=generator) - 1)
    return (pixels * tint + 0.03 * amount[2] * torch.randn(pixels.shape, generator=generator)).clamp(0, 1)


def learn(network: nn.Module, steps: int, batches: Iterator[tuple[tuple[Tensor, ...], Tensor]], weights: Tensor) -> None:
    """Cross entropy, AdamW, a rate that falls to zero."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for step in range(steps):
        seen, truth = next(batches)
        loss = F.cross_entropy(network(*seen), truth, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step} of {steps}: loss {float(loss.detach()):.4f}", flush=True)


def windows(shots: list[Shots], generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Small parts of all pictures, the light of the whole picture, and the label of each pixel; half are about some object."""
    parts, lights, truth = [], [], []
    for shot in shots:
        pixels, labels = shot.pixels, shot.labels
        height, width = labels.shape[1:]
        found = labels.nonzero()
        for index in range(WINDOWS * FRAMES):
            frame, y, x = (int(torch.randint(limit, (), generator=generator)) for limit in labels.shape)
            if index % 2 and len(found):
                frame, y, x = found[int(torch.randint(len(found), (), generator=generator))].tolist()
            top, left = min(max(y - WINDOW // 2, 0), height - WINDOW), min(max(x - WINDOW // 2, 0), width - WINDOW)
            place = np.s_[..., top : top + WINDOW, left : left + WINDOW]
            parts.append(shot.raw[frame][place])
            lights.append(frame)
            truth.append(labels[frame][place].to(torch.uint8))
        light = light_of(pixels)
        lights[-WINDOWS * FRAMES :] = [light[frame] for frame in lights[-WINDOWS * FRAMES :]]
    return torch.stack(parts), torch.stack(lights), torch.stack(truth)


def colour_batches(bank: tuple[Tensor, Tensor, Tensor], generator: torch.Generator) -> Iterator[tuple[tuple[Tensor, Tensor], Tensor]]:
    """Windows, worsened alike by fours."""
    parts, lights, truth = bank
    while True:
        index = torch.randint(len(parts), (12,), generator=generator)
        seen = torch.cat([worsen(group.float() / 255, generator) for group in parts[index].split(4)])
        yield (seen, lights[index]), truth[index].long()


def shape_examples(shots: list[Shots], eye: Eye, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Crops of the regions that the trained colour network finds, with the shape of the object that each mostly shows."""
    seen, truth = [], []
    for shot in shots:
        for pixels in (shot.pixels, worsen(shot.pixels, generator)):
            _, number, blobs = regions(pixels, eye)
            found = zip(blobs.frame, blobs.number, strict=True)
            shapes = np.array([_shape_of(shot, number[frame] == own, frame) for frame, own in found], int)
            if (shapes >= 0).any():
                seen.append(crops(pixels, number, blobs.chosen(shapes >= 0)))
                truth.append(torch.from_numpy(shapes[shapes >= 0]))
    return torch.cat(seen), torch.cat(truth)


def shape_batches(seen: Tensor, truth: Tensor, generator: torch.Generator) -> Iterator[tuple[tuple[Tensor], Tensor]]:
    """Crops, each a little turned, enlarged and shifted, and mirrored half of the time."""
    while True:
        index = torch.randint(len(seen), (256,), generator=generator)
        angle, scale, right, down = (2 * torch.rand(4, 256, generator=generator) - 1) * torch.tensor([0.15, 0.1, 0.06, 0.06])[:, None]
        scale, side = 1 + scale, torch.randint(2, (256,), generator=generator) * 2 - 1
        rows = (scale * angle.cos() * side, scale * angle.sin(), right, -scale * angle.sin() * side, scale * angle.cos(), down)
        turn = torch.stack(rows, dim=1).reshape(256, 2, 3)
        places = F.affine_grid(turn, [256, 3, CROP, CROP], align_corners=False)
        yield (F.grid_sample(seen[index], places, align_corners=False),), truth[index]


def train(scenes: int, steps: int) -> Eye:
    """Both networks from random weights."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    eye = Eye()
    shots = [shoot(seed) for seed in range(scenes)]
    importance = torch.tensor([1.0, *[1.5] * len(COLOURS)])
    learn(eye.colour, steps, colour_batches(windows(shots, generator), generator), importance)
    eye.eval().requires_grad_(requires_grad=False)
    seen, truth = shape_examples(shots, eye, generator)
    eye.shape.requires_grad_()
    learn(eye.shape, 2 * steps, shape_batches(seen, truth, generator), len(truth) / torch.bincount(truth, minlength=len(SHAPES)))
    return eye


def _shape_of(shot: Shots, region: np.ndarray, frame: int) -> int:
    """The number of the shape of the object that makes up most of a region, or -1."""
    solids = shot.solids[frame].numpy()[region]
    bodies = shot.take.scene.objects
    share = np.bincount(solids[solids >= 0], minlength=len(shot.take.solids))[: len(bodies)] / len(solids)
    return SHAPES.index(bodies[int(share.argmax())].shape) if share.max() >= PURE else -1


def main(
    scenes: Annotated[int, typer.Option(min=1, help="of the training split, which are looked at")] = 2000,
    steps: Annotated[int, typer.Option(min=1, help="of the network for colours; that for shapes takes twice as many")] = 2000,
) -> None:
    """Train both networks and write them in place of those that are there."""
    trained = train(scenes, steps)
    save_file({name: tensor.half().contiguous() for name, tensor in trained.state_dict().items()}, WEIGHTS)
    typer.echo(f"wrote {WEIGHTS}")


if __name__ == "__main__":
    command.run(main)
