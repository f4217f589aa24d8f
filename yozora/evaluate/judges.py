"""What decides on cases and verdicts, in one hash: code of this package and of the world, limits, sentences, detectors."""

import ast
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import yozora.evaluate

FIRST = "yozora.evaluate.cases"  # and all that it is made of
OURS = ("yozora.evaluate", "yozora.world")  # packages whose code counts
DATA = ("*.toml", "*.txt", "*.safetensors")  # files beside the code that count too


@cache
def digest() -> str:
    """The hash; equal ones give the same verdict on the same clip, and the same cases under the same seal."""
    beside = Path(yozora.evaluate.__file__).parent
    files = {file for pattern in DATA for file in beside.glob(pattern)} | modules(FIRST)
    whole = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.parts[-2:]):
        whole.update(f"{file.parts[-2:]} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def modules(name: str) -> set[Path]:
    """The files of a module and of all modules that it imports from our packages, and these from others."""
    found, waiting = {}, [name]
    while waiting:
        module = waiting.pop()
        spec = find_spec(module)
        if module in found or spec is None or spec.origin is None:
            continue
        found[module] = Path(spec.origin)
        tree = ast.parse(found[module].read_text(encoding="utf-8"))
        named = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
        waiting += [one for one in named if one.startswith(OURS)]
    return set(found.values())
