"""What the tests of the command line share: a way to run a command, and given files."""

import sys
import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from yozora.cli import main
from yozora.video import Video


@dataclass(frozen=True)
class Done:
    """How a command ended, what it said to stderr, errors and warnings, and what it printed."""

    code: int
    lines: list[str]
    warnings: list[str]
    said: list[str]


@pytest.fixture
def ended(monkeypatch, capsys, tmp_path):
    """Run a program in this process, in an empty folder, on the words of a command."""

    def run(program, *words):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["yozora", *map(str, words)])
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
        with pytest.raises(SystemExit) as stopped:
            program()
        printed = capsys.readouterr()
        said = printed.err.splitlines()
        return Done(
            code=stopped.value.code or 0,
            lines=[line for line in said if "warning" not in line],
            warnings=[line for line in said if line.startswith("yozora: warning: ")],
            said=printed.out.splitlines(),
        )

    return run


@pytest.fixture
def yozora(ended):
    """Run a command in this process, in an empty folder."""
    return partial(ended, main)


@pytest.fixture(scope="session")
def given(tmp_path_factory):
    """A folder with clips and pictures that suit the tiny model as they are."""
    folder, rng = tmp_path_factory.mktemp("given"), np.random.default_rng(0)
    for name, frames in (("clip.mp4", 6), ("other.mp4", 5), ("pic.png", 1), ("last.png", 1)):
        soft = rng.integers(0, 256, (frames, 4, 8, 3), dtype=np.uint8).repeat(8, axis=1).repeat(8, axis=2)
        Video(soft, 8.0).save(folder / name)
    Video(np.zeros((1, 32, 64, 3), np.uint8), 8.0).save(folder / "black.png")
    Video(np.full((1, 16, 16, 3), 255, np.uint8), 8.0).save(folder / "small.png")
    return folder
