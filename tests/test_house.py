"""The rules of the house: what is written in CONTRIBUTING is checked here."""

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("yozora", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
PACKAGE = [path for path in SOURCES if path.is_relative_to(ROOT / "yozora")]
LIGHT = ["yozora", "yozora.video", "yozora.canvas", "yozora.tasks", "yozora.world.scene", "yozora.world.words"]
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base"}


def tool(name):
    """A program that was installed beside the interpreter that runs the tests."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    assert found, f"{name} is missing; install the extra: pip install '.[test]'"
    return found


def run(*command):
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"


def test_ruff_finds_nothing():
    run(tool("ruff"), "check", ".")


def test_imports_go_downward_only():
    run(tool("lint-imports"), "--no-cache")


@pytest.mark.timeout(600)
def test_pyright_finds_nothing():
    run(tool("pyright"), "--pythonpath", sys.executable)


@pytest.mark.parametrize("module", LIGHT)
def test_what_the_command_line_needs_first_loads_no_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0, f"import {module} loads torch"


def test_the_package_shows_its_names_without_loading_them():
    import yozora

    assert dir(yozora) == sorted(yozora.__all__)
    assert yozora.Video.__module__ == "yozora.video"
    with pytest.raises(AttributeError, match="nothing"):
        _ = yozora.nothing


def test_files_and_functions_stay_readable():
    too_long = [str(path.relative_to(ROOT)) for path in SOURCES if len(path.read_text(encoding="utf-8").splitlines()) > 400]
    for path in PACKAGE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 60:
                too_long.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not too_long, "files of more than 400 or functions of more than 60 lines"


def test_names_say_what_is_inside():
    assert not [path for path in SOURCES if path.stem in VAGUE]


def test_shapes_can_be_checked():
    """Annotations that are strings cannot be, and weights must fit to the last key."""
    for path in PACKAGE:
        text = path.read_text(encoding="utf-8")
        assert "from __future__ import annotations" not in text, path
        assert not re.search(r"load_state_dict\([^)]*strict\s*=\s*False", text), path


def test_public_things_are_described():
    silent = []
    for path in PACKAGE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        silent += [str(path.relative_to(ROOT))] * (not ast.get_docstring(tree) and bool(tree.body))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not silent, "without a docstring"


def test_continuous_integration_runs_the_readmes_own_command():
    pattern = re.search(r"grep -E '([^']+)' README.md", (ROOT / ".ci/run").read_text(encoding="utf-8"))
    assert pattern, ".ci/run takes its command from the README"
    commands = re.findall(pattern[1], (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1, "the README says in one line how to run the tests"
    assert "bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")


def test_every_folder_has_a_page_and_the_index_leads_to_every_page():
    docs = ROOT / "docs"
    linked = set(re.findall(r"\]\(([\w.-]+\.md)\)", (docs / "index.md").read_text(encoding="utf-8")))
    pages = {path.name for path in docs.glob("*.md")} - {"index.md"}
    folders = {f"{path.parent.name}.md" for path in (ROOT / "yozora").glob("*/__init__.py")}
    assert linked == pages, "docs/index.md and docs/ differ"
    assert folders <= pages, "folders without a page"


def test_every_module_with_shapes_in_its_signatures_is_checked_by_them():
    import tomllib

    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["addopts"]
    (packages,) = (option.removeprefix("--jaxtyping-packages=").split(",") for option in options if "jaxtyping-packages" in option)
    for path in PACKAGE:
        if "from jaxtyping import" in path.read_text():
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            assert any(name == package or name.startswith(package + ".") for package in packages), name
    there = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in PACKAGE}
    assert {package for package in packages if package.startswith("yozora")} <= there, "a package is named that is not there"
