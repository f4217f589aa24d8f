"""Laws of the video compression network."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from yozora.vae import (
    VAEConfig,
    VideoVAE,
    bundled_vae_config,
    flops_per_pixel,
    initialise,
    load_vae,
    save_vae,
    vae_loss,
    wan21_vae_config,
    wan22_vae_config,
)
from yozora.vae.blocks import NormSiLU, rms_normalise
from yozora.vae.discriminator import Discriminator, adversarial_weight, hinge_loss
from yozora.vae.initialise import start_from_components
from yozora.vae.tiles import Tiling, decode_tiled, encode_tiled, ramp, spans

TINY = replace(bundled_vae_config(), encoder_widths=(12, 16, 16), decoder_widths=(12, 12, 16), channels=4, mean=(0.1,) * 4, std=(2.0,) * 4)
LINEAR = replace(TINY, encoder_widths=())
WAN21 = VAEConfig(encoder_widths=(4, 8, 8), decoder_widths=(4, 8, 8), blocks=1, time_down=(False, True), channels=2, attention=True)
WAN22 = replace(WAN21, time_down=(True, True), fold=2, shortcut="regroup")


def network(config: VAEConfig, seed: int = 0) -> VideoVAE:
    """A network with every weight away from its start."""
    generator = torch.Generator().manual_seed(seed)
    vae = initialise(VideoVAE(config), generator)
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return vae


def clip(config: VAEConfig, cells: int, batch: int = 1, seed: int = 1) -> torch.Tensor:
    time, height, width = config.cell
    return torch.rand(batch, 3, 1 + time * cells, 2 * height, 3 * width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("config", [LINEAR, TINY, WAN21, WAN22], ids=["bundled", "learned encoder", "wan21", "wan22"])
@torch.no_grad()
def test_chunks_equal_the_whole(config: VAEConfig) -> None:
    vae, video = network(config), clip(config, cells=5, batch=2)
    whole = vae.encode(video)
    assert whole.shape == (2, config.channels, 6, 2, 3)
    frames = vae.decode(whole)
    assert frames.shape == video.shape
    for cells in (1, 2, 3):
        assert torch.allclose(vae.encode(video, cells=cells), whole, atol=1e-4)
        assert torch.allclose(torch.cat(list(vae.decode_stream(whole, cells=cells)), 2), frames, atol=1e-4)


@pytest.mark.parametrize("config", [TINY, WAN22], ids=["bundled", "wan22"])
@torch.no_grad()
def test_the_future_has_no_influence(config: VAEConfig) -> None:
    vae, video = network(config), clip(config, cells=4)
    changed = video.clone()
    changed[:, :, 1 + 2 * config.cell[0] :] = 0
    assert torch.allclose(vae.encode(changed)[:, :, :3], vae.encode(video)[:, :, :3], atol=1e-6)
    assert torch.allclose(vae.encode(video[:, :, :1]), vae.encode(video)[:, :, :1], atol=1e-6)
    latents = vae.encode(video)
    assert torch.allclose(vae.decode(latents[:, :, :2]), vae.decode(latents)[:, :, : 1 + config.cell[0]], atol=1e-5)


@torch.no_grad()
def test_batch_members_do_not_meet() -> None:
    vae, video = network(TINY), clip(TINY, cells=2, batch=3)
    assert torch.allclose(vae.encode(video)[1:2], vae.encode(video[1:2]), atol=1e-5)


@torch.no_grad()
def test_memory_of_streaming_does_not_grow() -> None:
    vae = network(TINY)
    frames, cache, sizes = clip(TINY, cells=6), None, []
    for chunk in (frames[:, :, :1], *frames[:, :, 1:].split(TINY.cell[0], dim=2)):
        _, cache = vae.encode_chunk(chunk, cache)
        sizes.append(sum(tensor.untyped_storage().nbytes() for tensor in leaves(cache)))
    assert len(set(sizes[1:])) == 1 and sizes[1] > 0


def leaves(tree: object) -> list[torch.Tensor]:
    return [tree] if isinstance(tree, torch.Tensor) else [leaf for branch in tree for leaf in leaves(branch)]


@torch.no_grad()
def test_an_image_network_is_a_sane_video_network() -> None:
    vae = initialise(VideoVAE(replace(TINY, straight=False)))
    generator = torch.Generator().manual_seed(1)
    for name, parameter in vae.named_parameters():  # what training on single frames can change: no tap into the past, no change of rate
        if not name.endswith("time.weight") and not name.endswith("time.bias"):
            noise = 0.02 * torch.randn(parameter.shape, generator=generator)
            past = parameter.dim() == 5 and parameter.shape[2] > 1
            (parameter[:, :, -1:] if past else parameter).add_(noise[:, :, -1:] if past else noise)
    image = torch.rand(1, 3, 1, 32, 48, generator=generator) * 2 - 1
    still = image.expand(-1, -1, 9, -1, -1)
    expected = vae.decode(vae.encode(image))
    assert expected.std() > 0.1
    assert torch.allclose(vae.decode(vae.encode(still)), expected.expand_as(still), atol=1e-4)


@torch.no_grad()
def test_the_straight_map_begins_as_principal_components() -> None:
    generator = torch.Generator().manual_seed(0)
    vae = initialise(VideoVAE(replace(TINY, channels=16, mean=(), std=())), generator)
    coarse = torch.rand(48, 3, 3, 2, 2, generator=generator) * 2 - 1
    video = torch.nn.functional.interpolate(coarse, size=(5, 32, 32), mode="trilinear")
    start_from_components(vae, video, torch.ones_like(video[:, :1]))
    latents = vae.encode(video)
    assert ((vae.decode(latents) - video)[:, :, 1:].var() / video.var()) < 0.3
    power = latents[:, :, 1:].square().mean((0, 2, 3, 4)).sqrt()
    assert (power[:-1] > 0.8 * power[1:]).all()  # the strongest first, each with the root of its deviation in pixels
    assert torch.allclose(power, vae.straight.to_pixels.weight.norm(dim=0), rtol=0.2)
    image = video[:, :, :1]
    still = image.expand(-1, -1, 5, -1, -1)
    assert torch.allclose(vae.decode(vae.encode(still)), vae.decode(vae.encode(image)).expand_as(still), atol=1e-4)


def test_every_weight_learns() -> None:
    vae = network(TINY)
    video = clip(TINY, cells=2)
    mean, log_variance = vae.moments(video)
    loss, parts = vae_loss(video, vae.decode(vae.normalise(mean)), (mean, log_variance), torch.ones(1, 1, 1, 1, 1))
    loss.backward()
    assert all(value.isfinite() for value in parts.values())
    assert [name for name, p in vae.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_fresh_weights_let_gradients_in() -> None:
    vae = initialise(VideoVAE(TINY), torch.Generator().manual_seed(0))
    video = clip(TINY, cells=2)
    loss, _ = vae_loss(video, vae.decode(vae.encode(video)), vae.moments(video), torch.ones(1, 1, 1, 1, 1))
    loss.backward()
    assert all(level.blocks[0].conv2.weight.grad.any() for level in [*vae.encoder.levels, *vae.decoder.levels])


@pytest.mark.parametrize("autocast", [True, False])
@torch.no_grad()
def test_bfloat16_stays_close(*, autocast: bool) -> None:
    vae, video = network(TINY), clip(TINY, cells=2)
    expected = vae.decode(vae.encode(video))
    vae, video = (vae, video) if autocast else (vae.bfloat16(), video.bfloat16())
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found = vae.decode(vae.encode(video))
    assert found.dtype == torch.bfloat16 and (found.float() - expected).norm() / expected.norm() < 0.05


def test_norm_gradients_are_exact() -> None:
    norm = NormSiLU(6).double()
    norm.weight.data.uniform_(0.5, 2, generator=torch.Generator().manual_seed(0))
    x = torch.randn(2, 6, 2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1), requires_grad=True)
    assert torch.allclose(norm(x), torch.nn.functional.silu(rms_normalise(x, norm.weight)), atol=1e-5)
    assert torch.autograd.gradcheck(lambda x, weight: torch.func.functional_call(norm, {"weight": weight}, (x,)), (x, norm.weight))


def test_sizes_that_fill_no_cells_are_refused() -> None:
    with pytest.raises(ValueError, match="1 \\+ a multiple of 4"):
        VideoVAE(TINY).encode(torch.zeros(1, 3, 4, 32, 32))


def test_file_keeps_everything(tmp_path: Path) -> None:
    vae, video = network(TINY), clip(TINY, cells=1)
    save_vae(vae, tmp_path / "vae.safetensors")
    again = load_vae(tmp_path / "vae.safetensors")
    assert again.config == vae.config
    assert torch.equal(again.encode(video), vae.encode(video))
    assert again.decoder.enter.weight.is_contiguous(memory_format=torch.channels_last_3d)


@torch.no_grad()
def test_loss_is_zero_for_the_truth_and_weighs_pixels() -> None:
    video = clip(TINY, cells=1)
    zero = torch.zeros(1, 4, 2, 2, 3)
    _, parts = vae_loss(video, video, (zero, zero), torch.ones(1, 1, 1, 1, 1))
    assert all(abs(value) < 1e-5 for value in parts.values())
    wrong, weights = video.clone(), torch.ones_like(video[:, :1])
    wrong[..., :32] *= 0.5
    weights[..., :32] = 9
    flat = vae_loss(video, wrong, (zero, zero), torch.ones(1, 1, 1, 1, 1))[1]
    heavy = vae_loss(video, wrong, (zero, zero), weights)[1]
    assert all(heavy[name] > 1.2 * flat[name] for name in ("absolute", "square", "structure", "edges"))


def test_adversary_tells_real_from_made() -> None:
    torch.manual_seed(0)
    judge, video = Discriminator(16), clip(TINY, cells=1)
    made = (0.5 * video).requires_grad_()
    optimizer = torch.optim.Adam(judge.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = hinge_loss(judge(video), judge(made.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    loss, opinion = (made - video).abs().mean(), -judge(made).mean()
    scale = adversarial_weight(loss, opinion, made)
    pull, push = (torch.autograd.grad(x, made, retain_graph=True)[0].norm() for x in (loss, scale * opinion))
    assert scale == 10 or torch.isclose(pull, push, rtol=1e-3)


def test_wan_arrangements_have_their_cells() -> None:
    assert wan21_vae_config().cell == (4, 8, 8) and bundled_vae_config().cell == (4, 16, 16)


NARROW = VAEConfig(
    encoder_widths=(4, 4), decoder_widths=(4, 4), blocks=1, time_down=(True,), channels=2, fold=2, taps=(1, 3), shortcut="pool"
)


@torch.no_grad()
def test_tiles_equal_the_whole_frame() -> None:
    vae = network(NARROW)
    video = torch.rand(1, 3, 5, 8 * 4, 52 * 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    latents, tiling = vae.encode(video), Tiling(side=40, overlap=36)
    assert torch.allclose(encode_tiled(vae, video, tiling), latents, atol=1e-4)
    assert torch.allclose(torch.cat(list(decode_tiled(vae, latents, tiling)), 2), vae.decode(latents), atol=1e-4)


def test_tiles_cover_a_side_and_share_it_out() -> None:
    for size in (5, 40, 41, 100, 133):
        tiling, total = Tiling(side=40, overlap=12), torch.zeros(size * 3)
        for span in spans(size, tiling):
            assert 0 <= span.start < span.stop <= size and span.stop - span.start <= 40
            total[span.start * 3 : span.stop * 3] += ramp(span, size, 12, 3)
        assert total.min() > 0.99


def test_tiles_bound_the_memory_of_a_frame() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Tiling(side=8, overlap=8)
    seen = []
    vae = network(NARROW)
    inner, vae.decode_chunk = vae.decode_chunk, lambda x, cache: (seen.append(x.shape[3:]), inner(x, cache))[1]
    list(decode_tiled(vae, torch.zeros(1, 2, 2, 30, 45), Tiling(side=16, overlap=6)))
    assert max(max(shape) for shape in seen) == 16 and len(seen) > 8


@pytest.mark.parametrize("config", [bundled_vae_config(), wan21_vae_config(), wan22_vae_config()], ids=["bundled", "wan21", "wan22"])
@torch.no_grad()
def test_cost_by_formula_is_what_a_chunk_computes(config: VAEConfig) -> None:
    with torch.device("meta"):
        vae = VideoVAE(replace(config, attention=False))
        (time, height, width), counted = config.cell, []
        pixels = torch.zeros(1, 3, 1 + time, 2 * height, 2 * width)
        cells = torch.zeros(1, config.channels, 2, 2, 2)
        for step, clip in ((vae.encode_chunk, pixels), (vae.decode_chunk, cells)):
            _, cache = step(clip[:, :, :1], None)
            with FlopCounterMode(display=False) as counter:
                step(clip[:, :, 1:], cache)
            counted.append(counter.get_total_flops() / (time * 4 * height * width))
    assert flops_per_pixel(replace(config, attention=False)) == pytest.approx(tuple(counted), rel=1e-6)


def test_the_bundled_network_is_small() -> None:
    with torch.device("meta"):
        vae = VideoVAE(bundled_vae_config())
    encode, decode = flops_per_pixel(vae.config)
    assert encode < 0.08e6 and decode < 0.2e6
    assert sum(parameter.numel() for parameter in vae.parameters()) < 6.4e6
