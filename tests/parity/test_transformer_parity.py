"""At Wan's configurations the transformer computes what diffusers computes, with the same random weights."""

import diffusers
import pytest
import torch
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

from yozora.patches import Tokens, Words, pack, patchify, unpack, unpatchify
from yozora.transformer.keys import Style, config_of, read_state, style_of, write_state
from yozora.transformer.model import Beside, Transformer, TransformerConfig

WAN21 = [
    TransformerConfig(channels=16, dim=48, heads=2, layers=2, feedforward=96, text_dim=32),
    TransformerConfig(channels=4, dim=96, heads=3, layers=3, feedforward=64, text_dim=24, patch=(1, 2, 2), frequency_dim=64),
]
WAN22 = [
    TransformerConfig(channels=48, dim=64, heads=4, layers=2, feedforward=80, text_dim=16),
    TransformerConfig(channels=8, dim=72, heads=2, layers=2, feedforward=96, text_dim=40, patch=(2, 2, 2)),
]
I2V = [  # what is given in more channels, pictures heard beside words; two of them with a place for each state; and none (Wan 2.2)
    TransformerConfig(channels=4, dim=48, heads=2, layers=2, feedforward=96, text_dim=32, given=8, picture_dim=20),
    TransformerConfig(channels=4, dim=96, heads=4, layers=1, feedforward=64, text_dim=24, given=5, picture_dim=16, places=2 * 7),
    TransformerConfig(channels=6, dim=72, heads=2, layers=2, feedforward=64, text_dim=16, given=10),
]
SKYREELS = [
    TransformerConfig(channels=4, dim=48, heads=2, layers=2, feedforward=96, text_dim=32, rates=2, rate=1),
    TransformerConfig(channels=6, dim=96, heads=3, layers=2, feedforward=64, text_dim=16, rates=2, rate=0, block=2),
]
SIZES = [(2, 4, 6), (4, 6, 4)]  # latent cells in patches' multiples


def twins(config: TransformerConfig) -> tuple[torch.nn.Module, Transformer]:
    torch.manual_seed(0)
    sizes = {
        "patch_size": config.patch,
        "num_attention_heads": config.heads,
        "attention_head_dim": config.dim // config.heads,
        "in_channels": config.channels + config.given,
        "out_channels": config.channels,
        "text_dim": config.text_dim,
        "freq_dim": config.frequency_dim,
        "ffn_dim": config.feedforward,
        "num_layers": config.layers,
        "eps": config.eps,
        "image_dim": config.picture_dim or None,
        "added_kv_proj_dim": config.dim if config.picture_dim else None,
        "pos_embed_seq_len": config.places or None,
    }
    if config.rates:
        theirs = diffusers.SkyReelsV2Transformer3DModel(**sizes, inject_sample_info=True, num_frame_per_block=config.block or 1).eval()
    else:
        theirs = diffusers.WanTransformer3DModel(**sizes).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # also biases and norm weights, which begin as 0 and 1
        for weight in theirs.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    ours = Transformer(config)
    ours.load_state_dict(read_state(theirs.state_dict(), config))
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


@torch.no_grad()
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("config", I2V)
def test_velocity_with_what_is_given_equals_diffusers(config: TransformerConfig, size: tuple[int, int, int]) -> None:
    theirs, ours = twins(config)
    generator = torch.Generator().manual_seed(2)
    latents = torch.randn(2, config.channels, *size, generator=generator)
    given = torch.randn(2, config.given, *size, generator=generator)
    states, timestep = text(config, generator), torch.tensor([967.0, 31.0])
    count, width = (2, config.places // 2) if config.places else (1, 9)
    pictures = torch.randn(2 * count, width, config.picture_dim, generator=generator) if config.picture_dim else None
    tokens = pack([patchify(clip, config.patch) for clip in latents])
    heard = {}
    if pictures is not None:
        looked = [ours.look(one) for one in pictures.split(count)]
        heard["pictures"] = tuple(tuple(torch.cat(pair) for pair in zip(*layer, strict=True)) for layer in zip(*looked, strict=True))
        heard["lengths"] = (count * width,) * 2
    beside = Beside(given=pack([patchify(clip, config.patch) for clip in given]).values, **heard)
    words = Words(states=states.flatten(0, 1), lengths=(512, 512), tokens=tokens.lengths)
    velocity = ours(tokens, timestep.repeat_interleave(tokens.lengths[0]) / 1000, words, beside=beside)
    found = torch.stack([unpatchify(clip, size, config.patch) for clip in unpack(velocity, tokens.lengths)])
    wanted = theirs(torch.cat([latents, given], dim=1), timestep, states, pictures, return_dict=False)[0]
    assert relative(found, wanted) < 1e-4


@torch.no_grad()
@pytest.mark.parametrize("config", SKYREELS)
def test_a_level_for_each_frame_equals_diffusers(config: TransformerConfig) -> None:
    theirs, ours = twins(config)
    generator = torch.Generator().manual_seed(2)
    size = (4, 4, 6)
    latents = torch.randn(1, config.channels, *size, generator=generator)
    states = text(config, generator)[:1]
    timestep = torch.tensor([[0.0, 0.0, 412.0, 999.0]])
    tokens = patchify(latents[0], config.patch)
    level = timestep[0][tokens.coordinates[:, 0]] / 1000
    words = Words(states=states[0], lengths=(512,), tokens=tokens.lengths)
    found = unpatchify(ours(tokens, level, words), size, config.patch)
    options = {"enable_diffusion_forcing": True, "fps": torch.tensor([config.rate]), "return_dict": False}
    wanted = theirs(latents, timestep, states, **options)[0][0]
    assert relative(found, wanted) < 1e-4


@pytest.mark.parametrize("style", ["diffusers", "original", "comfy"])
@pytest.mark.parametrize("config", [*WAN21, *WAN22, *I2V, *SKYREELS])
def test_keys_make_a_round_trip_bit_for_bit(config: TransformerConfig, style: Style) -> None:
    theirs, ours = twins(config)
    original = write_state(ours.state_dict(), config, style)
    back = read_state(original, config, style)
    assert style_of(original) == style and set(back) == set(ours.state_dict())
    assert all(torch.equal(back[name], value) for name, value in ours.state_dict().items())
    if style == "diffusers":
        assert set(original) == set(theirs.state_dict())
        assert all(torch.equal(original[name], value) for name, value in theirs.state_dict().items())


@pytest.mark.parametrize("style", ["original", "comfy"])
@pytest.mark.parametrize("config", [*WAN21[:1], *I2V[:1]])
def test_names_of_the_original_code_are_those_that_diffusers_converts(config: TransformerConfig, style: Style) -> None:
    theirs, ours = twins(config)
    converted = convert_wan_transformer_to_diffusers(dict(write_state(ours.state_dict(), config, style)))
    assert set(converted) == set(theirs.state_dict())
    assert all(torch.equal(converted[name], value) for name, value in theirs.state_dict().items())


@pytest.mark.parametrize("style", ["diffusers", "original", "comfy"])
def test_shapes_tell_the_configuration(style: Style) -> None:
    for config in (
        TransformerConfig(channels=4, dim=256, heads=2, layers=3, feedforward=96, text_dim=32, given=5, picture_dim=20, places=14),
        TransformerConfig(channels=16, dim=128, heads=1, layers=2, feedforward=64, text_dim=24, frequency_dim=64, rates=2, rate=1),
    ):
        with torch.device("meta"):
            shapes = {name: tuple(value.shape) for name, value in write_state(Transformer(config).state_dict(), config, style).items()}
        assert config_of(shapes, style) == config


@pytest.mark.parametrize("name", ["blocks.0.attn1.to_gate_compress.weight", "vace_blocks.0.before_proj.bias"])
def test_weights_of_another_kind_are_refused_by_name(name: str) -> None:
    theirs, _ = twins(WAN21[0])
    with pytest.raises(ValueError, match="FastWan|VACE"):
        style_of(theirs.state_dict() | {name: torch.zeros(1)})
    with pytest.raises(ValueError, match="not the weights of a Wan transformer"):
        style_of({"some.other": torch.zeros(1)})


def test_wrong_keys_are_listed() -> None:
    theirs, _ = twins(WAN21[0])
    state = theirs.state_dict()
    state["surprise"] = state.pop("proj_out.bias")
    with pytest.raises(ValueError, match=r"proj_out.bias.*surprise"):
        read_state(state, WAN21[0])
