"""Modules that are commands of their own end as `yozora` does where something makes no sense: one line, exit code 2, nothing written."""

import runpy
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGINS = 'if __name__ == "__main__":\n'
MODULES = sorted(path for path in (ROOT / "yozora").rglob("*.py") if BEGINS in path.read_text(encoding="utf-8"))
BAD = {
    "level": ("evaluate.calibrate", ("hoshi", "--level", "nope"), "no level or family 'nope' with scenes; choose one of"),
    "model": ("evaluate.calibrate", ("nope",), "unknown model 'nope'; bundled models: hoshi"),
    "number": ("evaluate.calibrate", ("hoshi", "--clips", "few"), "'--clips'"),
    "no folder at all": ("evaluate.compare", ("one", "other"), "one has no world.jsonl; give the --out"),
    "no run": ("evaluate.choose", ("hoshi", "--run", "one"), "one has no world.jsonl; give the --out"),
    "captioner": ("evaluate.captions", ("nope",), "unknown model 'nope'"),
    "family": ("evaluate.data", ("--families", "nope", "--out", "new"), "no family 'nope': choose among"),
    "folder": ("evaluate.data", ("--out", "file"), "a file is in its place; name another in --out"),
    "scenes": ("evaluate.accepted", ("--scenes", "0"), "'--scenes'"),
    "model of levels": ("evaluate.levels", ("nope",), "unknown model 'nope'"),
    "verb": ("evaluate.limits", ("hoshi", "--verbs", "sing"), "no verb sing; choose among"),
    "size": ("evaluate.reconstruct", ("hoshi", "--size", "abc"), "size 'abc' is not WIDTHxHEIGHT"),
    "size of games": ("evaluate.game.faults", ("--size", "abc"), "size 'abc' is not WIDTHxHEIGHT"),
    "model of joins": ("evaluate.verbs.joins", ("nope",), "unknown model 'nope'"),
    "model of copies": ("evaluate.copies", ("nope",), "unknown model 'nope'"),
    "steps": ("evaluate.train_shapes", ("--steps", "few"), "'--steps'"),
    "model of what is told apart": ("evaluate.apart", ("nope",), "unknown model 'nope'; bundled models: hoshi"),
    "scaling": ("recipes.claims.scaling", ("--steps", "0"), "'--steps'"),
    "captions of a claim": ("recipes.claims.captions", ("--out", "file"), "a file is in its place; name another in --out"),
    "sizes of a claim": ("recipes.claims.sizes", ("--cases", "few"), "'--cases'"),
    "curve": ("recipes.claims.curve", ("--out", "."), "run python -m yozora.recipes.claims.scaling first"),
    "students of a claim": ("recipes.claims.students", ("--cases", "0"), "'--cases'"),
    "claim": ("recipes.claims.shown", ("beauty",), "'beauty' is not one of 'space', 'permanence', 'interaction'"),
    "model of a claim": ("recipes.claims.finishing", ("--model", "nope"), "unknown model 'nope'; bundled models: hoshi"),
}


def started(name):
    """A program that runs a module as `python -m` does."""
    return partial(runpy.run_module, name, run_name="__main__")


@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, ended, name):
    (tmp_path / "file").write_text("kept")
    module, words, expected = BAD[name]
    done = ended(started(f"yozora.{module}"), *words)
    assert (done.code, len(done.lines), done.said) == (2, 1, []) and expected in done.lines[0], done
    assert done.lines[0].startswith("yozora: ") and [path.name for path in tmp_path.iterdir()] == ["file"]


def test_every_module_that_is_a_command_is_run_so_and_tried_here():
    names = {".".join(path.relative_to(ROOT / "yozora").with_suffix("").parts) for path in MODULES}
    assert names == {module for module, _, _ in BAD.values()}
    assert all(path.read_text(encoding="utf-8").endswith(f"{BEGINS}    command.run(main)\n") for path in MODULES)
