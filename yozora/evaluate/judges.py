"""What decides on cases and verdicts, in one hash: code of this package, of the world and the tasks, limits, sentences, detectors.

Of code only what it does counts: comments, docstrings and types may change, and the hash stays.
"""

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
SAID = ("annotation", "returns", "type_comment", "type_params", "kind")  # parts of a syntax tree that say something and do nothing
DATA = ("*.toml", "*.txt", "*.safetensors")  # files beside the code that count too


@cache
def digest(first: str = FIRST) -> str:
    """The hash of a module with all that it is made of; equal ones give the same cases under a seal, and the same verdict on a clip."""
    beside = [Path(package.__path__[0]) for package in OURS]
    files = {file for folder in beside for pattern in DATA for file in folder.rglob(pattern)} | modules(first)
    whole = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.parts[-2:]):
        kept = essence(ast.parse(file.read_text(encoding="utf-8"))) if file.suffix == ".py" else sha256(file)
        whole.update(f"{file.parts[-2:]} {kept}\n".encode())
    return whole.hexdigest()


def essence(node: object, *, local: bool = False) -> str:
    """What a syntax tree does, as text that no version of Python changes; `local`: within a function, where types do nothing."""
    if isinstance(node, list):
        return f"[{' '.join(essence(one, local=local) for one in node if not is_docstring(one))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if local and isinstance(node, ast.AnnAssign) and node.value:
        node = ast.Assign(targets=[node.target], value=node.value)
    local = isinstance(node, ast.FunctionDef) or (local and not isinstance(node, ast.ClassDef))
    parts = [(name, value) for name, value in ast.iter_fields(node) if name not in SAID and value not in (None, [])]
    return f"{type(node).__name__}({' '.join(f'{name}={essence(value, local=local)}' for name, value in parts)})"


def is_docstring(node: object) -> bool:
    """Whether a statement is a string alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


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
