"""Low-rank additions mean what they mean to diffusers, in every style that they are named in."""

import pytest
import torch
from diffusers.loaders.lora_conversion_utils import _convert_musubi_wan_lora_to_diffusers, _convert_non_diffusers_wan_lora_to_diffusers

from yozora.transformer.additions import (
    Addition,
    hold_additions,
    merge_additions,
    named,
    read_additions,
    write_additions,
)
from yozora.transformer.keys import all_parts, write_state
from yozora.transformer.model import Transformer, TransformerConfig

CONFIG = TransformerConfig(channels=4, dim=48, heads=2, layers=2, feedforward=96, text_dim=32, given=8, picture_dim=20)
LAYERS = ("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "attn2.to_q", "attn2.to_k", "attn2.to_v", "attn2.to_out.0")
LAYERS += ("ffn.net.0.proj", "ffn.net.2")


def network() -> Transformer:
    torch.manual_seed(0)
    made = Transformer(CONFIG)
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return made.requires_grad_(requires_grad=False)


def drawn(alpha: float | None, *, biases: bool = False) -> dict[str, Addition]:
    """An addition of rank 3 to the layers that trainers usually choose."""
    generator = torch.Generator().manual_seed(1)
    theirs = write_state(network().state_dict(), CONFIG)
    found = {}
    for layer in (f"blocks.{number}.{layer}" for number in range(CONFIG.layers) for layer in LAYERS):
        out, into = theirs[f"{layer}.weight"].shape
        down, up = (torch.randn(sides, generator=generator) for sides in ((3, into), (out, 3)))
        bias = torch.randn(out, generator=generator) if biases else None
        found[layer] = Addition(down=down, up=up, alpha=alpha, bias=bias)
    return found


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """By how much tensors differ, by diffusers' names."""
    return {name: write_state(after, CONFIG)[name] - value for name, value in write_state(before, CONFIG).items()}


@pytest.mark.parametrize("style", ["diffusers", "original", "kohya"])
@pytest.mark.parametrize("alpha", [None, 1.5])
def test_files_of_every_style_make_a_round_trip_and_mean_the_same(style, alpha):
    additions = drawn(alpha)
    tensors, notes = write_additions(additions, style)
    back, found = read_additions(tensors, notes, CONFIG)
    assert found == style and set(back) == set(additions)
    again = write_additions(back, style)
    assert again[1] == notes and set(again[0]) == set(tensors)
    assert all(torch.equal(again[0][name], value) for name, value in tensors.items())
    merged = network()
    before = {name: value.clone() for name, value in merged.state_dict().items()}
    merge_additions(merged, CONFIG, back, 0.5)
    moved = changed(before, merged.state_dict())
    for name, one in moved.items():
        layer = name.removesuffix(".weight")
        wanted = 0.5 * (alpha or 3) / 3 * additions[layer].up @ additions[layer].down if layer in additions else torch.zeros_like(one)
        assert torch.allclose(one, wanted, atol=1e-5), name


def test_what_diffusers_makes_of_a_file_is_what_is_merged():
    for style, convert in (("original", _convert_non_diffusers_wan_lora_to_diffusers), ("kohya", _convert_musubi_wan_lora_to_diffusers)):
        additions = drawn(2.0)
        if style == "kohya":  # theirs asks for every layer of a block
            tensors, _ = write_additions(additions, style)
        else:
            tensors, _ = write_additions(additions | drawn(2.0, biases=True), style)
        ours, _ = read_additions(tensors, {}, CONFIG)
        theirs = convert({name: value.clone() for name, value in tensors.items()})  # it scales them in place
        for layer, one in ours.items():
            wanted = theirs[f"transformer.{layer}.lora_B.weight"] @ theirs[f"transformer.{layer}.lora_A.weight"]
            assert torch.allclose(one.weight(), wanted, atol=1e-5), layer
            if one.bias is not None:
                assert torch.equal(one.bias, theirs[f"transformer.{layer}.lora_B.bias"])


def test_alphas_in_the_notes_of_diffusers_count():
    tensors, _ = write_additions(drawn(None), "diffusers")
    ours, _ = read_additions(tensors, {"lora_adapter_metadata": '{"transformer.r": 3, "transformer.lora_alpha": 6}'}, CONFIG)
    plain, _ = read_additions(tensors, {}, CONFIG)
    assert all(torch.allclose(one.weight(), 2 * plain[layer].weight()) for layer, one in ours.items())


def test_held_additions_are_those_that_are_merged_and_come_off_again():
    additions = drawn(1.0, biases=True)
    merged, held, plain = network(), network(), network()
    merge_additions(merged, CONFIG, additions, 0.7)
    hold_additions(held, CONFIG, additions, 0.4)
    hold_additions(held, CONFIG, additions, 0.3)  # several are held at once
    own = dict(merged.named_parameters())
    for name, value in own.items():
        assert torch.allclose(
            held.get_parameter(name) if name in dict(held.named_parameters()) else attribute(held, name), value, atol=1e-5
        )
    for module in list(held.modules()):
        if torch.nn.utils.parametrize.is_parametrized(module):
            for leaf in list(module.parametrizations):
                torch.nn.utils.parametrize.remove_parametrizations(module, leaf, leave_parametrized=False)
    assert all(torch.equal(held.get_parameter(name), value) for name, value in plain.named_parameters())


def attribute(module: torch.nn.Module, name: str) -> torch.Tensor:
    for part in name.split("."):
        module = getattr(module, part)
    return module


def test_every_part_of_a_network_can_be_added_to_by_a_whole():
    plain = network()
    theirs = write_state(plain.state_dict(), CONFIG)
    whole = {
        name.removesuffix(".weight"): Addition(whole=torch.ones_like(value)) for name, value in theirs.items() if name.endswith("weight")
    }
    merged = network()
    merge_additions(merged, CONFIG, whole, 1.0)
    for part in all_parts(CONFIG):
        moved = merged.get_parameter(part.ours) - plain.get_parameter(part.ours)
        assert torch.allclose(moved, torch.full_like(moved, float(part.theirs[0].endswith("weight"))), atol=1e-6)


def test_additions_for_another_network_are_refused_before_anything_is_changed():
    additions = drawn(None)
    smaller = TransformerConfig(channels=4, dim=24, heads=2, layers=2, feedforward=48, text_dim=32)
    other = Transformer(smaller)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with pytest.raises(ValueError, match="another size"):
        merge_additions(other, smaller, additions, 1.0)
    assert all(torch.equal(other.state_dict()[name], value) for name, value in before.items())
    tensors, _ = write_additions(additions, "kohya")
    with pytest.raises(ValueError, match="add to nothing in this network"):
        read_additions(tensors | {"lora_unet_blocks_9_ffn_0.lora_down.weight": torch.ones(3, 48)}, {}, CONFIG)
    with pytest.raises(ValueError, match="adds to a layer"):
        read_additions({"unet.down.lora_A.weight": torch.ones(3, 4)}, {}, CONFIG)
    del tensors[f"lora_unet_{named('blocks.0.ffn.net.2', 'kohya')}.lora_up.weight"]
    with pytest.raises(ValueError, match="one matrix of two"):
        read_additions(tensors, {}, CONFIG)
    with pytest.raises(ValueError, match="notes"):
        read_additions(write_additions(additions, "diffusers")[0], {"lora_adapter_metadata": "{"}, CONFIG)
