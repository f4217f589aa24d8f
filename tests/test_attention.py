"""Packed attention equals attention; norms and rotary positions do what their formulas say."""

import pytest
import torch
from torch.nn import functional

from yozora.layers import attention as room
from yozora.layers.attention import attention, attention_by, chunked_attention, torch_attention
from yozora.layers.norms import gated_add, modulated_norm
from yozora.layers.rotary import normalise_and_rotate, rotary_table, rotate


def random(*shape, seed=0, grad=False):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).requires_grad_(grad)


def formula(query, key, value):
    scores = torch.einsum("thw,khw->htk", query, key) / query.shape[-1] ** 0.5
    return torch.einsum("htk,khw->thw", scores.softmax(-1), value)


MIXTURES = [
    ((7,), (5,)),
    ((6, 6, 6), (5, 5, 5)),
    ((6, 6, 6, 4, 9, 9), (6, 6, 6, 4, 9, 9)),
    ((6, 6, 6, 4), (3, 8, 1, 2)),
    ((6, 6, 6, 4, 4), (3, 200, 200, 5, 6)),  # too many keys to be laid on a grid
]


@pytest.mark.parametrize(("tokens", "words"), MIXTURES)
@pytest.mark.parametrize("grad", [False, True])
def test_each_segment_attends_to_its_own(*, tokens, words, grad):
    query, key, value = random(sum(tokens), 3, 8, grad=grad), random(sum(words), 3, 8, seed=1, grad=grad), random(sum(words), 3, 8, seed=2)
    found = attention(query, key, value, tokens, words)
    parts = zip(query.split(tokens), key.split(words), value.split(words), strict=True)
    wanted = torch.cat([formula(*part) for part in parts])
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    if grad:
        ours, theirs = (
            torch.autograd.grad((out * random(*out.shape, seed=3)).sum(), (query, key), retain_graph=True) for out in (found, wanted)
        )
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_chunks_equal_the_whole(monkeypatch):
    shapes = (2, 150, 3, 16), (2, 70, 3, 16), (2, 70, 3, 16)
    inputs = [random(*shape, seed=n, grad=True) for n, shape in enumerate(shapes)]
    whole = torch_attention(*inputs)
    monkeypatch.setattr(room, "CHUNK_BYTES", 1)
    parts = chunked_attention(*inputs)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-5)
    for one, two in zip(*(torch.autograd.grad(out.square().sum(), inputs) for out in (parts, whole)), strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)


def test_sixteen_bits_stay_close():
    inputs = [random(1, 300, 2, 32, seed=n) for n in range(3)]
    exact = torch_attention(*inputs)
    for way in (chunked_attention, torch_attention):
        error = (way(*(x.bfloat16() for x in inputs)).float() - exact).norm() / exact.norm()
        assert error < 1e-2


def test_a_way_can_be_chosen():
    called = []

    def way(query, key, value):
        called.append(query.shape)
        return torch_attention(query, key, value)

    x = random(8, 2, 4)
    with attention_by(way):
        attention(x, x, x, (4, 4), (4, 4))
    attention(x, x, x, (4, 4), (4, 4))
    assert called == [(2, 4, 2, 4)]


def formula_of_norm(x, weight, table):
    normed = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight
    return normed if table is None else rotate(normed, table)


@pytest.mark.parametrize("rotated", [False, True])
def test_norm_rotation_and_their_derivative(*, rotated, monkeypatch):
    monkeypatch.setattr("yozora.layers.rotary.BLOCK", 24 * 7)  # so that several blocks are walked
    x, weight = random(50, 24, grad=True), random(24, seed=1, grad=True)
    table = rotary_table(torch.randint(0, 9, (50, 3), generator=torch.Generator().manual_seed(0)), 12) if rotated else None
    fast, simple = normalise_and_rotate(x, weight, table, 1e-6), formula_of_norm(x, weight, table)
    torch.testing.assert_close(fast, simple)
    weigh = random(50, 24, seed=2)
    for one, two in zip(*(torch.autograd.grad((out * weigh).sum(), (x, weight)) for out in (fast, simple)), strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)
    wide = random(50, 72, seed=3)  # a part of a wider row, as queries and keys are
    torch.testing.assert_close(normalise_and_rotate(wide[:, 24:48], weight, table, 1e-6), formula_of_norm(wide[:, 24:48], weight, table))
    monkeypatch.setattr("torch.compiler.is_compiling", lambda: True)  # then, and on other devices, the formula itself is used
    torch.testing.assert_close(normalise_and_rotate(x, weight, table, 1e-6), simple)


def test_scores_depend_on_distance_alone():
    query, key = random(40, 24), random(40, 24, seed=1)
    places = torch.randint(0, 20, (40, 3), generator=torch.Generator().manual_seed(0))
    moved = places + torch.tensor([100, 7, 33])
    scores = [rotate(query, table) @ rotate(key, table).T for table in (rotary_table(p, 24) for p in (places, moved))]
    torch.testing.assert_close(*scores, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(scores[0], query @ key.T, atol=0.1)


def test_one_level_for_all_is_the_same_as_that_level_for_each():
    x, change = random(9, 16), random(9, 16, seed=1)
    gain, shift = random(1, 16, seed=2), random(1, 16, seed=3)
    index = torch.zeros(9, dtype=torch.long)
    torch.testing.assert_close(modulated_norm(x, gain, shift, index, 1e-6), modulated_norm(x, gain, shift, None, 1e-6))
    assert torch.equal(gated_add(x, change, gain, index), gated_add(x, change, gain, None))


def test_each_token_hears_its_own_level():
    x, gain, shift = random(9, 16), random(3, 16, seed=2), random(3, 16, seed=3)
    index = torch.tensor([0, 2, 2, 1, 0, 1, 1, 2, 0])
    wanted = functional.layer_norm(x, (16,)) * gain[index] + shift[index]
    torch.testing.assert_close(modulated_norm(x, gain, shift, index, 1e-5), wanted)
    torch.testing.assert_close(gated_add(x, shift[index], gain, index), x + gain[index] * shift[index])
