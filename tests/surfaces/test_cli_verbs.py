"""Every verb from end to end on a tiny model: right sizes, given pixels kept, said and made again; what makes no sense is one line."""

import json
import os
import shutil
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path

import numpy as np
import pytest

from yozora.video import Video, read_metadata

WORDS = "a red ball rolls left"


@dataclass(frozen=True)
class Act:
    """A command, the frames, height and width of what it makes, and where the result (left) is what was given (right), to the bit."""

    words: str
    shape: tuple[int, int, int]
    kept: tuple[tuple[str, object, object], ...] = ()


ALL = np.s_[:]
ACTS = {
    "animate": Act("animate pic.png WORDS --frames 5", (5, 32, 64), (("pic.png", np.s_[:1], ALL),)),
    "animate through": Act(
        "animate pic.png WORDS --frames 9 --at 0.5=clip0.png --last last.png",
        (9, 32, 64),
        (("pic.png", np.s_[:1], ALL), ("clip0.png", np.s_[4:5], ALL), ("last.png", np.s_[8:], ALL)),
    ),
    "extend": Act("extend clip.mp4 WORDS --frames 4", (10, 32, 64), (("clip.mp4", np.s_[:6], ALL),)),
    "extend before": Act("extend clip.mp4 WORDS --frames 4 --side before", (10, 32, 64), (("clip.mp4", np.s_[4:], ALL),)),
    "extend a picture": Act("extend pic.png WORDS --frames 4", (5, 32, 64), (("pic.png", np.s_[:1], ALL),)),
    "connect": Act(
        "connect clip.mp4 other.mp4 WORDS --frames 4", (17, 32, 64), (("clip.mp4", np.s_[:6], ALL), ("other.mp4", np.s_[12:], ALL))
    ),
    "loop": Act("loop clip.mp4 --frames 2", (8, 32, 64), (("clip.mp4", np.s_[:6], ALL),)),
    "fill a box": Act(
        "fill clip.mp4 WORDS --box 16,8,16,16",
        (6, 32, 64),
        (("clip.mp4", np.s_[:, :8], np.s_[:, :8]), ("clip.mp4", np.s_[:, :, 32:], np.s_[:, :, 32:])),
    ),
    "fill a span": Act("fill clip.mp4 WORDS --from 0.25 --to 0.5", (6, 32, 64), (("clip.mp4", np.s_[[0, 1, 4, 5]], np.s_[[0, 1, 4, 5]]),)),
    "fill frames": Act("fill clip.mp4 WORDS --missing 1,3-4", (6, 32, 64), (("clip.mp4", np.s_[[0, 2, 5]], np.s_[[0, 2, 5]]),)),
    "outpaint": Act("outpaint clip.mp4 WORDS --size 96x48", (6, 48, 96), (("clip.mp4", np.s_[:, 8:40, 16:80], ALL),)),
    "recut": Act("recut clip.mp4 --from 0.25 --to 0.5 --before 0.5 --after 0.25", (8, 32, 64), (("clip.mp4", np.s_[4:6], np.s_[2:4]),)),
    "restyle": Act("restyle clip.mp4 WORDS", (6, 32, 64)),
    "restyle nothing": Act("restyle clip.mp4 WORDS --strength 0", (6, 32, 64), (("clip.mp4", ALL, ALL),)),
    "blend": Act("blend clip.mp4 other.mp4", (5, 32, 64), (("clip.mp4", np.s_[:1], np.s_[:1]), ("other.mp4", np.s_[4:], np.s_[4:]))),
    "blend into a picture": Act("blend clip.mp4 pic.png", (6, 32, 64), (("pic.png", np.s_[5:], ALL),)),
    "finish": Act("finish clip.mp4 --size 128x64", (6, 64, 128)),
    "simulate": Act("simulate WORDS --size 64x32 --frames 5", (5, 32, 64)),
    "generate a loop": Act("generate WORDS --loop --size 64x32 --frames 7", (8, 32, 64)),
}


def spoken(text, given):
    """A command's words, with the names of given files as their paths."""
    words = [WORDS if word == "WORDS" else word for word in text.split()]
    return ["=".join(str(given / part) if (given / part).is_file() else part for part in word.split("=")) for word in words]


@pytest.fixture
def quick(tiny_model):
    return ["--model", tiny_model, "--steps", "1"]


@pytest.fixture(scope="session")
def given(given):
    Video(Video.load(given / "clip.mp4").frames[:1], 8.0).save(given / "clip0.png")
    return given


@pytest.mark.parametrize("name", ACTS)
def test_each_verb_makes_what_it_says_and_keeps_what_it_is_given(tmp_path, yozora, given, quick, name):
    act = ACTS[name]
    done = yozora(*spoken(act.words, given), "-o", "made_%03d.png", *quick)
    assert done.code == 0, done.lines
    paths = list(takewhile(Path.exists, (tmp_path / f"made_{index:03d}.png" for index in count())))
    assert len(list(tmp_path.iterdir())) == len(paths)
    made = np.concatenate([Video.load(path).frames for path in paths])
    assert made.shape == (*act.shape, 3)
    for file, ours, theirs in act.kept:
        assert np.array_equal(made[ours], Video.load(given / file).frames[theirs]), file
    assert json.loads(read_metadata(paths[-1])["request"])["task"] == act.words.split()[0]


def test_a_mask_holds_what_is_outside_of_it(tmp_path, yozora, given, quick):
    mask = np.zeros((1, 32, 64, 3), np.uint8)
    mask[:, :, 48:] = 255
    Video(mask, 8.0).save(tmp_path / "mask.png")
    for number, words in enumerate(("fill clip.mp4 WORDS", "restyle clip.mp4 WORDS --strength strong")):
        done = yozora(*spoken(words, given), "--mask", "mask.png", "-o", f"{number}_%d.png", *quick)
        assert done.code == 0, done.lines
        made, clip = Video.load(tmp_path / f"{number}_5.png").frames[0], Video.load(given / "clip.mp4").frames[5]
        assert np.array_equal(made[:, :48], clip[:, :48]) and not np.array_equal(made[:, 48:], clip[:, 48:])


BAD = {
    "video for a picture": ("animate clip.mp4 WORDS", "has 6 frames; give a picture"),
    "video for a last picture": ("animate pic.png WORDS --last clip.mp4", "has 6 frames; give a picture"),
    "picture beyond the end": ("animate pic.png WORDS --at 9=last.png", "beyond the clip's 1 s; ask for more --seconds"),
    "picture at no second": ("animate pic.png WORDS --at last.png", "SECOND=IMAGE"),
    "two pictures on a frame": ("animate pic.png WORDS --at 0.5=last.png --at 0.51=last.png", "two pictures fall on the frame"),
    "picture on the first": ("animate pic.png WORDS --at 0=last.png", "two pictures fall on the frame"),
    "no side": ("extend clip.mp4 WORDS --side left", "'after' or 'before'"),
    "length that is kept": (
        "fill clip.mp4 WORDS --box 0,0,9,9 --seconds 2",
        "fill keeps the length of what it is given; leave out --seconds",
    ),
    "frames that are kept": ("blend clip.mp4 other.mp4 --frames 2", "blend keeps the length of what it is given; leave out --frames"),
    "length that is cut": (
        "recut clip.mp4 --seconds 3",
        "recut is as long as --from, --to, --before and --after make it; leave out --seconds",
    ),
    "nothing to fill": ("fill clip.mp4 WORDS", "say what to fill: --mask, --box"),
    "two ways to fill": ("fill clip.mp4 WORDS --mask pic.png --box 0,0,9,9", "say in one way what to fill"),
    "box of three": ("fill clip.mp4 WORDS --box 1,2,3", "x,y,width,height"),
    "box outside": ("fill clip.mp4 WORDS --box 0,0,999,9", "does not lie inside of the clip's 64x32 pixels; move or shrink it"),
    "box before": ("fill clip.mp4 WORDS --box=-1,0,9,9", "does not lie inside"),
    "box of nothing": ("fill clip.mp4 WORDS --box 0,0,0,9", "does not lie inside"),
    "mask of another size": ("fill clip.mp4 WORDS --mask small.png", "16x16 pixels and the clip 64x32; save it at the clip's size"),
    "mask of another length": ("restyle clip.mp4 WORDS --mask other.mp4", "5 frames and the clip 6; give one, or as many"),
    "mask without white": ("fill clip.mp4 WORDS --mask black.png", "no white in it; white is what is changed"),
    "span backwards": ("fill clip.mp4 WORDS --from 0.5 --to 0.25", "0.5 to 0.25 s is no part of the clip's 0 to 0.75 s; name one"),
    "span outside": ("recut clip.mp4 --to 99", "0 to 99 s is no part"),
    "span before": ("recut clip.mp4 --from -1", "--from"),
    "span nan": ("recut clip.mp4 --from nan", "--from"),
    "too much before": ("recut clip.mp4 --before 9999", "9999 seconds are too long; this model invents at most 8 seconds, 64 frames"),
    "seconds beyond counting": ("recut clip.mp4 --before 1e308 --after 1e308", "--before: Input should be less than or equal to 1000000"),
    "picture beyond counting": ("animate pic.png WORDS --at 9999999=last.png", "--at: Input should be less than or equal to 1000000"),
    "no gaps": ("fill clip.mp4 WORDS --missing gaps", "none is missing"),
    "frame outside": ("fill clip.mp4 WORDS --missing 900", "names no frames of the clip's 0 to 5; list them as 3,7-9"),
    "frames without end": (f"fill clip.mp4 WORDS --missing {'9' * 250}", "names no frames of the clip's 0 to 5; list them as 3,7-9"),
    "frames in words": ("fill clip.mp4 WORDS --missing few", "names no frames"),
    "outpaint without size": ("outpaint clip.mp4 WORDS", "with --size, such as --size 128x32"),
    "outpaint too small": ("outpaint clip.mp4 WORDS --size 32x32", "does not reach beyond the clip's 64x32"),
    "finish without size": ("finish clip.mp4", "with --size, such as --size 128x64"),
    "finish too small": ("finish clip.mp4 --size 64x64", "not larger on both sides than the draft's 64x32"),
    "strength above 1": ("restyle clip.mp4 WORDS --strength 2", "no number from 0 to 1 and none of subtle, mild, strong"),
    "strength nan": ("restyle clip.mp4 WORDS --strength nan", "no number from 0 to 1"),
    "strength by no name": ("finish clip.mp4 --strength weak", "none of subtle, mild, strong"),
    "curve at one time": ("blend clip.mp4 other.mp4 --curve 0:0,0:1", "do not rise; list its points in order of time"),
    "curve backwards": ("blend clip.mp4 other.mp4 --curve 1:0,0:1", "do not rise; list its points in order of time"),
    "curve above 1": ("blend clip.mp4 other.mp4 --curve 0:2,1:1", "leaves 0 to 1"),
    "curve of words": ("blend clip.mp4 other.mp4 --curve nonsense", "TIME:WEIGHT,TIME:WEIGHT, such as 0:0,1:1"),
    "curve of a point": ("blend clip.mp4 other.mp4 --curve 0:0", "two points or more"),
    "two pictures blended": ("blend pic.png last.png", "join them with connect"),
    "picture that loops": ("generate WORDS --loop --frames 1", "a picture does not loop"),
    "nothing to simulate": ("simulate tralala", "names nothing of this world; name a thing"),
    "layout below 0": ("simulate WORDS --layout -1", "--layout"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_is_one_line_and_exit_2(tmp_path, yozora, given, quick, name):
    words, expected = BAD[name]
    done = yozora(*spoken(words, given), "-o", "x.mp4", *quick)
    assert (done.code, len(done.lines)) == (2, 1), done.lines
    assert expected in done.lines[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [name for name, act in ACTS.items() if act.words.split()[0] not in ("generate", "simulate")])
def test_a_picture_does_not_hold_a_video_and_this_is_said_before_weights_are_loaded(tmp_path, yozora, given, quick, name, monkeypatch):
    monkeypatch.setattr("yozora.pipeline.load", lambda *_: pytest.fail("weights were loaded"))
    done = yozora(*spoken(ACTS[name].words, given), "-o", "x.png", *quick)
    assert (done.code, len(done.lines)) == (2, 1) and "x_%03d.png" in done.lines[0], done.lines
    done = yozora(*spoken(ACTS[name].words, given), "-o", "no/such/x.mp4", *quick)
    assert (done.code, len(done.lines)) == (2, 1) and "create it first" in done.lines[0], done.lines
    assert not list(tmp_path.iterdir())


def test_a_picture_of_a_picture_is_a_picture(tmp_path, yozora, given, quick):
    done = yozora(*spoken("restyle pic.png WORDS", given), "-o", "x.png", *quick)
    assert done.code == 0 and Video.load(tmp_path / "x.png").frames.shape == (1, 32, 64, 3), done.lines


def test_what_is_cut_is_said(tmp_path, yozora, given, quick):
    done = yozora(*spoken("blend clip.mp4 other.mp4", given), "-o", "x.mp4", *quick)
    assert any("clip.mp4 is cut to the 0.625 seconds of other.mp4" in line for line in done.warnings), done.warnings


def test_names_may_hold_blanks_and_any_letter(tmp_path, yozora, given, quick):
    source = shutil.copy(given / "clip.mp4", tmp_path / "ein roter Bäll 球 %s {0}.mp4")
    done = yozora("extend", source.name, WORDS, "-o", "größer 球.mp4", "--frames", "2", *quick)
    assert done.code == 0 and (tmp_path / "größer 球.mp4").exists(), done.lines
    assert yozora("reproduce", "größer 球.mp4").warnings == []


def test_a_source_that_is_the_output_too_is_never_lost(tmp_path, yozora, given, quick, monkeypatch):
    def fail(*_):
        raise OSError("no more")

    source = shutil.copy(given / "clip.mp4", tmp_path / "a.mp4")
    words = ["extend", "a.mp4", WORDS, "-o", "a.mp4", "--frames", "2", *quick]
    with monkeypatch.context() as broken:
        broken.setattr("yozora.video.write.encode", fail)
        assert yozora(*words).code == 2
    assert source.read_bytes() == (given / "clip.mp4").read_bytes() and len(list(tmp_path.iterdir())) == 1
    assert yozora(*words).code == 0 and Video.load(source).num_frames == 8


def test_a_clip_outlives_latents_that_cannot_be_kept(tmp_path, yozora, given, quick, monkeypatch):
    replace = os.replace

    def full(part, target):
        if str(target).endswith(".latents"):
            raise OSError("not allowed")
        replace(part, target)

    monkeypatch.setattr(os, "replace", full)
    done = yozora(*spoken("extend clip.mp4 WORDS --frames 2", given), "-o", "x.mp4", *quick)
    assert done.code == 0 and "x.mp4 is made, but the latents beside it could not be" in done.warnings[0], done
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]


MADE = {
    "a.mp4": "generate WORDS --size 64x32 --frames 5",
    "b.png": "fill pic.png WORDS --box 0,0,16,16",
    "c.mp4": "extend a.mp4 WORDS --frames 3",
}


@pytest.fixture
def shelf(tmp_path, yozora, given, quick):
    """A folder with files that were made, one from another, and the path of each file's latents."""
    shutil.copy(given / "pic.png", tmp_path)
    for name, words in MADE.items():
        done = yozora(*spoken(words, tmp_path / "nowhere"), "-o", name, *quick)
        assert (done.code, done.warnings) == (0, []), done
    return {path.name.split(".")[0]: path for path in tmp_path.glob("*.latents")}


def test_a_file_is_made_again_to_the_bit(tmp_path, yozora, shelf):
    for name in MADE:
        assert yozora("reproduce", name).warnings == []
        again = (tmp_path / name).with_stem(f"{Path(name).stem}-again")
        assert again.read_bytes() == (tmp_path / name).read_bytes()


def test_latents_that_took_part_and_are_gone_are_named(tmp_path, yozora, shelf):
    """They differ a little from what is encoded from the pixels, so that the file cannot come out the same."""
    shelf["a"].unlink()
    done = yozora("reproduce", "c.mp4")
    assert done.code == 0 and Video.load(tmp_path / "c-again.mp4").num_frames == 8
    assert "a.mp4" in done.warnings[0] and shelf["a"].name in done.warnings[0] and "not c.mp4 to the bit" in done.warnings[1], done.warnings


def test_latents_that_did_not_take_part_do_not_when_it_is_made_again(tmp_path, yozora, shelf, quick):
    latents = shelf["a"].read_bytes()
    shelf["a"].unlink()
    assert yozora("extend", "a.mp4", WORDS, "--frames", "3", "-o", "d.mp4", *quick).code == 0
    shelf["a"].write_bytes(latents)
    assert (tmp_path / "d.mp4").read_bytes() != (tmp_path / "c.mp4").read_bytes()
    assert yozora("reproduce", "d.mp4").warnings == []


def test_a_picture_of_a_row_is_found_in_the_row_that_is_made_again(tmp_path, yozora, given, quick):
    assert yozora(*spoken("fill clip.mp4 WORDS --missing 3", given), "-o", "x_%d.png", *quick).code == 0
    done = yozora("reproduce", "x_3.png")
    assert done.code == 2 and "x_3-again_%03d.png" in done.lines[0]
    done = yozora("reproduce", "x_3.png", "-o", "y_%03d.png")
    assert (done.code, done.warnings) == (0, []) and (tmp_path / "y_005.png").exists()


def test_a_row_is_never_written_over_the_picture_that_is_made_again(tmp_path, yozora, given, quick):
    assert yozora(*spoken("fill clip.mp4 WORDS --missing 3", given), "-o", "x_%02d.png", *quick).code == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = yozora("reproduce", tmp_path / "x_03.png", "-o", "x_%02d.png")
    assert (done.code, len(done.lines)) == (2, 1) and "x_03.png is what is to be made again; name another file" in done.lines[0], done
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_picture_of_an_earlier_longer_row_is_not_what_was_made(tmp_path, yozora, given, quick):
    assert yozora(*spoken("fill clip.mp4 WORDS --missing 3", given), "-o", "x_%d.png", *quick).code == 0
    Video(np.zeros((1, 32, 64, 3), np.uint8), 8.0).save(tmp_path / "x_3.png", read_metadata(tmp_path / "x_3.png"))
    shutil.copy(tmp_path / "x_3.png", tmp_path / "y_6.png")
    assert "is not x_3.png to the bit" in yozora("reproduce", "x_3.png", "-o", "y_%d.png").warnings[-1]


def test_what_cannot_be_made_again_is_one_line(tmp_path, yozora, shelf, given, tiny_model):
    def refused(name, *more):
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        done = yozora("reproduce", name, *more)
        assert (done.code, len(done.lines)) == (2, 1), done.lines
        assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}
        return done.lines[0]

    assert "does not say how it was made" in refused(given / "clip.mp4")
    assert "name another file" in refused("a.mp4", "-o", "a.mp4")
    assert "end it in .mp4" in refused("a.mp4", "-o", "a.webm")
    assert "create it first" in refused("a.mp4", "-o", "no/a.mp4")
    shutil.copy(given / "clip.mp4", tmp_path / "a.mp4")
    assert "a.mp4 is no longer the file that it was made from; bring that one back" in refused("c.mp4")
    (tmp_path / "a.mp4").unlink()
    assert "a.mp4 does not exist" in refused("c.mp4")
    facts = read_metadata(tmp_path / "b.png")
    Video.load(tmp_path / "b.png").save(tmp_path / "b.png", facts | {"model": "tiny 0123-4567"})
    assert "was made by tiny 0123-4567" in refused("b.png")
    shutil.copytree(tiny_model, tmp_path / "other")
    gone = json.dumps(json.loads(facts["request"]) | {"model": "other model"})
    shutil.rmtree(tmp_path / "other")
    Video.load(tmp_path / "b.png").save(tmp_path / "b.png", facts | {"request": gone})
    assert "unknown model 'other model'" in refused("b.png")


DEEP = "[" * 100_000
SOURCE = {"file": "pic.png", "sha256": "0"}
FORGED = [
    "",
    "{",
    DEEP,
    [1],
    "generate",
    {"task": ["generate"]},
    {"task": "reproduce"},
    {"task": "generate"},
    {"task": "generate", "prompt": ["a", "b"]},
    {"task": "generate", "prompt": "a ball", "size": 5},
    {"task": "generate", "prompt": "a ball", "size": [1e300, None]},
    {"task": "generate", "prompt": "a ball", "seed": 10**30},
    {"task": "generate", "prompt": "a ball", "steps": -1},
    {"task": "extend", "prompt": "a ball", "video": {}},
    {"task": "extend", "prompt": "a ball", "video": [1]},
    {"task": "extend", "prompt": "a ball", "video": {"file": 5, "sha256": 5}},
    {"task": "extend", "prompt": "a ball", "video": {"file": {"file": "pic.png"}, "sha256": ""}},
    {"task": "extend", "prompt": "a ball", "video": {"file": "pic\0.png", "sha256": ""}},
    {"task": "extend", "prompt": "a ball", "video": {"file": "/dev/zero", "sha256": ""}},
    {"task": "extend", "prompt": "a ball", "video": SOURCE},
    {"task": "animate", "prompt": "a ball", "image": SOURCE, "at": [5]},
    {"task": "animate", "prompt": "a ball", "image": SOURCE, "at": [{"second": 0.5, "picture": {}}]},
    {"task": "fill", "prompt": "a ball", "video": SOURCE, "box": {"x": 5}},
    {"task": "blend", "first": SOURCE, "second": SOURCE, "curve": [0, 1]},
    {"task": "blend", "first": SOURCE, "second": SOURCE, "curve": [["a", 0], ["b", 1]]},
    {"task": "restyle", "prompt": "a ball", "video": SOURCE, "strength": {}},
]


def test_a_request_that_was_forged_is_one_line(tmp_path, yozora, given):
    shutil.copy(given / "pic.png", tmp_path)
    for request in FORGED:
        text = request if isinstance(request, str) else json.dumps(request)
        Video(np.zeros((1, 8, 8, 3), np.uint8), 1).save(tmp_path / "x.png", {"request": text, "model": "tiny"})
        done = yozora("reproduce", "x.png")
        assert (done.code, len(done.lines)) == (2, 1) and "x.png cannot be made again: " in done.lines[0], (request, done)
        assert len(done.lines[0]) < 400 and "pydantic" not in done.lines[0], done.lines
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pic.png", "x.png"]
