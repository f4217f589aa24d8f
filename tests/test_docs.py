"""Pages that come from the program are fresh, and links between pages lead somewhere."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from yozora.evaluate import judges
from yozora.evaluate.cases import LEVELS
from yozora.evaluate.report import of_all, percent
from yozora.evaluate.thresholds import FROZEN
from yozora.evaluate.world import MODEL

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("yozora/models/*/*.md")])


def test_the_command_page_is_fresh():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs/generate.py")
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert (ROOT / "docs/cli.md").read_text() == generate.command_page(), "run: python docs/generate.py"


def test_the_calibration_in_the_docs_is_of_the_limits_and_judges_that_there_are():
    for page in ("evaluate", "calibration"):
        assert f"Limits {FROZEN}, judges {judges.digest()}" in (ROOT / f"docs/{page}.md").read_text(encoding="utf-8"), page


def test_the_tables_of_the_card_are_those_of_its_run():
    folder = ROOT / "yozora/models/hoshi"
    facts, card = json.loads((folder / "world.json").read_text(encoding="utf-8")), (folder / "README.md").read_text(encoding="utf-8")
    titles = {title: level for level, title in LEVELS.items()}
    rows, checked = [[cell.strip() for cell in line.strip("|").split("|")] for line in card.splitlines() if line.startswith("|")], 0
    for row in rows:
        if row[:2] == ["level", "clips"]:
            head = row
        elif row[0] in titles:
            for name, cell in zip(head[2:], row[2:], strict=True):
                found = facts["levels"][titles[row[0]]][MODEL].get(name, {"right": 0, "of": 0})
                right, of = found["right"], found["of"]
                assert cell == (of_all if of < int(row[1]) else percent)(right, of), (row[0], name)
                checked += 1
    assert checked > 100 and facts["made with"]["judges"][:16] in card and facts["made with"]["limits"][:16] in card


def test_what_the_readme_says_of_the_bundled_model_is_what_was_measured():
    facts = json.loads((ROOT / "yozora/models/hoshi/world.json").read_text(encoding="utf-8"))
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    words = [kinds[MODEL] for level, kinds in facts["levels"].items() if level not in facts["given"]]
    for said, measure in (
        ("all colours are right", "colours"),
        ("the number of objects", "count"),
        ("shapes", "shapes"),
        ("the direction of motion", "direction"),
    ):
        right, of = (sum(level[measure][part] for level in words) for part in ("right", "of"))
        assert f"{said} in {100 * right / of:.0f} %" in readme, measure
    joint = facts["joint"]
    assert f"on {joint['of']} clips" in readme and f"every check at once in {percent(joint['right'], joint['of'])}**" in readme


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]
