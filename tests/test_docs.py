"""Pages that come from the program are fresh, and links between pages lead somewhere."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from yozora.evaluate.page import GIVEN
from yozora.evaluate.report import percent
from yozora.evaluate.thresholds import FROZEN
from yozora.evaluate.world import MODEL

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("yozora/models/*/*.md")])


def test_the_command_page_is_fresh():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs/generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (ROOT / "docs/cli.md").read_text() == generate.command_page(), "run: python docs/generate.py"


def test_the_calibration_in_the_docs_is_of_the_limits_that_are_frozen():
    assert f"Limits {FROZEN}, judges" in (ROOT / "docs/evaluate.md").read_text(encoding="utf-8")


def test_what_the_readme_says_of_the_bundled_model_is_what_was_measured():
    facts = json.loads((ROOT / "yozora/models/hoshi/world.json").read_text(encoding="utf-8"))
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    words = [kinds[MODEL] for level, kinds in facts["levels"].items() if level not in GIVEN]
    for said, measure in (
        ("all colours are right", "colours"),
        ("the number of objects", "count"),
        ("shapes", "shapes"),
        ("the direction of motion", "direction"),
    ):
        right, of = (sum(level[measure][part] for level in words) for part in ("right", "of"))
        assert f"{said} in {100 * right / of:.0f} %" in readme, measure
    joint = facts["joint"]
    assert f"on {joint['of']} clips" in readme and f"everything at once in {percent(joint['right'], joint['of'])}**" in readme


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]
