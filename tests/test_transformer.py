"""Laws of the transformer and of what makes a denoiser of it."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from yozora.flow.denoisers import shared_level
from yozora.flow.path import raise_to
from yozora.layers.neighbours import gather, neighbours
from yozora.patches import Tokens, Words, pack, patchify
from yozora.train.bypass import draw_bypass
from yozora.transformer.model import Transformer, TransformerConfig, precondition

CONFIG = TransformerConfig(channels=4, dim=48, heads=2, layers=2, feedforward=64, text_dim=16)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network():
    """One whose every weight says something; the initial one says nothing."""
    torch.manual_seed(0)
    transformer = Transformer(CONFIG)
    with torch.no_grad():
        for number, weight in enumerate(transformer.parameters()):
            weight.add_(0.15 * random(*weight.shape, seed=number))
    return transformer


def clips(*sizes):
    return pack([patchify(random(4, *size, seed=n)) for n, size in enumerate(sizes)])


def words_for(tokens, words=5):
    return Words(states=random(words * len(tokens.lengths), 16, seed=9), lengths=(words,) * len(tokens.lengths), tokens=tokens.lengths)


def test_begins_as_zero_and_every_block_as_the_identity():
    torch.manual_seed(0)
    transformer = Transformer(CONFIG)
    tokens = clips((2, 4, 4))
    features = []
    for block in transformer.blocks:
        block.register_forward_hook(lambda _, inputs, output: features.append((inputs[0], output)))
    assert not transformer(tokens, torch.rand(8), words_for(tokens)).any()
    assert len(features) == 2 and all(torch.equal(before, after) for before, after in features)


def test_learns_from_the_first_steps():
    torch.manual_seed(0)
    transformer, tokens = Transformer(CONFIG), clips((2, 4, 4), (1, 4, 8))
    optimizer = torch.optim.Adam(transformer.parameters(), 1e-2)
    target, level = random(*tokens.values.shape, seed=5), torch.linspace(0.1, 1, 16)
    losses = []
    for _ in range(30):
        loss = (transformer(tokens, level, words_for(tokens)) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    assert all(weight.grad.any() for weight in transformer.parameters())  # by now nothing is cut off


@torch.no_grad()
def test_prepared_words_say_the_same():
    transformer, tokens = network(), clips((2, 4, 4), (1, 4, 8))
    words, level = words_for(tokens), torch.rand(16)
    prepared = transformer.prepare(words)
    assert torch.equal(transformer(tokens, level, words), transformer(tokens, level, prepared))
    silent = replace(prepared, states=torch.zeros_like(prepared.states))
    assert torch.equal(transformer(tokens, level, silent), transformer(tokens, level, prepared))


@torch.no_grad()
def test_tokens_have_places_and_no_order():
    """Shuffled tokens with their places and levels give shuffled velocities; moved places change nothing, mixed ones do."""
    transformer, tokens, level = network(), clips((3, 4, 4)), torch.rand(12)
    words = words_for(tokens)
    velocity = transformer(tokens, level, words)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    shuffled = Tokens(values=tokens.values[order], coordinates=tokens.coordinates[order], lengths=(12,))
    torch.testing.assert_close(transformer(shuffled, level[order], words), velocity[order], atol=1e-4, rtol=1e-4)
    moved = replace(tokens, coordinates=tokens.coordinates + torch.tensor([5, 3, 8]))
    torch.testing.assert_close(transformer(moved, level, words), velocity, atol=1e-4, rtol=1e-4)
    mixed = replace(tokens, coordinates=tokens.coordinates[order])
    assert not torch.allclose(transformer(mixed, level, words), velocity, atol=1e-2)


@torch.no_grad()
def test_equal_levels_are_one_level():
    """A single level is heard by another path than many; a last segment with another level may not change the first."""
    transformer, first, second = network(), clips((2, 4, 4)), clips((1, 2, 2))
    both = pack([first, second])
    alone = transformer(first, torch.full((8,), 0.7), words_for(first))
    beside = transformer(both, torch.tensor([0.7] * 8 + [0.2]), replace(words_for(both), states=words_for(first).states.repeat(2, 1)))
    torch.testing.assert_close(beside[:8], alone, atol=1e-5, rtol=1e-5)


def test_sixteen_bits_train_and_infer():
    transformer, tokens = network(), clips((2, 4, 4), (1, 4, 8))
    words, level = words_for(tokens), torch.rand(16)
    exact = transformer(tokens, level, words)
    with torch.autocast("cpu", torch.bfloat16):
        velocity = transformer(tokens, level, words)
    assert velocity.dtype == torch.float32
    velocity.square().mean().backward()
    assert all(weight.grad.isfinite().all() and weight.grad.dtype == torch.float32 for weight in transformer.parameters())
    with torch.inference_mode():
        small = transformer.to(torch.bfloat16)(tokens, level, words)
    assert small.dtype == torch.float32
    for rounded in (velocity, small):
        assert (rounded - exact).norm() / exact.norm() < 0.05


def test_misfits_are_refused():
    transformer, tokens = network(), clips((2, 4, 4), (1, 4, 8))
    words, level = words_for(tokens), torch.rand(16)
    for tokens_heard in ((8,), (8, 9), (4, 12), (16,)):
        with pytest.raises(ValueError, match="cue"):
            transformer(tokens, level, replace(words, tokens=tokens_heard))
    for lengths in ((5,), (5, 6), (10, 0)):
        with pytest.raises(ValueError, match="cues of"):
            transformer(tokens, level, replace(words, lengths=lengths))
    with pytest.raises(ValueError, match="segments"):
        transformer(replace(tokens, lengths=(8, 7)), level, words)
    with pytest.raises(ValueError, match="even width"):
        TransformerConfig(channels=4, dim=30, heads=6, layers=1, feedforward=8, text_dim=8)


def ideal(tokens, level, words):
    """The exact velocity for data of independent unit normals in each channel, where a clip has one level."""
    assert all(len(clip.unique()) == 1 for clip in level.split(tokens.lengths)), "trained on one level for each clip"
    level = level[:, None]
    clean = tokens.values * (1 - level) / ((1 - level).square() + level.square())
    return torch.where(level > 0, (tokens.values - clean) / level.clamp_min(1e-6), 0)


def test_one_level_changes_nothing_on_a_uniform_canvas():
    tokens = clips((2, 4, 4), (1, 4, 8))
    for height in (1.0, 0.6, 0.01):
        level = torch.tensor([height] * 8 + [0.4 * height] * 8)
        adapted = shared_level(ideal, random(*tokens.values.shape, seed=3), "clip")
        assert torch.equal(adapted(tokens, level, words_for(tokens)), ideal(tokens, level, words_for(tokens)))


def test_one_level_leaves_known_tokens_alone_and_serves_guidance():
    tokens = clips((2, 4, 4))
    level = torch.tensor([0.0, 0.0, 0.3, 0.3, 0.5, 0.8, 1.0, 1.0])
    adapted = shared_level(ideal, random(*tokens.values.shape, seed=3), "clip")
    velocity = adapted(tokens, level, words_for(tokens))
    assert velocity.isfinite().all() and not velocity[:2].any()
    twice = pack([tokens, tokens])
    assert torch.equal(adapted(twice, level.repeat(2), words_for(twice)), velocity.repeat(2, 1))
    assert not adapted(tokens, torch.zeros(8), words_for(tokens)).any()


def test_raised_tokens_have_the_law_of_their_level():
    """Data, noise and new noise of unit normals: variance and correlation with the data are those of the higher level."""
    count = 40_000
    data, noise, new = (random(count, 1, seed=n) for n in range(3))
    for low, high in ((0.0, 0.5), (0.2, 0.7), (0.5, 1.0), (0.3, 0.3), (1.0, 1.0)):
        state = (1 - low) * data + low * noise
        raised = raise_to(torch.full((count,), high), state, torch.full((count,), low), new)
        torch.testing.assert_close(raised.var(), torch.tensor((1 - high) ** 2 + high**2), atol=0.02, rtol=0)
        torch.testing.assert_close((raised * data).mean(), torch.tensor(1 - high), atol=0.02, rtol=0)
        if low == high:
            assert torch.equal(raised, state)


@pytest.mark.parametrize("level", [0.02, 0.3, 0.7, 1.0])
def test_preconditioning_leaves_the_network_unit_input_and_output(level):
    spread = (3.0, 1.0, 0.4, 0.1)
    config = replace(CONFIG, spread=spread)
    data, noise = (random(20_000, 16, seed=seed) for seed in (1, 2))
    data = data * torch.tensor(spread).repeat(4)
    state = (1 - level) * data + level * noise
    around = precondition(torch.full((20_000,), level), config)
    asked = (noise - data - around.kept * state) / around.added
    for values in (around.entering * state, asked):
        torch.testing.assert_close(values.std(0), torch.ones(16), atol=0.03, rtol=0)
    assert (asked * state).mean(0).abs().max() < 0.1  # nothing linear is left to guess


def test_a_preconditioned_network_that_says_nothing_keeps_the_linear_guess():
    config = replace(CONFIG, spread=(3.0, 1.0, 0.4, 0.1))
    tokens = clips((2, 4, 4))
    level = torch.linspace(0, 1, len(tokens.values))
    words = Words(states=random(3, 16), lengths=(3,), tokens=(len(level),))
    velocity = Transformer(config)(tokens, level, words)
    torch.testing.assert_close(velocity, precondition(level, config).kept * tokens.values)


@torch.no_grad()
def test_a_bypass_of_nothing_changes_nothing_and_of_much_leaves_the_kept_alone():
    """Tokens that pass the middle by come out of the first block as they went in, and the kept ones know nothing of them there."""
    transformer = network()
    transformer.blocks.append(deepcopy(transformer.blocks[0]))
    tokens, level = clips((3, 4, 4), (2, 4, 4)), torch.linspace(0.1, 1, 20)
    words = words_for(tokens)
    everything = torch.Generator().manual_seed(0)
    whole = draw_bypass(0.0, 3, tokens, words, everything)
    assert torch.equal(transformer(tokens, level, words, whole), transformer(tokens, level, words))
    through: list[torch.Tensor] = []
    transformer.blocks[1].register_forward_hook(lambda _, given, out: through.extend((given[0], out)))
    transformer.blocks[2].register_forward_hook(lambda _, given, out: through.append(given[0]))
    some = draw_bypass(0.75, 3, tokens, words, torch.Generator().manual_seed(0))
    transformer(tokens, level, words, some)
    entered, left, later = through
    assert some.lengths == some.cues == (3, 2) and len(entered) == 5 and len(later) == 20
    assert torch.equal(later[some.kept], left)
    passed = torch.ones(20, dtype=torch.bool)
    passed[some.kept] = False
    first = transformer.blocks[0](*through_first(transformer, tokens, level, words))
    assert torch.equal(later[passed], first[passed]) and not torch.equal(left, entered)


def through_first(transformer, tokens, level, words):
    """What the first block is given."""
    given: list[tuple] = []
    hook = transformer.blocks[0].register_forward_hook(lambda _, inputs, __: given.append(inputs))
    transformer(tokens, level, words)
    hook.remove()
    return given[0]


def test_a_bypass_keeps_its_share_of_every_cue_and_other_tokens_each_time():
    tokens = clips((3, 4, 4), (2, 4, 4))
    words = Words(states=random(6, 16), lengths=(2, 2, 2), tokens=(4, 8, 8))
    generator = torch.Generator().manual_seed(0)
    drawn = [draw_bypass(0.5, 6, tokens, words, generator) for _ in range(40)]
    for one in drawn:
        assert (one.first, one.last, one.cues, one.lengths) == (1, 5, (2, 4, 4), (6, 4))
        assert one.kept.tolist() == sorted(set(one.kept.tolist()))
        assert [int(((one.kept >= low) & (one.kept < high)).sum()) for low, high in ((0, 4), (4, 12), (12, 20))] == [2, 4, 4]
    often = torch.bincount(torch.cat([one.kept for one in drawn]), minlength=20)
    assert often.min() >= 8 and often.max() <= 32
    assert draw_bypass(0.99, 6, tokens, words, generator).cues == (1, 1, 1)


@torch.no_grad()
def test_what_is_near_is_what_lies_around_in_its_own_clip():
    """On a grid it is what a convolution sees, and no clip sees its neighbour in the sequence."""
    tokens = clips((3, 4, 4), (1, 4, 8))
    around = neighbours(tokens.coordinates, tokens.lengths)
    assert torch.equal(around[:, 13], torch.arange(len(around)))
    assert around[:12].max() <= 20 and not ((around[:12] >= 12) & (around[:12] < 20)).any() and around[12:].min() >= 12
    kernel = random(5, 4 * 4, 3, 3, 3)
    first = tokens.values[:12]
    grid = first.T.unflatten(1, (3, 2, 2))[None]
    expected = torch.nn.functional.conv3d(grid, kernel, padding=1)[0].flatten(1).T
    weight = kernel.flatten(2).movedim(2, 1).flatten(1)
    torch.testing.assert_close(gather(tokens.values, around)[:12] @ weight.T, expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_transformer_that_looks_around_begins_where_one_that_does_not_is():
    torch.manual_seed(0)
    plain, wide = network(), Transformer(replace(CONFIG, near=True))
    state = plain.state_dict()
    weight = torch.zeros_like(wide.embed_tokens.weight)
    weight[:, 13 * 16 : 14 * 16] = state["embed_tokens.weight"]
    wide.load_state_dict(state | {"embed_tokens.weight": weight})
    tokens, level = clips((3, 4, 4), (1, 4, 8)), torch.linspace(0.1, 1, 20)
    words = words_for(tokens)
    torch.testing.assert_close(wide(tokens, level, words), plain(tokens, level, words))
    wide.embed_tokens.weight.normal_()
    both, alone = wide(tokens, level, words), wide(clips((3, 4, 4)), level[:12], words_for(clips((3, 4, 4))))
    assert not torch.allclose(both[:12], plain(tokens, level, words)[:12])
    torch.testing.assert_close(alone, both[:12])
