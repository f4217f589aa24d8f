"""`yozora doctor` says what is there and what to do about what is not."""

import torch
from typer.testing import CliRunner

from yozora import doctor
from yozora.cli.entry import app


def lines() -> dict[str, str]:
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0, done.output
    width = max(len(one.subject) for one in doctor.examine())
    return {line[:width].strip(): line[width:].strip() for line in done.output.splitlines()}


def test_it_names_versions_devices_kernels_codecs_and_room():
    found = lines()
    assert found["torch"] == torch.__version__ and found["writes .mp4"] == "libx264"
    assert "cores" in found["processor"] and "libavcodec" in found["FFmpeg"]
    assert found["computed on"].split(" in ")[1] in ("bfloat16", "float32")
    assert found["attention, 4096 tokens"] in ("torch attention", "chunked attention")
    assert all(found[name].split()[1] == "GB" and "free" in found[name] for name in ("memory", "disk here", "disk for weights"))
    assert not any("->" in line for line in found.values())


def test_what_is_missing_has_a_remedy(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "" if name in ("ftfy", "einops") else "1")
    monkeypatch.setattr(doctor, "memory_free", lambda _: 1 << 30)
    monkeypatch.setattr("av.codecs_available", {"png"})
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 0})())
    found = lines()
    assert found["einops"] == "not there -> pip install einops"
    assert found["ftfy"] == "not there; needed for yozora[weights] -> pip install 'yozora[weights]'"
    assert "-> close other programs" in found["memory"] and "-> make room" in found["disk here"]
    assert found["writes .mp4"] == "no libx264 -> end files otherwise than in .mp4" and found["writes .png"] == "png"
