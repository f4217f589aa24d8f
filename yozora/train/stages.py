"""The stages of a run, each from clips to weights: the compression network, the generator, and the captioner."""

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path

import torch
from torch import nn

from yozora.captioner import Captioner, CaptionerConfig
from yozora.model import Model, Student, find, load, save
from yozora.order import Sampling
from yozora.text import TextConfig, TextEncoder, Tokenizer
from yozora.train.captioner import CaptionerTask
from yozora.train.clips import ClipShape, FilmMaker
from yozora.train.draws import key
from yozora.train.fresh import FreshClips
from yozora.train.gallery import reconstructions, samples, told
from yozora.train.generator import Aids, GeneratorTask, Source
from yozora.train.inherit import fingerprint, take_up
from yozora.train.latents import LatentMaker, PooledClips, grid_of
from yozora.train.loop import Run, train
from yozora.train.mirror import HalfMirrored, mirror_of
from yozora.train.pool import Block, Pool
from yozora.train.recipe import Recipe
from yozora.train.report import Gallery
from yozora.train.retell import retold
from yozora.train.student import Leaps, StudentTask
from yozora.train.vae import PooledCrops, VAETask
from yozora.transformer import lora
from yozora.transformer.model import Transformer, TransformerConfig
from yozora.vae import VideoVAE, foreground_weights, initialise, save_vae, to_signal
from yozora.vae.initialise import start_from_components
from yozora.weights import sha256
from yozora.world.sample import named, sample
from yozora.world.words import caption

Say = Callable[[str], None]
BLOCK = 48  # clips to a file
COMPONENT_CLIPS = 160  # clips whose principal components the VAE begins from


def train_vae(recipe: Recipe, folder: Path, device: torch.device, say: Say) -> Path:
    """Train the video compression network below `folder`; returns the file of its averaged weights."""
    stage, place = recipe.vae, folder / "vae"
    identity = repr((stage, recipe.habits.fps))
    weights = place / f"vae-{key(identity):016x}.safetensors"
    if weights.exists():
        say(f"using the finished {weights}")
        return weights
    steps = stage.optimization.steps
    run = Run(folder=place, recipe=identity, steps=steps, save_every=stage.save_every, show_every=stage.save_every)
    run.check()
    seed = stage.cropping.seed
    films = [_films(shape, seed, recipe.habits.fps, folder) for shape in stage.cropping.shapes]
    pools = {pool.folder.name: _prepared(pool, recipe, say).load() for pool in films}
    torch.manual_seed(seed)
    vae = initialise(VideoVAE(stage.network))
    if vae.straight is not None:
        begin_straight(vae, pools)
    vae = vae.to(device)
    task = VAETask(
        vae=vae,
        crops=PooledCrops(pools, stage.cropping),
        how=stage.optimization,
        adversary=stage.adversary,
        scales=stage.scales,
        noise=stage.cropping.noise,
        seed=seed,
        show=lambda: reconstructions(vae, recipe, device),
    )
    averaged = train(task, run, say)["vae"]
    vae.load_state_dict(averaged)
    scaled = VideoVAE(replace(stage.network, **_statistics(vae, pools, device)))
    scaled.load_state_dict(averaged)
    save_vae(scaled, weights)
    return weights


def begin_straight(vae: VideoVAE, pools: dict[str, Block]) -> None:
    """Set the linear map of a VAE to the principal components of its training clips, and keep it so."""
    tensors, _ = max(pools.values(), key=lambda block: block[0]["frames"].shape[1])
    frames, masks = (tensors[name][:: max(1, len(tensors[name]) // COMPONENT_CLIPS)] for name in ("frames", "masks"))
    start_from_components(vae, to_signal(frames), foreground_weights((masks >= 0).float()[:, None]))
    vae.get_submodule("straight").requires_grad_(requires_grad=False)


def train_generator(recipe: Recipe, vae: VideoVAE, folder: Path, device: torch.device, say: Say, start: str = "") -> Model:
    """Train text encoder and transformer on latents of `vae`, from random weights or those of model `start`.

    Whenever it shows what it can do so far, the model so far is left below `folder` too, for who cannot wait or loses the machine.
    """
    stage, vae = recipe.generator, vae.to(device)
    other, origin = load(start, device, torch.float32) if start else None, ""
    text, transformer = networks(recipe, vae, heard(recipe, folder, other.own_text.tokenizer.words if other else ()))
    model = Model(name=recipe.name, digest="", vae=vae, text=text.to(device), transformer=transformer.to(device), habits=recipe.habits)
    if other:
        take_up(model, other)
        origin = f"{other.name} {other.digest}"
        say(f"going on from the weights of {origin}; the optimizer's moments are rebuilt during the warm-up")
    weights = folder / "vae.safetensors"
    save_vae(vae, weights)
    run = Run(
        folder=folder / "-".join(filter(None, ("generator", recipe.variant))),
        recipe=repr((stage, recipe.window, sha256(weights), origin, *filter(None, [recipe.variant]))),
        origin=origin,
        steps=stage.optimization.steps,
        save_every=stage.save_every,
        show_every=stage.show_every,
        average=stage.average,
        posthoc=stage.posthoc,
    )
    run.check()
    with clips_of(recipe, vae, weights, say) as source:
        task = generator_task(recipe, model, source)

        def show() -> Gallery:
            save(model, folder / f"{recipe.name}-so-far")
            return samples(model, Sampling.by(model.habits))

        task.show = show
        averaged = train(task, run, say)["generator"]
    kept = nn.ModuleDict({"text": text, "transformer": transformer})  # what helped to learn is left behind
    kept.load_state_dict({name: averaged[name] for name in kept.state_dict()})
    return model


def generator_task(recipe: Recipe, model: Model, source: Source) -> GeneratorTask:
    """What the generator stage of a recipe trains: text encoder and transformer of a model, on the clips of a source."""
    stage, aids = recipe.generator, recipe.generator.aids
    return GeneratorTask(
        text=model.own_text,
        transformer=model.own_transformer,
        batching=stage.batching,
        source=HalfMirrored(source, mirror_of(model.vae), stage.batching.draws) if aids.mirrored else source,
        how=stage.optimization,
        grids={shape.name: grid_of(model.vae.config, shape, stage.widths.patch) for shape in stage.batching.shapes},
        show=lambda: samples(model, Sampling.by(model.habits)),
        aids=aids,
        teacher=teacher_of(model, aids.teacher) if aids.teacher else None,
    )


def teacher_of(model: Model, name: str) -> Captioner:
    """The captioner of model `name`; raises ValueError where it has none, or reads other latents than those of `model`."""
    other = load(name, next(model.transformer.parameters()).device, torch.float32)
    if other.captioner is None:
        raise ValueError(f"{name} has no captioner to learn from; train one with --only captioner, or leave the alignment out")
    ours, theirs = model.vae.state_dict(), other.vae.state_dict()
    if ours.keys() != theirs.keys() or not all(torch.equal(ours[part], theirs[part]) for part in ours):
        raise ValueError(f"the captioner of {name} reads latents of another compression network; train it again for this one")
    return other.captioner


def train_captioner(recipe: Recipe, model: Model, folder: Path, device: torch.device, say: Say) -> Captioner:
    """Train a captioner for the latents and the words of a model on the generator's clips; from the one it has, if its sizes are right."""
    stage, vae, tokenizer = recipe.captioner, model.vae.to(device), model.own_text.tokenizer
    torch.manual_seed(stage.batching.seed)
    sizes = {"vocabulary": tokenizer.size, "channels": vae.config.channels, "spread": vae.config.spread}
    captioner = Captioner(CaptionerConfig(**sizes, **asdict(stage.widths))).to(device)
    begun = model.captioner if model.captioner and model.captioner.config == captioner.config else None
    if begun:
        captioner.load_state_dict(begun.state_dict())
    weights = folder / "vae.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    save_vae(vae, weights)
    run = Run(
        folder=folder / "captioner",
        recipe=repr((stage, sha256(weights), tokenizer.rules.to_str(), *([fingerprint(begun)] if begun else []))),
        steps=stage.optimization.steps,
        save_every=stage.save_every,
        show_every=stage.save_every,
        average=stage.average,
    )
    run.check()
    with clips_of(recipe, vae, weights, say, "latents") as source:
        task = CaptionerTask(
            captioner=captioner,
            tokenizer=tokenizer,
            batching=stage.batching,
            noise=stage.noise,
            source=HalfMirrored(source, mirror_of(vae), stage.batching.draws) if stage.mirrored else source,
            how=stage.optimization,
            grids={shape.name: grid_of(vae.config, shape, stage.widths.patch) for shape in stage.batching.shapes},
            show=lambda: told(captioner, model, recipe, device),
        )
        task.networks["captioner"].load_state_dict(train(task, run, say)["captioner"])
    return captioner


def train_student(recipe: Recipe, model: Model, folder: Path, device: torch.device, say: Say) -> Student:
    """Train a student of a model, which teaches it, on the generator's clips; from the one that it has, if that adds to the same layers.

    Raises ValueError for a model whose tokens are of other patches than the recipe's.
    """
    stage, generator = recipe.student, recipe.generator
    if model.transformer.config.patch != generator.widths.patch:
        theirs, ours = model.transformer.config.patch, generator.widths.patch
        raise ValueError(f"{model.name} has patches of {theirs} cells and the recipe of {ours}; choose a recipe that the model comes from")
    weights = folder / "vae.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    save_vae(model.vae, weights)
    batching = replace(generator.batching, tokens=stage.tokens, opening=0)
    posing = replace(recipe, generator=replace(generator, batching=batching, aids=Aids()))
    student = copy.deepcopy(model.own_transformer)
    begun = model.student if model.student and lora.covers(student, stage.rank, model.student.additions) else None
    run = Run(
        folder=folder / "-".join(filter(None, ("student", model.digest.split("-")[2], recipe.variant))),  # one for each transformer
        recipe=repr((stage, batching, sha256(weights), model.digest, *([begun.digest] if begun else []))),
        origin=f"{model.name} {model.digest}",
        steps=stage.optimization.steps,
        save_every=stage.save_every,
        show_every=stage.save_every,
        average=stage.average,
    )
    fast = Sampling.by(model.habits, "fast", stage.leaps)
    run.check()
    with clips_of(recipe, model.vae, weights, say) as source:
        torch.manual_seed(batching.seed)
        task = StudentTask(
            posing=generator_task(posing, model, source),
            student=student,
            leaps=Leaps(leaps=stage.leaps, fine=stage.fine, consistent=stage.consistent),
            sampling=Sampling.by(model.habits),
            rank=stage.rank,
            how=stage.optimization,
            show=lambda: samples(replace(model, transformer=student), fast),
        )
        if begun:
            lora.take_up(task.added, begun.additions)
        task.added.load_state_dict(train(task, run, say)["student"])
    return Student(leaps=stage.leaps, additions=lora.tensors_of(task.added))


@contextmanager
def clips_of(recipe: Recipe, vae: VideoVAE, weights: Path, say: Say, *names: str) -> Iterator[Source]:
    """The clips of a recipe as latents of `vae`, which lies in file `weights`: made as the training goes, or beforehand beside it.

    Of those made beforehand the tensors `names` alone are kept in memory, if any are given.
    """
    batching, patch, folder = recipe.generator.batching, recipe.generator.widths.patch, weights.parent
    if recipe.window:
        if recipe.retold:
            raise ValueError(f"{recipe.name} makes its clips as it goes, which nobody retells; choose a recipe that keeps them")
        makers = [FilmMaker(shape=shape, seed=batching.seed, fps=batching.fps) for shape in batching.shapes]
        with closing(FreshClips(vae, patch, makers, recipe.window, recipe.workers)) as fresh:
            yield fresh
        return
    if empty := [shape.name for shape in batching.shapes if not shape.pool]:
        raise ValueError(f"{recipe.name} keeps its clips and has none of {empty[0]}; give that shape a pool, or the recipe a window")
    kept = folder / f"latents-{sha256(weights)[:8]}-{'x'.join(map(str, patch))}"
    pools = {}
    for shape in batching.shapes:
        films = _films(shape, batching.seed, batching.fps, folder)
        pool = Pool(folder=kept / shape.name, size=shape.pool, block=BLOCK, make=LatentMaker(weights=weights, films=films, patch=patch))
        if pool.missing():  # else the films are not needed any more
            _prepared(films, recipe, say)
        tensors, rows = _prepared(pool, recipe, say).load(*names)
        if recipe.retold:
            _, rows = _prepared(retold(pool, find(recipe.retold.model), recipe.retold.length), recipe, say).load()
            silent = sum(not row[recipe.retold.length] for row in rows)
            say(f"{shape.name}: {silent} of {len(rows)} captions name what is held out and are left empty")
        pools[shape.name] = tensors, rows
    yield PooledClips(pools, batching.draws)


def heard(recipe: Recipe, folder: Path, known: Iterable[str] = ()) -> Tokenizer:
    """The tokenizer of a recipe: the words of as many captions of the training sampler as it says, and those `known`, kept in `folder`.

    Words that the grammar has but training never says (its reserved phrasings, forms without a use) are left out: their
    embeddings would stay random, where an unknown word is reported.
    """
    file = folder / "tokenizer.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        kinds = dict.fromkeys(shape.families for shape in recipe.generator.batching.shapes)
        said = (text for families in kinds for text in sayings(recipe.generator.scenes, families))
        Tokenizer.train(chain(known, said)).save(file)
    return Tokenizer.load(file)


def sayings(scenes: int, families: str = "usual") -> Iterator[str]:
    """All that is said of the first scenes of the training sampler, of some families."""
    for seed in range(scenes):
        captions = caption(sample(seed, "train", named(families)), seed, "train")
        yield from (captions.short, captions.sentence, captions.full, *(cue.text for cue in captions.script))


def networks(recipe: Recipe, vae: VideoVAE, tokenizer: Tokenizer) -> tuple[TextEncoder, Transformer]:
    """Text encoder and transformer of a recipe with random weights."""
    stage = recipe.generator
    widths = stage.widths
    torch.manual_seed(stage.batching.seed)
    text = TextEncoder(TextConfig(vocabulary=tokenizer.size, dim=widths.text_dim, layers=widths.text_layers), tokenizer)
    sizes = {name: value for name, value in asdict(widths).items() if name != "text_layers"}
    return text, Transformer(TransformerConfig(channels=vae.config.channels, spread=vae.config.spread, **sizes))


def _films(shape: ClipShape, seed: int, fps: float, folder: Path) -> Pool:
    maker = FilmMaker(shape=shape, seed=seed, fps=fps)
    return Pool(folder=folder / f"films-{seed}-{fps:g}fps" / shape.name, size=shape.pool, block=BLOCK, make=maker)


def _prepared(pool: Pool, recipe: Recipe, say: Say) -> Pool:
    pool.prepare(recipe.workers, say)
    return pool


@torch.no_grad()
def _statistics(vae: VideoVAE, pools: dict[str, Block], device: torch.device) -> dict[str, tuple[float, ...]]:
    """Mean of each latent channel over some clips of every shape, one deviation for all, and what each keeps of its own."""
    latents = []
    for tensors, _ in pools.values():
        signal = to_signal(tensors["frames"][:64].to(device))
        time, height, width = vae.config.cell
        whole = signal[:, :, : 1 + (signal.shape[2] - 1) // time * time, : signal.shape[3] // height * height]
        for part in whole[..., : signal.shape[4] // width * width].split(8):
            with torch.autocast(device.type, torch.bfloat16):
                latents.append(vae.moments(part)[0].float().movedim(1, 0).flatten(1))
    values = torch.cat(latents, dim=1)
    common = values.var(1).mean().sqrt()
    return {
        "mean": tuple(values.mean(1).tolist()),
        "std": (common.item(),) * len(values),
        "spread": tuple((values.std(1) / common).tolist()),
    }
