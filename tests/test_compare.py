"""Two models are compared case by case, and only on the same cases."""

import json

import pytest

from yozora.evaluate.compare import firsts, main, mcnemar, paired, split, table
from yozora.evaluate.world import FILE, MODEL


def run(folder, verdicts, prompt="a red ball", digest="weights under seal a, judged by b"):
    folder.mkdir()
    rows = [
        {"digest": digest, "name": f"{level}-000", "level": level, "kind": MODEL, "take": 0, "prompt": prompt}
        | {"scores": {"colours": [1.0, passed, ""], "shapes": None, "all": [1.0, passed, ""]}}
        for level, passed in verdicts.items()
    ]
    (folder / FILE).write_text("".join(json.dumps([row]) + "\n" for row in rows))
    return folder


def test_the_exact_test_is_the_binomial_one():
    assert mcnemar(0, 0) == 1 and mcnemar(5, 5) == 1
    assert mcnemar(0, 6) == mcnemar(6, 0) == pytest.approx(2 / 64)
    assert mcnemar(3, 10) == pytest.approx(0.0923, abs=1e-4)


def test_only_cases_that_differ_tell_two_models_apart(tmp_path, capsys):
    one = run(tmp_path / "one", {"seen": True, "pairs": True, "triples": False, "falls": True})
    other = run(
        tmp_path / "other", {"seen": True, "pairs": False, "triples": False, "falls": False}, digest="others under seal a, judged by b"
    )
    pairs = paired(firsts(one), firsts(other))
    assert split(pairs, "all") == (1, 2, 0, 1)
    assert "| joint | 3 | 1 | 1 | 0 | 1 | 1 |" in table(pairs) and "shapes" not in table(pairs)
    main(one, other)
    said = capsys.readouterr().out
    assert "| joint, held-out pairs | 1 | 0 | 1 | 0 | 0 | 1 |" in said and "4 cases in both, 0 in one run alone" in said


def test_other_cases_and_other_judges_are_not_compared(tmp_path):
    one = run(tmp_path / "one", {"seen": True})
    with pytest.raises(ValueError, match="the same --seal"):
        paired(firsts(one), firsts(run(tmp_path / "words", {"seen": True}, prompt="a blue ball")))
    with pytest.raises(ValueError, match="different ways"):
        paired(firsts(one), firsts(run(tmp_path / "judges", {"seen": True}, digest="weights under seal a, judged by c")))
    with pytest.raises(ValueError, match="different ways"):
        paired(*[firsts(run(tmp_path / "old", {"seen": True}, digest="weights under seal a"))] * 2)
    with pytest.raises(ValueError, match="no world.jsonl"):
        firsts(tmp_path)
