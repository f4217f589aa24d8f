"""At Wan's configurations the transformer computes what diffusers computes, with the same random weights."""

import diffusers
import pytest
import torch

from yozora.patches import Tokens, Words, pack, patchify, unpack, unpatchify
from yozora.transformer.keys import from_diffusers, to_diffusers
from yozora.transformer.model import Transformer, TransformerConfig

WAN21 = [
    TransformerConfig(channels=16, dim=48, heads=2, layers=2, feedforward=96, text_dim=32),
    TransformerConfig(channels=4, dim=96, heads=3, layers=3, feedforward=64, text_dim=24, patch=(1, 2, 2), frequency_dim=64),
]
WAN22 = [
    TransformerConfig(channels=48, dim=64, heads=4, layers=2, feedforward=80, text_dim=16),
    TransformerConfig(channels=8, dim=72, heads=2, layers=2, feedforward=96, text_dim=40, patch=(2, 2, 2)),
]
SIZES = [(2, 4, 6), (4, 6, 4)]  # latent cells in patches' multiples


def twins(config: TransformerConfig) -> tuple[torch.nn.Module, Transformer]:
    torch.manual_seed(0)
    theirs = diffusers.WanTransformer3DModel(
        patch_size=config.patch,
        num_attention_heads=config.heads,
        attention_head_dim=config.dim // config.heads,
        in_channels=config.channels,
        out_channels=config.channels,
        text_dim=config.text_dim,
        freq_dim=config.frequency_dim,
        ffn_dim=config.feedforward,
        num_layers=config.layers,
        eps=config.eps,
    ).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # also biases and norm weights, which begin as 0 and 1
        for weight in theirs.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    ours = Transformer(config)
    ours.load_state_dict(from_diffusers(theirs.state_dict(), config))
    return theirs, ours.eval()


def text(config: TransformerConfig, generator: torch.Generator) -> torch.Tensor:
    """Two prompts of 512 states, zeros behind their words, as Wan hears them."""
    states = torch.randn(2, 512, config.text_dim, generator=generator)
    states[0, 9:] = 0
    states[1, 21:] = 0
    return states


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("config", "per_token"), [*((c, False) for c in WAN21), *((c, True) for c in WAN22)])
def test_velocity_equals_diffusers(*, config: TransformerConfig, per_token: bool, size: tuple[int, int, int]) -> None:
    theirs, ours = twins(config)
    generator = torch.Generator().manual_seed(2)
    latents = torch.randn(2, config.channels, *size, generator=generator)
    states = text(config, generator)
    tokens: Tokens = pack([patchify(clip, config.patch) for clip in latents])
    count = tokens.lengths[0]
    if per_token:
        timestep = torch.randint(0, 1000, (2, count), generator=generator).float()
        timestep[:, : count // 2] = 0  # a given first half
        level = timestep.flatten() / 1000
    else:
        timestep = torch.tensor([967.0, 31.0])
        level = timestep.repeat_interleave(count) / 1000
    words = Words(states=states.flatten(0, 1), lengths=(512, 512), tokens=tokens.lengths)
    velocity = ours(tokens, level, words)
    found = torch.stack([unpatchify(clip, size, config.patch) for clip in unpack(velocity, tokens.lengths)])
    wanted = theirs(latents, timestep, states, return_dict=False)[0]
    assert relative(found, wanted) < 1e-4


@pytest.mark.parametrize("config", [*WAN21, *WAN22])
def test_keys_make_a_round_trip_bit_for_bit(config: TransformerConfig) -> None:
    theirs, ours = twins(config)
    back = to_diffusers(ours.state_dict(), config)
    original = theirs.state_dict()
    assert set(back) == set(original)
    assert all(torch.equal(back[name], original[name]) for name in original)


def test_wrong_keys_are_listed() -> None:
    theirs, _ = twins(WAN21[0])
    state = theirs.state_dict()
    state["surprise"] = state.pop("proj_out.bias")
    with pytest.raises(ValueError, match=r"proj_out.bias.*surprise"):
        from_diffusers(state, WAN21[0])
