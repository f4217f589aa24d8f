"""The command that measures: what makes no sense is one line, before anything is loaded."""

import pytest

BAD = {
    "verb of no suite": (("--suite", "prompts", "--verb", "loop"), "--verb chooses among the verbs; leave it out"),
    "file for a folder": (("--out", "file"), "file cannot be a folder, because a file is in its place; name another in --out"),
    "folder in a file": (("--suite", "prompts", "--out", "file/more"), "file/more cannot be a folder"),
    "no verb": (("--verb", "sing"), "no verb sing; choose among"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_2(tmp_path, yozora, monkeypatch, name):
    words, expected = BAD[name]
    for module in ("card", "verbs"):
        monkeypatch.setattr(f"yozora.evaluate.{module}.load", lambda *_: pytest.fail("weights were loaded"))
    (tmp_path / "file").write_text("kept")
    done = yozora("evaluate", *words)
    assert (done.code, len(done.lines)) == (2, 1) and expected in done.lines[0], done
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
