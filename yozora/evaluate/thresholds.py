"""The limits by which a clip passes: one file, frozen before any model is scored."""

import hashlib
import tomllib
from functools import cache
from importlib import resources
from typing import TypeVar

FILE = "thresholds.toml"
FROZEN = "7f82ca0a4ec9f63609e56a00f7f977da725d920a375322939c6adf3edc1bc089"  # SHA-256 of the file

Table = TypeVar("Table")


def limits(name: str, table: type[Table]) -> Table:
    """A table of the file as a dataclass; raises ValueError with both hashes where the file was edited."""
    return table(**read()[name])


@cache
def read() -> dict[str, dict[str, float]]:
    """The file; raises ValueError with both hashes where it was edited."""
    text = resources.files("yozora.evaluate").joinpath(FILE).read_text(encoding="utf-8")
    found = hashlib.sha256(text.encode()).hexdigest()
    if found != FROZEN:
        raise ValueError(f"{FILE} was edited: its hash is {found}, the limits were frozen at {FROZEN}; restore it, or freeze the new ones")
    return tomllib.loads(text)
