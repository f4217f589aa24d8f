"""The command that trains: what makes no sense, or does not fit this machine, is one line before anything is made."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from yozora.recipes import further, gpu, laptop
from yozora.train.clips import film
from yozora.train.runs import GIB, PIXEL, check_fits, filmed_bytes, kept_bytes

BAD = {
    "no recipe": (("everything",), "'everything' is not one of 'debug', 'laptop', 'further', 'gpu'"),
    "student of nobody": (("further", "--only", "student"), "--only needs a model that is there; name it in --from"),
    "no model": (("further", "--from", "nowhere"), "unknown model 'nowhere'"),
    "a part that cannot be trained": (("further", "--only", "vae"), "'vae' is not one of 'captioner', 'student'"),
    "both": (("further", "--from", "hoshi", "--only", "student", "--retold", "full"), "leave one out"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, yozora, monkeypatch, name):
    monkeypatch.setattr("yozora.cli.training.keep_memory", lambda: None)
    words, expected = BAD[name]
    done = yozora("train", *words)
    assert (done.code, len(done.lines)) == (2, 1) and expected in done.lines[0], done
    assert not list(tmp_path.iterdir())


def test_a_recipe_for_a_card_says_so_where_there_is_none(tmp_path, yozora, monkeypatch):
    monkeypatch.setattr("yozora.cli.training.keep_memory", lambda: None)
    monkeypatch.setattr("yozora.plan.choose_device", lambda: torch.device("cpu"))
    done = yozora("train", "gpu")
    assert (done.code, len(done.lines)) == (2, 1) and not list(tmp_path.iterdir())
    assert "made for a card of 20 GiB or more, and torch finds none here; choose laptop or further" in done.lines[0]


def test_a_card_or_a_memory_that_is_too_small_is_told_with_both_figures(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=64 * GIB))
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=8 * GIB))
    with pytest.raises(ValueError, match="a card of 20 GiB or more, and this one has 8; choose laptop or further"):
        check_fits(gpu.recipe(), torch.device("cuda"), 64 * GIB, tmp_path)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=80 * GIB))
    check_fits(gpu.recipe(), torch.device("cuda"), 0, tmp_path)  # its clips are made as it goes
    for recipe in (laptop.recipe(), further.recipe()):
        needed = kept_bytes(recipe)
        check_fits(recipe, torch.device("cpu"), needed, tmp_path)
        with pytest.raises(ValueError, match=rf"take {needed / GIB:.1f} GiB as latents, and 0.5 GiB of memory are free; close other"):
            check_fits(recipe, torch.device("cpu"), GIB // 2, tmp_path)


def test_a_disk_that_is_too_small_is_told_before_the_first_clip(tmp_path, monkeypatch):
    recipe, cpu = further.recipe(), torch.device("cpu")
    needed = filmed_bytes(recipe) + kept_bytes(recipe)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2 * GIB))
    with pytest.raises(ValueError, match=rf"take {needed / GIB:.1f} GiB on disk, and .*new has 2.0 GiB; name a place with more room"):
        check_fits(recipe, cpu, 64 * GIB, tmp_path / "new")
    (tmp_path / "begun" / "generator").mkdir(parents=True)
    check_fits(recipe, cpu, 64 * GIB, tmp_path / "begun")  # its clips are there
    block = film(1, range(2), recipe.generator.batching.shapes[0], 8.0, cpu)
    pixels = block.frames[0, ..., 0].numel()
    assert 4 * pixels <= sum(part.nbytes for part in (block.frames, block.masks)) / 2 <= PIXEL * pixels


def test_what_is_kept_is_counted():
    """Of 6,000 clips of 9x8x8 cells: 96 numbers of 16 bits each, and as much again for two of three."""
    recipe = further.recipe()
    shape = next(shape for shape in recipe.generator.batching.shapes if shape.name == "33x128x128-every")
    alone = replace(recipe, generator=replace(recipe.generator, batching=replace(recipe.generator.batching, shapes=(shape,))))
    assert kept_bytes(alone) == shape.pool * 9 * 8 * 8 * 96 * 2 * 5 // 3


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: an illegal memory access\nmore lines"),
        RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
        RuntimeError("No CUDA GPUs are available"),
    ],
)
def test_a_card_that_fails_is_one_line_with_the_remedy(tmp_path, yozora, monkeypatch, error):
    monkeypatch.setattr("yozora.cli.training.keep_memory", lambda: None)

    def lost(*_, **__):
        raise error

    monkeypatch.setattr("yozora.train.runs.run_recipe", lost)
    done = yozora("train", "debug")
    assert (done.code, len(done.lines)) == (2, 1)
    assert f"the card failed ({str(error).splitlines()[0]}); run the same command again" in done.lines[0]
