"""Everything is a packed sequence: what lies beside a clip changes nothing, and a prompt said in parts is the prompt."""

import pytest
import torch

from yozora.patches import Words, pack, pack_words, patchify, unpack
from yozora.transformer.model import Transformer, TransformerConfig

SIZES = [(1, 6, 6), (3, 4, 4), (3, 4, 4), (2, 8, 2), (5, 2, 6)]  # latent cells


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(0)
    network = Transformer(TransformerConfig(channels=4, dim=48, heads=2, layers=3, feedforward=96, text_dim=16))
    with torch.no_grad():
        for number, weight in enumerate(network.parameters()):
            weight.add_(0.1 * random(*weight.shape, seed=number))
    return network.eval()


@torch.no_grad()
def test_five_clips_of_different_sizes_are_each_as_alone(transformer):
    clips = [patchify(random(4, *size, seed=n)) for n, size in enumerate(SIZES)]
    levels = [torch.rand(clip.lengths[0], generator=torch.Generator().manual_seed(n)) for n, clip in enumerate(clips)]
    levels[3] = torch.full_like(levels[3], 0.5)
    scripts = [Words(states=random(3 + n, 16, seed=n), lengths=(3 + n,), tokens=clip.lengths) for n, clip in enumerate(clips)]
    scripts[1] = Words(states=random(9, 16, seed=7), lengths=(2, 7), tokens=(8, 4))  # two cues
    packed = pack(clips)
    together = transformer(packed, torch.cat(levels), pack_words(scripts))
    for clip, level, script, velocity in zip(clips, levels, scripts, unpack(together, packed.lengths), strict=True):
        torch.testing.assert_close(velocity, transformer(clip, level, script), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_prompt_repeated_by_every_cue_is_the_prompt(transformer):
    clip, prompt, level = patchify(random(4, 6, 4, 4)), random(7, 16, seed=1), torch.full((24,), 0.6)
    whole = transformer(clip, level, Words(states=prompt, lengths=(7,), tokens=(24,)))
    for heard in ((8, 8, 8), (4, 12, 8)):
        said = transformer(clip, level, Words(states=prompt.repeat(3, 1), lengths=(7, 7, 7), tokens=heard))
        torch.testing.assert_close(said, whole, atol=1e-6, rtol=1e-6)


@torch.no_grad()
def test_both_halves_of_guidance_are_segments(transformer):
    clip, level = patchify(random(4, 3, 4, 4)), torch.rand(12, generator=torch.Generator().manual_seed(0))
    scripts = [transformer.prepare(Words(states=random(n, 16, seed=n), lengths=(n,), tokens=(12,))) for n in (6, 1)]
    both = transformer(pack([clip, clip]), level.repeat(2), pack_words(scripts))
    for velocity, script in zip(both.chunk(2), scripts, strict=True):
        torch.testing.assert_close(velocity, transformer(clip, level, script), atol=1e-5, rtol=1e-5)


def test_gradients_of_a_mixture_are_the_sum_of_gradients_alone(transformer):
    clips = [patchify(random(4, *size, seed=n)) for n, size in enumerate(SIZES[:3])]
    scripts = [Words(states=random(4, 16, seed=n), lengths=(4,), tokens=clip.lengths) for n, clip in enumerate(clips)]
    levels = [torch.full(clip.lengths, 0.2 + 0.3 * n) for n, clip in enumerate(clips)]
    packed = pack(clips)
    weights = list(transformer.parameters())
    together = torch.autograd.grad(transformer(packed, torch.cat(levels), pack_words(scripts)).square().sum(), weights)
    alone = [torch.autograd.grad(transformer(*one).square().sum(), weights) for one in zip(clips, levels, scripts, strict=True)]
    for total, parts in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(total, sum(parts), atol=1e-3 * float(total.abs().max()), rtol=1e-3)
