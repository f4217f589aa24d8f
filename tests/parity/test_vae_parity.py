"""The network computes what Wan 2.1's and Wan 2.2's autoencoders compute, with the same random weights."""

import pytest
import torch
from diffusers import AutoencoderKLWan
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers

from yozora.vae import VAEConfig, VideoVAE, wan21_vae_config, wan22_vae_config
from yozora.vae.keys import Style, config_from_diffusers_vae, read_vae_state, vae_style_of, write_vae_state

WAN21 = {"base_dim": 8, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2, "z_dim": 4, "temperal_downsample": [False, True, True]}
WAN21_SMALL = {"base_dim": 12, "dim_mult": [1, 2, 2], "num_res_blocks": 1, "z_dim": 6, "temperal_downsample": [True, True]}
RESIDUAL = {"is_residual": True, "patch_size": 2, "in_channels": 12, "out_channels": 12}
WAN22 = WAN21 | RESIDUAL | {"decoder_base_dim": 12}
WAN22_SMALL = WAN21_SMALL | RESIDUAL | {"base_dim": 8, "dim_mult": [1, 2, 2], "temperal_downsample": [False, True]}


@pytest.mark.parametrize("theirs", [WAN21, WAN21_SMALL, WAN22, WAN22_SMALL], ids=["wan21", "wan21-small", "wan22", "wan22-small"])
@torch.no_grad()
def test_encode_and_decode_agree(theirs: dict) -> None:
    torch.manual_seed(0)
    space = 2 ** (len(theirs["dim_mult"]) - 1) * theirs.get("patch_size", 1)
    time = 2 ** sum(theirs["temperal_downsample"])
    peer = AutoencoderKLWan(
        **theirs, latents_mean=[0.0] * theirs["z_dim"], latents_std=[1.0] * theirs["z_dim"], scale_factor_spatial=space
    ).eval()
    for parameter in peer.parameters():  # so that scales of ones and the like cannot be mixed up
        parameter.add_(0.1 * torch.randn_like(parameter) * parameter.std(unbiased=False).clamp(min=0.1))
    ours = VideoVAE(config_from_diffusers_vae(peer.config))
    ours.load_state_dict(read_vae_state(peer.state_dict(), ours.config))
    assert ours.config.cell == (time, space, space)
    for cells in (0, 1, 2, 3):
        # Their temporal chunk is four frames whatever the arrangement, so lengths are 1 + a multiple of four.
        video = torch.rand(2, 3, 1 + 4 * cells, 2 * space, 3 * space) * 2 - 1
        expected = peer.encode(video).latent_dist
        mean, log_variance = ours.moments(video)
        assert relative(mean, expected.mean) < 1e-4 and relative(log_variance, expected.logvar) < 1e-4
        latents = torch.randn_like(mean)
        assert relative(ours.decode(latents).clamp(-1, 1), peer.decode(latents).sample) < 1e-4


@pytest.mark.parametrize("config", [wan21_vae_config(), wan22_vae_config()], ids=["wan21", "wan22"])
def test_full_widths_have_the_same_parameters(config: VAEConfig) -> None:
    residual = config.shortcut == "regroup"
    arrangement = RESIDUAL | {"decoder_base_dim": 256, "base_dim": 160, "z_dim": 48} if residual else {}
    with torch.device("meta"):
        peer, ours = AutoencoderKLWan(**arrangement), VideoVAE(config)
    renamed = {name: tensor.shape for name, tensor in read_vae_state(peer.state_dict(), config).items()}
    assert renamed == {name: tensor.shape for name, tensor in ours.state_dict().items()}


@pytest.mark.parametrize("style", ["diffusers", "original"])
@pytest.mark.parametrize("theirs", [WAN21, WAN21_SMALL, WAN22, WAN22_SMALL], ids=["wan21", "wan21-small", "wan22", "wan22-small"])
def test_keys_make_a_round_trip_bit_for_bit(theirs: dict, style: Style) -> None:
    channels = theirs["z_dim"]
    peer = AutoencoderKLWan(**theirs, latents_mean=[0.0] * channels, latents_std=[1.0] * channels)
    config = config_from_diffusers_vae(peer.config)
    ours = read_vae_state(peer.state_dict(), config)
    written = write_vae_state(ours, config, style)
    assert vae_style_of(written) == style and len(written) == len(ours)
    back = read_vae_state(written, config, style)
    assert set(back) == set(ours) and all(torch.equal(back[name], value) for name, value in ours.items())
    if style == "diffusers":
        assert {name: value.shape for name, value in written.items()} == {name: value.shape for name, value in peer.state_dict().items()}
        assert all(torch.equal(written[name], value) for name, value in peer.state_dict().items())


def test_names_of_the_original_code_are_those_that_diffusers_converts() -> None:
    peer = AutoencoderKLWan(**WAN21 | {"num_res_blocks": 2}, latents_mean=[0.0] * 4, latents_std=[1.0] * 4)
    config = config_from_diffusers_vae(peer.config)
    converted = convert_wan_vae_to_diffusers(write_vae_state(read_vae_state(peer.state_dict(), config), config, "original"))
    assert set(converted) == set(peer.state_dict())
    assert all(torch.equal(converted[name], value) for name, value in peer.state_dict().items())


def relative(value: torch.Tensor, expected: torch.Tensor) -> float:
    return ((value - expected).norm() / expected.norm()).item()
