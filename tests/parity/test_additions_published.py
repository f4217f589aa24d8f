"""Additions in the very files that are published: what each tensor of them does, and what is left out or refused."""

import json
import warnings
import weakref
from dataclasses import replace

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers
from safetensors.torch import save_file

from yozora.model import check_loras, load, sizes_of, with_loras
from yozora.tasks.lora import Lora
from yozora.transformer.additions import Addition, merge_additions, networks_in, placed, read_additions, write_additions
from yozora.transformer.keys import write_state
from yozora.transformer.model import Transformer, TransformerConfig

SEEING = TransformerConfig(channels=4, dim=48, heads=2, layers=2, feedforward=96, text_dim=32, given=8, picture_dim=20, places=514)
BLIND = replace(SEEING, picture_dim=0, places=0)
RANK, CPU = 3, torch.device("cpu")


def network(config: TransformerConfig) -> Transformer:
    torch.manual_seed(0)
    made = Transformer(config)
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return made.requires_grad_(requires_grad=False)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def published(config: TransformerConfig, embedding: str = "whole") -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """A file as lightx2v and Kijai publish them, which adds to every tensor, and by how much each is moved, by diffusers' names."""
    file, moved = {}, {}
    for name, value in write_state(network(config).state_dict(), config, "original").items():
        stem, _, kind = f"diffusion_model.{name}".rpartition(".")
        if kind == "emb_pos":
            continue
        pair = kind == "weight" and (value.ndim == 2 or name.startswith("patch_embedding") and embedding != "whole")
        if pair:
            kernel = value.shape[1:] if embedding != "flat" else (value[0].numel(),)
            down, up = drawn(RANK, *kernel), drawn(len(value), RANK, *[1] * (len(kernel) - 1))
            file |= {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up}
            moved[name] = torch.einsum("or,r...->o...", up.flatten(1), down).reshape(value.shape)
        else:
            end = {"weight": "diff", "bias": "diff_b", "modulation": "diff_m"}[kind]
            file[f"{stem}.{end}"] = moved[name] = drawn(*value.shape)
    return file, convert_wan_transformer_to_diffusers(moved)


def merged(tensors: dict[str, torch.Tensor], config: TransformerConfig, notes: dict[str, str] | None = None) -> dict[str, torch.Tensor]:
    """By how much a file moves each tensor of a network, by diffusers' names."""
    changed = network(config)
    merge_additions(changed, config, read_additions(tensors, notes or {}, config)[0], 1.0)
    before = write_state(network(config).state_dict(), config)
    return {name: value - before[name] for name, value in write_state(changed.state_dict(), config).items()}


def assert_moved(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    for name, value in found.items():
        assert torch.allclose(value, wanted.get(name, torch.zeros_like(value)), atol=1e-4), name


@pytest.mark.parametrize("embedding", ["whole", "kernel", "flat"])
@pytest.mark.parametrize("config", [SEEING, BLIND], ids=["i2v", "t2v"])
def test_a_file_that_adds_to_everything_is_added_whole_and_written_back(config, embedding):
    file, wanted = published(config, embedding)
    assert file["diffusion_model.blocks.1.diff_m"].shape == (1, 6, 48) and "diffusion_model.head.diff_m" in file
    assert_moved(merged(file, config), wanted)
    found, style = read_additions(file, {}, config)
    again, _ = write_additions(found, style)
    assert set(again) == set(file) and all(torch.equal(again[name], value) for name, value in file.items())
    other, notes = write_additions(found, "diffusers")
    assert_moved(merged(other, config, notes), wanted)


def test_a_modulation_may_come_without_its_axis_of_one_and_under_its_own_name():
    wanted = drawn(1, 6, 48)
    for name, value in (("diff_m", wanted[0]), ("modulation.diff", wanted), ("modulation.diff", wanted[0])):
        found = merged({f"diffusion_model.blocks.0.{name}": value}, SEEING)
        assert_moved(found, {"blocks.0.scale_shift_table": wanted})
    with pytest.raises(ValueError, match="another size"):
        merged({"diffusion_model.blocks.0.diff_m": drawn(1, 2, 48)}, SEEING)
    with pytest.raises(ValueError, match="has no bias"):
        merged({"diffusion_model.blocks.0.modulation.diff_b": drawn(6, 48)}, SEEING)


@pytest.mark.parametrize("style", ["original", "diffusers", "kohya"])
def test_layers_that_only_kin_have_are_left_out_with_one_warning(style):
    file, notes = write_additions(read_additions(published(SEEING)[0], {}, SEEING)[0], style)
    marks = ("_img", "img_emb", "added_k", "add_k_proj", "add_v_proj", "image_embedder")
    seeing = {name for name in file if any(mark in name for mark in marks)}
    with pytest.warns(UserWarning, match=f"{len(seeing)} of {len(file)} tensors are left out: .* only kin of this network have") as said:
        found = merged(file, BLIND, notes)
    assert len(said) == 1 and len(seeing) >= 20
    assert_moved(found, published(BLIND)[1])
    with (
        pytest.raises(ValueError, match="1 of .* add to nothing in this network, such as .*k_sound"),
        warnings.catch_warnings(action="ignore"),
    ):
        strange = {
            "original": "diffusion_model.blocks.0.cross_attn.k_sound.diff_b",
            "kohya": "lora_unet_blocks_0_cross_attn_k_sound.diff_b",
        }
        merged(file | {strange.get(style, "transformer.blocks.0.attn2.k_sound.lora_B.bias"): drawn(48)}, BLIND)
    with pytest.raises(ValueError, match="adds to a layer"):
        merged({name: file[name] for name in seeing}, BLIND)


def test_the_warning_names_the_file_and_comes_once(wan21, tmp_path):
    config, file = sizes_of(wan21[0]), tmp_path / "seeing.safetensors"
    tensors = {f"diffusion_model.blocks.0.cross_attn.{layer}.diff_b": drawn(config.dim) for layer in ("k", "k_img", "v_img")}
    save_file(tensors, file)
    loras = [Lora(file=str(file))]
    with pytest.warns(UserWarning, match="of .*seeing.safetensors 2 of 3 tensors") as said:
        check_loras(loras, config, experts=False)
    assert len(said) == 1
    model = load(str(wan21[0]), CPU, torch.float32)
    bias = model.own_transformer.blocks[0].cross_attention.key_value.bias.clone()
    with warnings.catch_warnings(action="error"):
        after = with_loras(model, loras).own_transformer.blocks[0].cross_attention.key_value.bias
    assert torch.allclose(after - bias, torch.cat([drawn(config.dim), torch.zeros(config.dim)]), atol=1e-6)


@pytest.mark.parametrize("name", ["style", "lightx2v_t1", "default"])
def test_names_of_adapters_do_not_matter_but_two_are_one_too_many(name):
    additions = read_additions(published(SEEING)[0], {}, SEEING)[0]
    file, _ = write_additions(additions, "diffusers")
    adapter = {key.replace("lora_A.", f"lora_A.{name}.").replace("lora_B.", f"lora_B.{name}."): value for key, value in file.items()}
    assert set(adapter) != set(file)
    assert_moved(merged(adapter, SEEING), published(SEEING)[1])
    again, _ = write_additions(read_additions(adapter, {}, SEEING)[0], "diffusers")
    assert set(again) == set(file) and all(torch.equal(again[key], value) for key, value in file.items())
    with pytest.raises(ValueError, match="several adapters"):
        merged(file | adapter, SEEING)


def test_names_of_wans_own_code_may_have_no_prefix_and_those_of_peft_behind_them():
    file = {"blocks.0.self_attn.q.lora_A.default.weight": drawn(RANK, 48), "blocks.0.self_attn.q.lora_B.default.weight": drawn(48, RANK)}
    assert_moved(merged(file, SEEING), {"blocks.0.attn1.to_q.weight": drawn(48, RANK) @ drawn(RANK, 48)})


def two(dim: int, alphas: tuple[float, float] = (6.0, 1.5)) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """A file as diffusers saves one of a pipeline with two networks."""
    tensors = {}
    for number, network in enumerate(("transformer", "transformer_2"), 1):
        tensors[f"{network}.blocks.0.ffn.net.2.lora_A.weight"] = number * drawn(RANK, 64)
        tensors[f"{network}.blocks.0.ffn.net.2.lora_B.weight"] = drawn(dim, RANK)
    noted = dict(zip(("transformer.lora_alpha", "transformer_2.lora_alpha"), alphas, strict=True))
    return tensors, {"lora_adapter_metadata": json.dumps(noted)}


@pytest.mark.parametrize(("expert", "factors"), [("", (2.0, 1.0)), ("high", (2.0, 0.0)), ("low", (0.0, 1.0))])
def test_a_file_for_two_networks_adds_to_each_what_is_for_it(experts, tmp_path, expert, factors):
    folder, file = str(experts[0]), str(tmp_path / "two.safetensors")
    dim = sizes_of(experts[0]).dim
    tensors, notes = two(dim)
    save_file(tensors, file, notes)
    plain = load(folder, CPU, torch.float32).transformer
    lora = [Lora(file=file, strength=0.5, expert=expert)]
    check_loras(lora, sizes_of(experts[0]), experts=True)
    model = with_loras(load(folder, CPU, torch.float32), lora).transformer
    for before, after, factor in zip((plain.high, plain.low), (model.high, model.low), factors, strict=True):
        moved = after.blocks[0].contract.weight - before.blocks[0].contract.weight
        assert torch.allclose(moved, 0.5 * factor * drawn(dim, RANK) @ drawn(RANK, 64), atol=1e-5)


def test_a_file_for_the_second_network_alone_leaves_the_first(experts, wan21, tmp_path):
    config = sizes_of(experts[0])
    tensors, notes = two(config.dim)
    file = str(tmp_path / "low.safetensors")
    save_file({name: value for name, value in tensors.items() if name.startswith("transformer_2.")}, file, notes)
    plain = load(str(experts[0]), CPU, torch.float32).transformer
    after = with_loras(load(str(experts[0]), CPU, torch.float32), [Lora(file=file)]).transformer
    assert torch.equal(after.high.blocks[0].contract.weight, plain.high.blocks[0].contract.weight)
    assert not torch.equal(after.low.blocks[0].contract.weight, plain.low.blocks[0].contract.weight)
    with pytest.raises(ValueError, match="holds nothing for the high one"):
        check_loras([Lora(file=file, expert="high")], config, experts=True)
    with pytest.raises(ValueError, match=r"2 of 2 tensors are for the second of two networks \(transformer_2\), and this is one"):
        check_loras([Lora(file=file)], config, experts=False)
    one = load(str(wan21[0]), CPU, torch.float32)
    with pytest.raises(ValueError, match="second of two networks"):
        with_loras(one, [Lora(file=file)])


def test_what_is_for_two_networks_is_written_back():
    tensors, notes = two(48)
    config = replace(SEEING, feedforward=64)
    parts = networks_in(tensors)
    high, low = (read_additions(parts[name], notes, config, name)[0] for name in ("transformer", "transformer_2"))
    assert high["blocks.0.ffn.net.2"].alpha == 6 and low["blocks.0.ffn.net.2"].alpha == 1.5
    again, noted = write_additions(high, "diffusers", low)
    assert set(again) == set(tensors) and all(torch.equal(again[name], value) for name, value in tensors.items())
    assert {one.alpha for name in parts for one in read_additions(parts[name], noted, config, name)[0].values()} == {6, 1.5}
    with pytest.raises(ValueError, match="a file for each"):
        write_additions(high, "kohya", low)


def test_products_are_formed_one_at_a_time_and_none_to_check_sizes(monkeypatch):
    additions = read_additions(published(SEEING)[0], {}, SEEING)[0]
    formed, weight = [], Addition.weight

    def counted(self: Addition, device: torch.device | None = None) -> torch.Tensor | None:
        assert not any(one() is not None for one in formed)
        found = weight(self, device)
        if self.down is not None:
            formed.append(weakref.ref(found))
        return found

    monkeypatch.setattr(Addition, "weight", counted)
    placed(SEEING, additions)
    assert not formed
    merge_additions(network(SEEING), SEEING, additions, 1.0)
    assert len(formed) == sum(one.down is not None for one in additions.values())


@pytest.mark.parametrize(
    "pair",
    [(drawn(0, 48), drawn(48, 0)), (drawn(3), drawn(48, 3)), (drawn(3, 48), drawn(48, 3, 1, 2, 2)), (drawn(3, 48), drawn(48, 4))],
    ids=["no rank", "one axis", "kernels twice", "two ranks"],
)
def test_matrices_that_make_no_product_are_refused(pair):
    names = ("diffusion_model.blocks.0.self_attn.q.lora_down.weight", "diffusion_model.blocks.0.self_attn.q.lora_up.weight")
    with pytest.raises(ValueError, match="make no product"):
        merged(dict(zip(names, pair, strict=True)), SEEING)
    with pytest.raises(ValueError, match="no number"):
        merged({names[0].replace("lora_down.weight", "alpha"): drawn(2)}, SEEING)
