"""The stages of a run: cut off with SIGKILL anywhere they end with the same bits, and a run goes on from a model's weights."""

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from yozora.captioner import LENGTHS, describe
from yozora.model import load, save
from yozora.order import Sampling
from yozora.pipeline import render
from yozora.recipes import debug, gpu, laptop
from yozora.tasks.generate import Generate
from yozora.tasks.request import Shot
from yozora.train.generator import Aids, Clip, GeneratorTask
from yozora.train.inherit import fingerprint, retaught, take_up
from yozora.train.latents import grid_of
from yozora.train.pool import Pool
from yozora.train.recipe import Recipe, Retold
from yozora.train.runs import run_part, run_recipe, run_retold
from yozora.train.stages import teacher_of, train_generator
from yozora.weights import sha256
from yozora.world.parse_held import held_out

CPU = torch.device("cpu")
FILES = ("vae.safetensors", "text.safetensors", "transformer.safetensors", "captioner.safetensors", "student.safetensors")


def short(learning_rate: float = 4e-3) -> Recipe:
    """The debug recipe in twelve steps a stage, the adversary at work from the eighth."""
    recipe = debug.recipe()
    how = replace(recipe.vae.optimization, steps=12)
    vae = replace(recipe.vae, optimization=how, adversary=replace(recipe.vae.adversary, begins=8), save_every=4)
    taught = replace(recipe.generator.optimization, steps=12, rate=learning_rate)
    telling = replace(recipe.captioner.optimization, steps=12, rate=recipe.captioner.optimization.rate if learning_rate else 0.0)
    told = replace(recipe.captioner, optimization=telling, save_every=4)
    leaping = replace(recipe.student.optimization, steps=6, rate=recipe.student.optimization.rate if learning_rate else 0.0)
    student = replace(recipe.student, optimization=leaping, save_every=2)
    drawn = replace(recipe.generator, optimization=taught, save_every=4, show_every=100)
    return replace(recipe, vae=vae, generator=drawn, captioner=told, student=student)


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return run_recipe(short(), tmp_path_factory.mktemp("whole"), CPU, say=quiet)


@pytest.mark.parametrize(("task", "step"), [("VAETask", 10), ("GeneratorTask", 6), ("CaptionerTask", 9), ("StudentTask", 3)])
def test_killed_in_any_stage_it_ends_with_the_same_bits(whole, tmp_path, task, step):
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_stages import CPU, Path, quiet, run_recipe, short
        from yozora.train import stages
        losses = stages.{task}.losses
        def killed(self, step):
            if step == {step}:
                os.kill(os.getpid(), signal.SIGKILL)
            yield from losses(self, step)
        stages.{task}.losses = killed
        run_recipe(short(), Path({str(tmp_path)!r}), CPU, say=quiet)
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert (tmp_path / "debug").exists() == (task == "StudentTask")  # which is taught by the model that the run has made
    resumed = run_recipe(short(), tmp_path, CPU, say=quiet)
    assert [sha256(resumed / name) for name in FILES] == [sha256(whole / name) for name in FILES]


def test_a_run_goes_on_from_a_models_weights(whole, tmp_path):
    said: list[str] = []
    further = run_recipe(short(learning_rate=0.0), tmp_path, CPU, start=str(whole), say=said.append)
    assert any("moments are rebuilt during the warm-up" in line for line in said)
    assert [sha256(further / name) for name in FILES] == [sha256(whole / name) for name in FILES]


def test_the_model_so_far_lies_beside_the_run(whole):
    """With averaged weights, as the one that the run ends with."""
    so_far = whole.parent / "debug-so-far"
    assert [sha256(so_far / name) for name in FILES[:3]] == [sha256(whole / name) for name in FILES[:3]]


def test_a_captioner_alone_changes_nothing_else(whole, tmp_path):
    recipe = short()
    other = replace(recipe, captioner=replace(recipe.captioner, noise=0.5))
    told = run_part(other, tmp_path, CPU, str(whole), "captioner", quiet)
    alike = [sha256(told / name) == sha256(whole / name) for name in FILES]
    assert alike == [True, True, True, False, True]
    assert load(str(told), CPU, torch.float32).digest == load(str(whole), CPU, torch.float32).digest
    rows = (tmp_path / "captioner" / "log.jsonl").read_text().splitlines()
    assert any('"captioner/loss"' in row and '"captioner/full"' in row for row in rows) and '"picture"' in rows[-1]


def test_a_generator_learns_from_what_a_captioner_says(whole, tmp_path):
    """The words it hears are the captioner's, in all lengths the same; its weights begin at random."""
    model = load(str(whole), CPU, torch.float32)
    torch.manual_seed(1)
    for parameter in model.captioner.parameters():  # so that it says something else at each length
        parameter += torch.randn(parameter.shape)
    save(model, loud := tmp_path / "loud")
    heard, texts, lines = [], [], []
    for length in ("short", "full"):
        folder = run_retold(short(), tmp_path, CPU, Retold(model=str(loud), length=length), lines.append)
        assert folder.name == f"debug-{length}" and sha256(folder / "captioner.safetensors") == sha256(loud / "captioner.safetensors")
        (words,) = tmp_path.glob(f"latents-*/{length}-by-*/*")
        pool = Pool(folder=words, size=1, block=48, make=lambda _: pytest.fail("made again"))
        pool.prepare(0, quiet)
        tensors, rows = pool.load()
        model = load(str(loud), CPU, torch.float32)
        (latents,) = tmp_path.glob("latents-*/9x64x64/*.safetensors")
        with safe_open(latents, framework="pt") as file:
            said = describe(model.captioner, model.text.tokenizer, list(file.get_tensor("latents")), length)
        said = ["" if held_out(text, whole=length == "full") else text for text in said]
        assert not tensors and rows == [{"short": said[0], "sentence": said[0], "full": said[0], "script": []}]
        assert f"9x64x64: {said.count('')} of 1 captions name what is held out and are left empty" in lines
        texts.append(said)
        heard.append(sha256(folder / "transformer.safetensors"))
    assert texts[0] != texts[1] and heard[0] != heard[1]
    with pytest.raises(ValueError, match="which nobody retells"):
        run_retold(replace(short(), window=gpu.recipe().window), tmp_path, CPU, Retold(model=str(whole), length="short"), quiet)


def test_weights_of_other_sizes_are_refused(whole, tmp_path):
    recipe = short()
    wider = replace(recipe, generator=replace(recipe.generator, widths=replace(recipe.generator.widths, dim=128)))
    with pytest.raises(ValueError, match="networks of other sizes"):
        run_recipe(wider, tmp_path, CPU, start=str(whole), say=quiet)


def test_a_run_with_more_words_takes_up_those_that_are_known(whole, tmp_path):
    """With other kinds of scenes come other words: known ones keep their state, in the captioner too, which goes on with all of them."""
    recipe = short(learning_rate=0.0)
    drawn, told = (
        replace(one, batching=replace(one.batching, shapes=tuple(replace(shape, families="every") for shape in one.batching.shapes)))
        for one in (recipe.generator, recipe.captioner)
    )
    more = replace(recipe, generator=replace(drawn, scenes=40), captioner=told)
    further = load(str(run_recipe(more, tmp_path, CPU, start=str(whole), say=quiet)), CPU, torch.float32)
    model = load(str(whole), CPU, torch.float32)
    known, words = (one.text.tokenizer.rules.get_vocab() for one in (model, further))
    assert known.keys() < words.keys()
    for word in known:
        assert torch.equal(further.text.words.weight[words[word]], model.text.words.weight[known[word]]), word
        assert torch.equal(further.captioner.words.weight[words[word]], model.captioner.words.weight[known[word]]), word
    assert further.captioner.config.vocabulary == len(words)
    asked = [[one.captioner.words.weight[one.captioner.opening(length)] for length in LENGTHS] for one in (model, further)]
    assert torch.equal(*map(torch.stack, asked)) and torch.equal(further.captioner.embed.weight, model.captioner.embed.weight)
    with pytest.raises(ValueError, match="knows words that this run does not"):
        take_up(model, further)
    begun = [fingerprint(retaught(model.captioner, model.text.tokenizer, further.text.tokenizer)) for _ in range(2)]
    assert begun[0] == begun[1]  # else a run that was cut off would not find its own captioner again


def test_a_token_that_sees_those_around_it_goes_on_from_one_that_does_not(whole, tmp_path):
    """It computes the same at first, and the way back is refused."""
    recipe = short(learning_rate=0.0)
    near = replace(recipe, generator=replace(recipe.generator, widths=replace(recipe.generator.widths, near=True)))
    wide = run_recipe(near, tmp_path / "near", CPU, start=str(whole), say=quiet)
    clips = []
    for folder in (whole, wide):
        model = load(str(folder), CPU, torch.float32)
        shot = Shot(width=64, height=64, frames=9, fps=8.0)
        clips += render([Generate(prompt="a red ball rolls").canvas(shot)], [3], Sampling.by(model.habits), model)
    assert (clips[0].frames == clips[1].frames).all()
    with pytest.raises(ValueError, match="networks of other sizes"):
        run_recipe(recipe, tmp_path / "back", CPU, start=str(wide), say=quiet)


def test_every_recipe_of_the_bundled_model_can_go_on_from_the_others_weights():
    assert laptop.recipe().generator.widths == gpu.recipe().generator.widths
    assert laptop.recipe().vae.network == gpu.recipe().vae.network


def test_stills_come_first():
    batching = laptop.recipe().generator.batching
    stills = [shape.frames == 1 for shape in batching.shapes]
    assert batching.shares(batching.opening - 1)[stills].sum() == pytest.approx(batching.stills)
    wanted = sum(shape.weight for shape in batching.shapes if shape.frames == 1)
    assert batching.shares(batching.opening)[stills].sum() == pytest.approx(wanted / sum(shape.weight for shape in batching.shapes))


def test_what_helps_a_generator_to_learn_is_not_kept(whole, tmp_path):
    """Alignment to a captioner, tokens that pass the middle by, and a mirror change what is learned, not what a model is."""
    recipe = short()
    recipe = replace(recipe, generator=replace(recipe.generator, widths=replace(recipe.generator.widths, layers=3)))
    helped = {
        "alone": Aids(),
        "aligned": Aids(teacher=str(whole), aligned=1.0, after=0),
        "bypassed": Aids(bypassed=0.5),
        "both": Aids(teacher=str(whole), bypassed=0.5, after=1),
        "things": Aids(things=6.0),
        "mirrored": Aids(mirrored=True),
    }
    seen = set()
    model = load(str(whole), CPU, torch.float32)
    for name, aids in helped.items():
        one = replace(recipe, variant=name, generator=replace(recipe.generator, aids=aids))
        if name == "mirrored" and model.vae.encoder is not None:
            with pytest.raises(ValueError, match="linear in pixels"):
                train_generator(one, model.vae, tmp_path, CPU, quiet)
            continue
        learned = train_generator(one, model.vae, tmp_path, CPU, quiet)
        assert set(model.transformer.state_dict()) < set(learned.transformer.state_dict())  # which has a block more
        save(learned, tmp_path / name)
        seen.add(sha256(tmp_path / name / "transformer.safetensors"))
        rows = (tmp_path / f"generator-{name}" / "log.jsonl").read_text()
        assert ('"generator/apart"' in rows) == bool(aids.teacher) and '"generator/things"' in rows
    assert len(seen) == 5


def test_a_teacher_must_see_the_same_latents(whole, tmp_path):
    model = load(str(whole), CPU, torch.float32)
    save(replace(model, captioner=None), tmp_path / "mute")
    with pytest.raises(ValueError, match="no captioner to learn from"):
        teacher_of(model, str(tmp_path / "mute"))
    with torch.no_grad():
        next(model.vae.parameters()).add_(1)
    with pytest.raises(ValueError, match="another compression network"):
        teacher_of(model, str(whole))


def test_processes_that_share_a_step_see_other_clips_and_noise(whole):
    model = load(str(whole), CPU, torch.float32)
    batching = short().generator.batching
    picked = []

    def source(step, group, shape, count):
        picked.append(group)
        return [
            Clip(torch.zeros(8, *grid.cells).half(), None, {"short": "a ball", "sentence": "a ball", "full": "a ball", "script": []})
        ] * count

    grid = grid_of(model.vae.config, batching.shapes[0], (1, 2, 2))
    how = short().generator.optimization
    tasks = [
        GeneratorTask(
            text=model.text,
            transformer=model.transformer,
            batching=batching,
            source=source,
            how=how,
            grids={batching.shapes[0].name: grid},
            show=lambda: pytest.fail("nothing is shown"),
            rank=rank,
        )
        for rank in (0, 1, 1)
    ]
    first, second, again = (next(task.losses(5)).value.item() for task in tasks)
    assert picked == [0, 1, 1] and first != second == again


def dies(numbers):
    """Makes nothing: the process that runs it is killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_data_that_run_out_are_one_line(whole, tmp_path):
    """A shape of which no clip is kept, and a process that is killed while it makes some."""
    recipe = short()
    shapes = tuple(replace(shape, pool=0) for shape in recipe.generator.batching.shapes)
    bare = replace(recipe, generator=replace(recipe.generator, batching=replace(recipe.generator.batching, shapes=shapes)))
    model = load(str(whole), CPU, torch.float32)
    with pytest.raises(ValueError, match="debug keeps its clips and has none of 9x64x64; give that shape a pool, or the recipe a window"):
        train_generator(bare, model.vae, tmp_path, CPU, quiet)
    with pytest.raises(ValueError, match="was killed, perhaps for want of memory; the blocks that are finished are kept"):
        Pool(folder=tmp_path / "pool", size=4, block=2, make=dies).prepare(2, quiet)
