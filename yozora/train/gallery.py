"""Pictures that a run leaves of what it can do so far."""

import torch

from yozora.canvas import Canvas
from yozora.captioner import Captioner, describe
from yozora.model import Model
from yozora.order import Sampling
from yozora.pipeline import render
from yozora.tasks.generate import Generate
from yozora.tasks.request import Shot
from yozora.train.clips import film
from yozora.train.latents import encode, grid_of
from yozora.train.recipe import Recipe
from yozora.train.report import Gallery
from yozora.vae import VideoVAE, to_frames, to_signal
from yozora.video.sheet import sheet
from yozora.world.sample import sample
from yozora.world.words import caption

STRIP = 6  # frames shown of each clip


def reconstructions(vae: VideoVAE, recipe: Recipe, device: torch.device) -> Gallery:
    """Clips above what the network makes of them; clips of the largest shape that the training never sees."""
    shape = max(recipe.vae.cropping.shapes, key=lambda shape: (shape.frames, shape.width))
    clips = film(recipe.vae.cropping.seed + 1, range(4), shape, recipe.habits.fps, device)
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        again = to_frames(vae.decode(vae.encode(to_signal(clips.frames))))
    rows = [clip for pair in zip(clips.frames.cpu().numpy(), again.cpu().numpy(), strict=True) for clip in pair]
    return Gallery(sheet(rows, STRIP), tuple(captions.sentence for captions in clips.captions))


def samples(model: Model, sampling: Sampling, count: int = 8) -> Gallery:
    """Clips of training-like prompts that are the same throughout a run."""
    prompts = [caption(sample(seed, "train"), seed).sentence for seed in range(count)]
    habits = model.habits
    shot = Shot(width=habits.size[0], height=habits.size[1], frames=round(habits.seconds * habits.fps), fps=habits.fps)
    canvases: list[Canvas] = [Generate(prompt=prompt).canvas(shot) for prompt in prompts]
    with torch.autocast(next(model.transformer.parameters()).device.type, torch.bfloat16):
        clips = render(canvases, range(count), sampling, model)
    return Gallery(sheet([clip.frames for clip in clips], STRIP), tuple(prompts))


def told(captioner: Captioner, model: Model, recipe: Recipe, device: torch.device, count: int = 8) -> Gallery:
    """Clips of the largest shape that the training never sees, with what the captioner says of each and, in brackets, what is true."""
    batching = recipe.captioner.batching
    shape = max(batching.shapes, key=lambda shape: (shape.frames, shape.pool))
    clips = film(batching.seed + 1, range(count), shape, batching.fps, device)
    latents = encode(model.vae, grid_of(model.vae.config, shape, captioner.config.patch), clips.frames)
    said = describe(captioner, model.own_text.tokenizer, list(latents))
    pairs = zip(said, clips.captions, strict=True)
    return Gallery(sheet(list(clips.frames.cpu().numpy()), STRIP), tuple(f"{text} ({true.sentence})" for text, true in pairs))
