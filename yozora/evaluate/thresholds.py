"""The limits by which a clip passes: one file, frozen before any model is scored."""

import hashlib
import tomllib
from functools import cache
from importlib import resources
from typing import TypeVar

FILE = "thresholds.toml"
FROZEN = "ff955abfecc98d5af536497bf456f6d3a6f762eefa58b95182c0fe273175b61f"  # SHA-256 of the file

Table = TypeVar("Table")


def limits(name: str, table: type[Table]) -> Table:
    """A table of the file as a dataclass."""
    return table(**tomllib.loads(_text())[name])


def check_frozen() -> None:
    """Raise ValueError with both hashes where the file was edited; whatever judges a clip for a user asks this first."""
    found = hashlib.sha256(_text().encode()).hexdigest()
    if found != FROZEN:
        raise ValueError(f"{FILE} was edited: its hash is {found}, the limits were frozen at {FROZEN}; restore it, or freeze the new ones")


@cache
def _text() -> str:
    return resources.files("yozora.evaluate").joinpath(FILE).read_text(encoding="utf-8")
