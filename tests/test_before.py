"""What clips were before they were repainted, and stretches without a first cell: pure functions that leave held-out scenes alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from yozora.model import load
from yozora.patches import patchify
from yozora.recipes import debug, further, laptop
from yozora.train.before import KINDS, REPAINTED, before, remake, repainted
from yozora.train.canvases import Mixture
from yozora.train.clips import ClipShape, FilmMaker, as_block, film, shoot
from yozora.train.draws import key
from yozora.train.generator import Aids, Clip, GeneratorTask, fits, is_repainted, later
from yozora.train.latents import UNPLACED, clip_of, encode_clips, grid_of
from yozora.world.heldout import reserved
from yozora.world.scene import COLOURS, UNPAINTED

SHAPE = ClipShape(frames=9, width=64, height=64, weight=1.0)
NUMBERS = range(REPAINTED * len(KINDS))


@pytest.fixture(scope="module")
def clips():
    return film(3, NUMBERS, SHAPE, 8.0, torch.device("cpu"))


@pytest.mark.parametrize("number", range(1, 60, 3))
def test_another_look_may_be_trained_on_and_moves_alike(number):
    take, _ = shoot(3, number, SHAPE, 8.0)
    other = remake(take, np.random.default_rng(number))
    assert not reserved(other.scene)
    assert np.array_equal(other.poses.position, take.poses.position) and other.view is take.view
    pairs = {(body.colour, again.colour) for body, again in zip(take.scene.objects, other.scene.objects, strict=True)}
    assert len(pairs) == len({first for first, _ in pairs}) == len({second for _, second in pairs})  # what was equal stays equal


@pytest.mark.parametrize("family", ["paint", "break", "pour"])
def test_pieces_grains_and_trails_change_their_look_with_what_they_come_from(family):
    shape = replace(SHAPE, families=family)
    assert shape.name == f"9x64x64-{family}"
    for number in range(1, 13, 3):
        take, _ = shoot(3, number, shape, 8.0)
        other = remake(take, np.random.default_rng(number))
        actor = take.scene.events[0].actor
        was, now = (COLOURS[one.scene.objects[actor].colour] for one in (take, other))
        same = [index for index, solid in enumerate(take.solids) if solid.colour == was]
        assert len(same) > 1 or take.trails
        assert {other.solids[index].colour for index in same} | {trail.colour for trail in other.trails} == {now}
        assert not reserved(other.scene) and (family != "paint" or other.scene.objects[actor].colour not in UNPAINTED)


def test_what_a_clip_was_before_does_not_depend_on_its_company(clips):
    assert len(clips.before) == sum(map(repainted, NUMBERS)) == len(KINDS)
    alone = film(3, [4], SHAPE, 8.0, torch.device("cpu"))
    assert torch.equal(alone.before[0], clips.before[1]) and not repainted(3)


def test_each_kind_is_what_it_says(clips):
    after = clips.frames[[number for number in NUMBERS if repainted(number)]].float()
    sketch, _, draft, _ = clips.before.float()
    floor = clips.masks[1][0, -8:] < 0  # the nearest rows of the first repainted clip
    grain = [float(picture[0, -8:][floor].mean(-1).diff().abs().mean()) for picture in (after[0], sketch)]
    assert grain[1] < grain[0]  # a blank floor
    assert (draft - after[2]).abs().mean() < 6 and not torch.equal(draft, after[2])
    takes = [shoot(3, number, SHAPE, 8.0)[0] for number in NUMBERS]
    again = before(key(3, SHAPE.name), NUMBERS, takes, clips.frames)
    assert torch.equal(again, clips.before)


def test_known_parts_belong_to_their_clips(tiny_model, clips):
    vae = load(str(tiny_model), torch.device("cpu"), torch.float32).vae
    maker = FilmMaker(shape=SHAPE, seed=3, fps=8.0)
    pixels, words = as_block(clips)
    tensors = encode_clips(vae, maker, NUMBERS, pixels, (1, 2, 2))
    for number in NUMBERS:
        placed = clip_of(tensors, words, number).placed
        assert (placed is None) == (number % REPAINTED == UNPLACED)
        if placed is None:
            continue
        _, start = placed
        if repainted(number):
            assert 0.5 <= float(start.min()) == float(start.max()) < 1
            assert is_repainted(clip_of(tensors, words, number)) and not fits(np.array([0.0, 1.0])[:, None, None], start)
        else:
            assert float(start.max()) > float(start.min()) and fits(np.array([0.0, 1.0])[:, None, None], start)
        assert not fits(np.ones((1, 1, 1)), start)


def test_a_script_without_its_first_tokens():
    script = (("a", 4), ("b", 6))
    assert later(script, 0) == script
    assert later(script, 3) == (("a", 1), ("b", 6))
    assert later(script, 5) == (("b", 5),)


def test_cells_that_show_things_are_known_and_count_more(tiny_model, clips):
    """Each cell knows the share of its pixels that a thing takes; the first is of one frame. Close to noise they count no more."""
    model = load(str(tiny_model), torch.device("cpu"), torch.float32)
    pixels, words = as_block(clips)
    grid = grid_of(model.vae.config, SHAPE, (1, 2, 2))
    tensors = encode_clips(model.vae, FilmMaker(shape=SHAPE, seed=3, fps=8.0), NUMBERS, pixels, (1, 2, 2))
    time, height, width = grid.cell
    seen = (pixels["masks"] >= 0).float()
    for clip, row, column in ((0, 1, 1), (1, 2, 0), (2, 3, 2)):
        place = (slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
        assert tensors["things"][clip, 0, row, column] == pytest.approx(seen[clip, 0][place].mean().item(), abs=1e-3)
        assert tensors["things"][clip, 1, row, column] == pytest.approx(seen[clip, 1 : 1 + time][(..., *place)].mean().item(), abs=1e-3)
    assert 0 < (tensors["things"] > 0).float().mean() < 1

    emptiest = (tensors["things"] > 0).float().mean((1, 2, 3)).argsort()[:2].tolist()
    stage, losses = debug.recipe().generator, {}
    for things in (1.0, 5.0):
        task = GeneratorTask(
            text=model.text,
            transformer=model.transformer,
            batching=replace(stage.batching, mixture=Mixture(invent=1.0, given=0.0, levels=0.0)),
            source=lambda step, group, shape, count: [clip_of(tensors, words, emptiest[number % 2]) for number in range(count)],
            how=stage.optimization,
            grids={shape.name: grid for shape in stage.batching.shapes},
            show=lambda: pytest.fail("nothing is shown"),
            aids=Aids(things=things),
        )
        losses[things] = {name: value.item() for name, value in next(task.losses(0)).parts.items()}
        lesson = task.lesson(0, 0, stage.batching.shapes[0], 2)
        shares = torch.cat([patchify(clip_of(tensors, words, number).things[None].float(), (1, 2, 2)).values for number in emptiest])
        assert sorted(lesson.things.tolist()) == sorted((shares.sum(-1) > 0).tolist())
    plain, heavy = losses[1.0], losses[5.0]
    assert plain["things"] == heavy["things"] and plain["empty"] == heavy["empty"]
    low, high = sorted((plain["things"], plain["empty"]))
    ways = [
        [replace(task, aids=Aids(paired=aid)).lesson(step, 0, stage.batching.shapes[0], 2).target for step in range(6)]
        for aid in (False, True)
    ]
    lengths = [[way.square().sum().item() for way in some] for some in ways]  # from noise to data
    assert sum(lengths[1]) < sum(lengths[0]) and all(ours <= theirs * 1.0001 for theirs, ours in zip(*lengths, strict=True))
    assert low < plain["loss"] < high
    (drawn,) = task.batching.drawn(0, task.grids)
    lesson = task.lesson(0, 0, *drawn)
    with torch.autocast("cpu", torch.bfloat16):
        tokens, words = task.pack([lesson])
        error = (model.transformer(tokens, lesson.level, words).float() - lesson.target).square() * task.weights
    for things, found in losses.items():
        counts = 1 + (things - 1) * lesson.things * (1 - lesson.level)
        assert found["loss"] == pytest.approx(((counts * error.mean(-1)).sum() / counts.sum()).item(), rel=1e-3)


def test_a_stretch_out_of_the_middle_has_no_first_cell(tiny_model, clips):
    model = load(str(tiny_model), torch.device("cpu"), torch.float32)
    pixels, words = as_block(clips)
    grid = grid_of(model.vae.config, SHAPE, (1, 2, 2))
    latents = encode_clips(model.vae, FilmMaker(shape=SHAPE, seed=3, fps=8.0), NUMBERS, pixels, (1, 2, 2))["latents"]
    stage = debug.recipe().generator
    task = GeneratorTask(
        text=model.text,
        transformer=model.transformer,
        batching=replace(stage.batching, middle=1.0),
        source=lambda *_: [Clip(latents[0], None, words[0]), Clip(latents[1], None, words[1])],
        how=stage.optimization,
        grids={SHAPE.name: grid},
        show=lambda: pytest.fail("nothing is shown"),
    )
    lesson = task.lesson(0, 0, SHAPE, 2)
    time, height, width = grid.tokens
    assert lesson.lengths == ((time - 1) * height * width,) * 2 and len(lesson.values) == sum(lesson.lengths)
    assert lesson.coordinates[:, 0].unique().tolist() == list(range(1, time))
    assert sum(count for _, count in lesson.spoken) == len(lesson.values)


def test_a_clip_that_is_repainted_begins_at_its_own_level(tiny_model, clips):
    model = load(str(tiny_model), torch.device("cpu"), torch.float32)
    pixels, words = as_block(clips)
    tensors = encode_clips(model.vae, FilmMaker(shape=SHAPE, seed=3, fps=8.0), NUMBERS, pixels, (1, 2, 2))
    clip = clip_of(tensors, words, 1)
    stage = debug.recipe().generator
    levels = []
    for share in (0.0, 1.0):
        task = GeneratorTask(
            text=model.text,
            transformer=model.transformer,
            batching=replace(stage.batching, mixture=Mixture(invent=1.0, given=0.0, levels=0.0, repainted=share)),
            source=lambda *_: [clip],
            how=stage.optimization,
            grids={SHAPE.name: grid_of(model.vae.config, SHAPE, (1, 2, 2))},
            show=lambda: pytest.fail("nothing is shown"),
        )
        levels.append(task.lesson(0, 0, SHAPE, 1).level)
    torch.testing.assert_close(levels[1], levels[0] * float(clip.placed[1].max()))


def test_the_run_that_goes_on_has_the_networks_of_the_one_before():
    assert further.recipe().generator.widths == laptop.recipe().generator.widths
    assert further.recipe().generator.batching.seed != laptop.recipe().generator.batching.seed
