"""Pages that come from the program are fresh, and links between pages lead somewhere."""

import importlib.util
import re
from pathlib import Path

import pytest

from yozora.evaluate.thresholds import FROZEN

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("yozora/models/*/*.md")])


def test_the_command_page_is_fresh():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs/generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (ROOT / "docs/cli.md").read_text() == generate.command_page(), "run: python docs/generate.py"


def test_the_calibration_in_the_docs_is_of_the_limits_that_are_frozen():
    assert f"Limits {FROZEN}, judges" in (ROOT / "docs/evaluate.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]
