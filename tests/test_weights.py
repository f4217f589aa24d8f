"""Weights on disk come back as they were, or a message says why not."""

import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from yozora.weights import Shelf, listed, load_into, quantised, read, read_notes, sha256, shapes_of, write


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 128), nn.Conv3d(8, 16, 3), nn.LayerNorm(7))


def test_what_was_written_is_read(tmp_path):
    first, second = network(), network(1)
    write(first.state_dict(), tmp_path / "a.safetensors", {"made by": "a test"})
    load_into(second, tmp_path / "a.safetensors")
    assert all(torch.equal(one, two) for one, two in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    assert all(parameter.requires_grad for parameter in second.parameters())
    assert read_notes(tmp_path / "a.safetensors") == {"made by": "a test"}


def test_the_same_weights_have_the_same_hash(tmp_path):
    for name in "ab":
        write(network().state_dict(), tmp_path / name)
    write(network(1).state_dict(), tmp_path / "c")
    assert sha256(tmp_path / "a") == sha256(tmp_path / "b") != sha256(tmp_path / "c")


def test_eight_bits_err_by_half_a_step_and_fill_a_quarter(tmp_path):
    state = {name: value * 10.0 ** (value.ndim - 3) for name, value in network().state_dict().items()}
    state["0.weight"][3] = 0
    write(state, tmp_path / "whole")
    write(quantised(state), tmp_path / "small")
    assert (tmp_path / "small").stat().st_size < 0.35 * (tmp_path / "whole").stat().st_size
    back = read(tmp_path / "small")
    assert back.keys() == state.keys()
    error = (back["0.weight"] - state["0.weight"]).abs().amax(1)
    assert (error <= state["0.weight"].abs().amax(1) / 127 * 0.501).all()
    assert torch.equal(back["0.bias"], state["0.bias"].to(torch.bfloat16))
    load_into(network(1), tmp_path / "small")


def test_misfits_are_all_named(tmp_path):
    state = network().state_dict()
    state["surprise"] = state.pop("0.bias")
    state["1.bias"] = torch.zeros(3)
    write(state, tmp_path / "odd")
    with pytest.raises(ValueError, match=r"missing: 0\.bias; extra: surprise; of another shape: 1\.bias \(3,\) for \(16,\)"):
        load_into(network(), tmp_path / "odd")


def test_files_are_known_by_content(tmp_path):
    liar = tmp_path / "weights.safetensors"
    liar.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ValueError, match="pickle"):
        read(liar)
    with zipfile.ZipFile(liar, "w") as archive:
        archive.writestr("data.pkl", b"")
    with pytest.raises(ValueError, match="pickle"):
        read(liar)
    liar.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ValueError, match="git lfs pull"):
        read(liar)
    for nonsense in (b"", b"GGUF", b"\xff" * 64, b"<!doctype html><html></html>"):
        liar.write_bytes(nonsense)
        with pytest.raises(ValueError, match="not a safetensors file"):
            read_notes(liar)
    with pytest.raises(ValueError, match="cannot be read"):
        read(tmp_path / "absent")


def test_a_torn_file_is_refused(tmp_path):
    path = tmp_path / "torn"
    write(network().state_dict(), path)
    whole = path.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 9, 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="damaged|not a safetensors"):
            read(path)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a"
    write(network().state_dict(), path)
    before = sha256(path)
    with pytest.raises(ValueError, match="cannot be written"):
        write(network().state_dict(), tmp_path / "nowhere" / "a")
    with pytest.raises(TypeError):
        write({"a": torch.zeros(2)}, path, {"note": 3})
    assert sha256(path) == before
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["b", "a"], "a, b"),
        ([f"blocks.{layer}.norm.weight" for layer in range(40)], "blocks.0-39.norm.weight"),
        ([*(f"x.{layer}" for layer in (0, 1, 2, 5, 7, 8)), "x.y"], "x.0-2,5,7-8, x.y"),
        ([f"a.{one}.b.{two}" for one in range(2) for two in range(2)], "a.0-1.b.0, a.0-1.b.1"),
    ],
)
def test_all_keys_are_listed_those_of_many_layers_together(names, said):
    assert listed(reversed(names)) == said


def test_what_stands_beside_weights_in_eight_bits_is_no_weight(tmp_path):
    eight = torch.tensor([[1.0, -2.0], [3.0, 4.0]]).to(torch.float8_e4m3fn)
    rows = {"a.weight": eight.clone(), "a.weight_scale": torch.tensor([2.0, 10.0]), "a.comfy_quant": torch.zeros(3, dtype=torch.uint8)}
    one = {"b.weight": eight.clone(), "b.scale_weight": torch.tensor(0.5), "scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}
    save_file(rows | one | {"c.weight": eight, "c.bias": torch.ones(2)}, tmp_path / "x.safetensors")
    shelf = Shelf([tmp_path / "x.safetensors"])
    assert set(shelf) == set(shapes_of([tmp_path / "x.safetensors"])) == {"a.weight", "b.weight", "c.weight", "c.bias"}
    assert shelf["a.weight"].tolist() == [[2.0, -4.0], [30.0, 40.0]]
    assert shelf["b.weight"].tolist() == [[0.5, -1.0], [1.5, 2.0]] and shelf["b.weight"].dtype == torch.bfloat16
    assert shelf["c.weight"].dtype == torch.float8_e4m3fn
