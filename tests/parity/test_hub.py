"""Weights are fetched from a repository once, whole or not at all, and every way in which that can fail says what to do."""

import errno
import os
import re
import subprocess
import sys

import pytest
from huggingface_hub import constants

from yozora.model import find
from yozora.model.hub import _announce
from yozora.video import read_metadata

ASK = ("generate", "a red ball", "--size", "64x64", "--frames", "1", "--steps", "1")


@pytest.fixture
def cache(hub, tmp_path, monkeypatch):
    """An empty cache, and the stand-in in place of Hugging Face."""
    places = {"ENDPOINT": hub.address, "HUGGINGFACE_CO_URL_TEMPLATE": hub.address + "/{repo_id}/resolve/{revision}/{filename}"}
    for name, value in (places | {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": False}).items():
        monkeypatch.setattr(constants, name, value)
    return tmp_path / "cache"


def test_weights_are_fetched_by_their_name_once_and_then_used_without_the_network(hub, wan21, tmp_path):
    hub.repositories["owner/tiny"] = wan21[0]
    (wan21[0] / "old.bin").write_bytes(b"a pickle")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    environment |= {"HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-m", "yozora", *ASK, "--model", "owner/tiny", "-o", str(tmp_path / "made.png")]

    def asked(**changed: str) -> list[str]:
        done = subprocess.run(command, env=environment | changed, capture_output=True, text=True, timeout=200, check=True)
        return [line for line in done.stderr.splitlines() if line.startswith("yozora:") and "warning" not in line]

    (said,) = asked()
    assert "files of owner/tiny, 0.0 GB, into" in said and str(tmp_path / "cache") in said
    assert not any(path.startswith("GET") and path.endswith("old.bin") for path in hub.sent)
    hub.sent.clear()
    assert asked(HF_HUB_OFFLINE="1") == [] == hub.sent
    assert read_metadata(tmp_path / "made.png")["model"].startswith("owner/tiny@01234567 ")


def test_what_is_whole_in_the_cache_is_not_asked_for_again(hub, cache, wan21):
    hub.repositories["owner/tiny"] = wan21[0]
    folder = find("owner/tiny")
    assert folder.is_relative_to(cache) and {path.name for path in folder.iterdir()} > {"model_index.json", "vae", "transformer"}
    hub.sent.clear()
    assert find("owner/tiny") == folder == find(f"owner/tiny@{hub.revision}") and not hub.sent


def test_a_download_that_breaks_off_goes_on_from_what_is_there(hub, cache, wan21, monkeypatch):
    hub.repositories["owner/tiny"] = wan21[0]
    hub.cut = 10_000
    monkeypatch.setattr("time.sleep", lambda _: None)  # between its attempts
    with pytest.raises(ValueError, match=r"owner/tiny could not be fetched whole .*; ask again to go on"):
        find("owner/tiny")
    hub.cut = 0
    before = len(hub.sent)
    assert (find("owner/tiny") / "model_index.json").exists()
    assert 0 < sum(path.startswith("GET") and "/resolve/" in path for path in hub.sent[before:]) < len(list(wan21[0].rglob("*.*")))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("owner/none", "Hugging Face has no repository of that name"),
        ("owner/gated", "agree to its terms at huggingface.co/owner/gated"),
        ("owner/tiny@v9", "no revision 'v9'"),
        ("owner/other", "no model in a layout that is known here"),
    ],
)
def test_what_cannot_be_had_says_what_to_do(hub, cache, wan21, tmp_path, model, said):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    hub.repositories |= {"owner/tiny": wan21[0], "owner/gated": wan21[0], "owner/other": tmp_path / "other"}
    hub.gated.add("owner/gated")
    with pytest.raises(ValueError, match=said):
        find(model)


@pytest.mark.parametrize("offline", [True, False])
def test_without_a_network_it_says_where_it_looked(hub, cache, monkeypatch, offline):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    hub.shutdown()
    hub.server_close()
    with pytest.raises(ValueError, match=f"owner/tiny is not in {re.escape(str(cache))}, and Hugging Face cannot be reached"):
        find("owner/tiny")


def test_a_disk_that_fills_up_says_so(hub, cache, wan21, monkeypatch):
    hub.repositories["owner/tiny"] = wan21[0]

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.file_download.http_get", full)
    with pytest.raises(ValueError, match=f"{re.escape(str(cache))} is full; make room"):
        find("owner/tiny")


def test_a_disk_without_room_is_told_before_anything_is_fetched(hub, wan21, tmp_path, monkeypatch):
    class File:
        file_size = 5_000_000_000

    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2_000_000_000})())
    with pytest.raises(ValueError, match=r"needs 10.0 GB, and .* has 2.0 GB left"):
        _announce("owner/tiny", [File(), File()], tmp_path / "not" / "yet")
