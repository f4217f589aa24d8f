"""A model makes do with little memory: in tiles, in eight bits, from main memory, and again where it did not suffice."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from yozora import plan
from yozora.canvas import Grid
from yozora.layers.kept import keep
from yozora.model import Ways, cell_of, ways_of
from yozora.model.ways import SMALL, ladder
from yozora.order import prepare
from yozora.pipeline import perform
from yozora.plan import affordable, memory_needed, weights_needed
from yozora.tasks.generate import Generate
from yozora.tasks.settings import Settings
from yozora.transformer.config import TransformerConfig
from yozora.vae import wan21_vae_config, wan22_vae_config

pytestmark = pytest.mark.filterwarnings("ignore:.*outside what the model was trained on")
CPU, CARD = torch.device("cpu"), torch.device("cuda")
WORDS = Generate(prompt="a red ball")
OUT = (MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory"))


def settings(model, **changed) -> Settings:
    return Settings(model=str(model), **{"size": (64, 64), "frames": 5, "steps": 1} | changed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_eight_bits_keep_each_weight_to_three_bits_behind_its_first(dtype):
    layer = nn.Linear(64, 32).to(dtype).requires_grad_(requires_grad=False)
    layer.weight[3], layer.weight[4] = 0, layer.weight[4] * 1e4
    before, bias = layer.weight.clone(), layer.bias.clone()
    keep(layer, CPU, dtype, eight=True, away=False)
    after = layer.weight.clone()
    largest = before.float().abs().amax(1, keepdim=True)
    error = (after.float() - before.float()).abs()
    assert (error <= 2**-4 * before.float().abs() + 2**-9 * largest + 1e-30).all() and error.max() > 0
    assert torch.equal(layer.bias, bias) and after.dtype == dtype
    assert sum(value.nbytes for name, value in layer.state_dict().items() if "original" in name) < 0.55 * 2 * before.numel()
    layer.weight = after  # as additions are merged
    assert torch.equal(layer.weight, after)


def test_weights_that_wait_elsewhere_are_the_same_weights():
    layer, values = nn.Linear(8, 4).requires_grad_(requires_grad=False), torch.randn(3, 8)
    wanted = layer(values)
    keep(layer, CPU, torch.float32, eight=False, away=True)
    assert torch.equal(layer(values), wanted)


def test_each_way_is_that_before_it_and_one_saving_more():
    for device in (CPU, CARD):
        rungs = ladder(device, large=True)
        assert rungs[0] == Ways() and rungs[-1].eight and len(set(rungs)) == len(rungs)
        assert all(set(before.said()) < set(after.said()) for before, after in zip(rungs, rungs[1:], strict=False))
    assert [ways.away for ways in ladder(CARD, large=True)] == [False, True, True, True]
    assert not any(ways.away for ways in ladder(CPU, large=True))
    assert ladder(CARD, large=False) == (Ways(), Ways(tiling=SMALL))
    assert Ways(away=True, eight=True).changing == "weights in 8 bits (fp8)" and not Ways(away=True).changing


WAN_14B = TransformerConfig(channels=16, dim=5120, heads=40, layers=40, feedforward=13824, text_dim=4096)


def test_weights_are_foreseen_by_the_way_they_are_kept():
    types = (torch.bfloat16, torch.float32)
    whole, away, eight = (
        weights_needed(WAN_14B, wan21_vae_config(), types, 2, ways) for ways in (Ways(), Ways(away=True), Ways(eight=True))
    )
    assert 57e9 < whole.device < 59e9 and whole.beside == 0  # two of 14.3 billion, in two bytes each
    assert away.device < 2e9 and away.device + away.beside == pytest.approx(whole.device, rel=0.01)
    assert 28e9 < eight.device < 31e9 and eight.beside == 0


@pytest.mark.parametrize(("config", "real"), [(wan21_vae_config(), 23_485), (wan22_vae_config(), 18_042)])
def test_memory_of_a_decoder_is_foreseen(config, real):
    """`real` bytes a pixel were weighed by `forecast.cost.chunk_cost`."""
    grid = Grid(frames=5, height=480, width=832, cell=config.cell, patch=(1, 2, 2))
    small = TransformerConfig(channels=config.channels, dim=8, heads=1, layers=1, feedforward=8, text_dim=8)
    needed = memory_needed(grid, small, config, CARD)
    assert real * 480 * 832 < needed.device < 1.3 * real * 480 * 832
    assert memory_needed(grid, small, config, CARD, SMALL).device < needed.device
    assert memory_needed(grid, small, config, CPU).device == needed.device + needed.beside


def test_the_dearest_way_that_fits_is_taken(tiny_model, monkeypatch):
    big = Grid(frames=5, height=1024, width=1024, cell=cell_of(tiny_model), patch=plan.sizes_of(tiny_model).patch)
    assert affordable(tiny_model, big, CPU) == [*ways_of(tiny_model, CPU)]
    sizes = plan.sizes_of(tiny_model), plan.vae_sizes_of(tiny_model)
    weights = weights_needed(*sizes, (plan.choose_dtype(CPU),) * 2, 1, Ways()).device
    dear, cheap = (memory_needed(big, *sizes, CPU, ways.tiling).device + weights for ways in ways_of(tiny_model, CPU))
    for free, wanted in ((dear, 2), (dear - 1, 1), (cheap, 1)):
        monkeypatch.setattr(plan, "memory_free", lambda _, free=free: free)
        assert affordable(tiny_model, big, CPU) == [*ways_of(tiny_model, CPU)][-wanted:]
    monkeypatch.setattr(plan, "memory_free", lambda _: cheap - 1)
    with pytest.raises(ValueError, match="GiB is free; ask for a smaller size"):
        affordable(tiny_model, big, CPU)


def test_what_a_card_keeps_for_later_is_free(monkeypatch):
    for name, value in (("mem_get_info", (5, 9)), ("memory_reserved", 3), ("memory_allocated", 1)):
        monkeypatch.setattr(torch.cuda, name, lambda _, value=value: value)
    assert plan.memory_free(CARD) == 5 + 3 - 1


@pytest.mark.parametrize("error", OUT, ids=lambda error: type(error).__name__)
def test_memory_that_ends_is_made_do_with_once(tiny_model, monkeypatch, error):
    from yozora import pipeline

    order, meet, tried = prepare(WORDS, settings(tiny_model, count=2)), pipeline.meet, []

    def short(canvases, seeds, sampling, model, progress):
        tried.append((*seeds, model.vae.tiling))
        if model.vae.tiling is None and seeds[0] == 1:
            raise error
        return meet(canvases, seeds, sampling, model, progress)

    monkeypatch.setattr(pipeline, "meet", short)
    with pytest.warns(UserWarning, match="memory did not suffice; tried once more with frames in tiles of 24 cells"):
        first, second = perform(order)
    assert tried == [(0, None), (1, None), (1, SMALL)]
    assert "ways" not in first.facts and second.facts["ways"] == "frames in tiles of 24 cells"


def test_memory_that_ends_again_is_an_error_that_says_what_to_do(tiny_model, monkeypatch):
    tried = []

    def never(*_):
        tried.append(1)
        raise MemoryError

    monkeypatch.setattr("yozora.pipeline.meet", never)
    with pytest.warns(UserWarning, match="tried once more"), pytest.raises(MemoryError, match="not even with frames in tiles"):
        list(perform(prepare(WORDS, settings(tiny_model))))
    assert len(tried) == 2


def test_other_errors_are_not_tried_again(tiny_model, monkeypatch):
    def fail(*_):
        raise RuntimeError("a fault")

    monkeypatch.setattr("yozora.pipeline.meet", fail)
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="a fault"):
        warnings.simplefilter("error")
        list(perform(prepare(WORDS, settings(tiny_model))))


def test_small_tiles_make_nearly_the_same_clip(monkeypatch):
    order = prepare(WORDS, settings("hoshi", size=(512, 128), steps=2))
    (whole,) = perform(order)
    monkeypatch.setattr("yozora.pipeline.affordable", lambda *_: [Ways(tiling=SMALL)])
    (tiled,) = perform(order)
    assert 0 < np.abs(whole.frames.astype(int) - tiled.frames).max() <= 4
    assert tiled.facts["ways"] == "frames in tiles of 24 cells"
