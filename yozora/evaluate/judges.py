"""What decides on cases and verdicts, in one hash: code of this package, of the world and the tasks, limits, sentences, detectors."""

import ast
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import yozora.evaluate
import yozora.tasks
import yozora.world
from yozora.weights import sha256

FIRST = "yozora.evaluate.cases"  # and all that it is made of
OURS = (yozora.evaluate, yozora.world, yozora.tasks)  # packages whose code counts
DATA = ("*.toml", "*.txt", "*.safetensors")  # files beside the code that count too


@cache
def digest(first: str = FIRST) -> str:
    """The hash of a module with all that it is made of; equal ones give the same cases under a seal, and the same verdict on a clip."""
    beside = [Path(package.__path__[0]) for package in OURS]
    files = {file for folder in beside for pattern in DATA for file in folder.rglob(pattern)} | modules(first)
    whole = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.parts[-2:]):
        whole.update(f"{file.parts[-2:]} {sha256(file)}\n".encode())
    return whole.hexdigest()


def modules(first: str) -> set[Path]:
    """The files of a module and of all modules that it imports from our packages, and these from others."""
    found, waiting = {}, [first]
    while waiting:
        name = waiting.pop()
        file = source(name)
        if file is None or name in found:
            continue
        found[name] = file
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(tuple(package.__name__ for package in OURS)):
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return set(found.values())


def source(name: str) -> Path | None:
    """The file of a module; None for a name that is none."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # it is a name within a module
        return None
    return Path(spec.origin) if spec and spec.origin else None
