"""What each task places and where it begins; that is all of it, since `tests/laws` hold for every set of levels."""

from dataclasses import replace

import av
import numpy as np
import pytest

import yozora
from yozora.canvas import Kept
from yozora.order import prepare
from yozora.tasks import TASKS, Animate, Blend, Connect, Extend, Fill, Finish, Generate, Loop, Outpaint, Recut, Restyle, Simulate
from yozora.tasks.animate import Key
from yozora.tasks.request import Shot
from yozora.tasks.settings import Settings
from yozora.tasks.source import Source
from yozora.tasks.strength import NAMES
from yozora.video import Video
from yozora.windows import runs

SHOT = Shot(width=8, height=6, frames=10, fps=8.0, beat=4)


def clip(frames=9, width=8, height=6, fps=8.0, first=1, words="a red ball"):
    """A clip whose frames show their number, counted from `first`, with latents of its own."""
    pixels = np.arange(first, first + frames, dtype=np.uint8)[:, None, None, None] * np.ones((1, height, width, 3), np.uint8)
    kept = Kept(latents=np.zeros((1, 3, 1, 1), np.float16), frame=0, end=frames, where=range(frames), vae="v")
    return Source(file="", sha256="", video=Video(pixels, fps), words=words, kept=(kept,))


def shown(canvas):
    """The number that each given frame shows, 0 where nothing is given."""
    return np.where(canvas.levels < 1, canvas.given.frames[:, 0, 0, 0], 0).tolist()


CLIP, OTHER = clip(), clip(first=101, words="a blue cube")
NUMBERS, OTHERS = list(range(1, 10)), list(range(101, 110))


@pytest.mark.parametrize(
    ("request_", "expected", "frame"),
    [
        (Extend(video=CLIP, prompt="p"), NUMBERS + [0] * 10, 0),
        (Extend(video=CLIP, prompt="p", side="before"), [0] * 12 + NUMBERS, 12),
        (Connect(first=CLIP, second=OTHER, prompt="p"), NUMBERS + [0] * 11 + OTHERS, 0),
        (Loop(video=CLIP), NUMBERS + [0] * 11, 0),
        (Recut(video=CLIP, from_=0.25, to=1.0), NUMBERS[2:8], -2),
        (Recut(video=CLIP, from_=0.25, before=0.5, after=0.25), [0] * 6 + NUMBERS[2:] + [0] * 2, 4),
        (Fill(video=CLIP, prompt="p", from_=0.5, to=0.75), [*NUMBERS[:4], 0, 0, *NUMBERS[6:]], 0),
        (Fill(video=CLIP, prompt="p", missing="0,4-6"), [0, *NUMBERS[1:4], 0, 0, 0, *NUMBERS[7:]], 0),
    ],
)
def test_clips_lie_where_they_should_and_the_rest_is_invented(request_, expected, frame):
    canvas = request_.canvas(SHOT)
    assert shown(canvas) == expected
    assert set(np.unique(canvas.start)) <= {0.0, 1.0}
    assert canvas.kept[0].frame == frame and canvas.kept[0].vae == "v"
    assert canvas.script[0].start == 0 and canvas.script[-1].end == pytest.approx(canvas.given.num_frames / 8)
    assert canvas.loops == isinstance(request_, Loop)


def test_the_second_clip_of_two_lies_on_the_grid():
    canvas = Connect(first=CLIP, second=OTHER, prompt="p").canvas(SHOT)
    assert [kept.frame for kept in canvas.kept] == [0, 20] and canvas.kept[1].where == range(20, 29)


def test_pictures_lie_at_their_seconds():
    request = Animate(image=clip(1), prompt="p", last=clip(1, first=50), at=(Key(second=0.5, picture=clip(1, first=30)),))
    assert shown(request.canvas(SHOT)) == [1, 0, 0, 0, 30, 0, 0, 0, 0, 50]


def test_words_alone_give_nothing_and_a_loop_is_whole_beats():
    plain, loop = (Generate(prompt="p", loop=loop).canvas(SHOT) for loop in (False, True))
    assert (plain.levels == 1).all() and not plain.loops and plain.given.num_frames == 10
    assert (loop.levels == 1).all() and loop.loops and loop.given.num_frames == 12


def test_a_box_is_invented_and_the_rest_kept():
    start = np.broadcast_to(Fill(video=CLIP, prompt="p", box="2,1,3,2", from_=0.5).canvas(SHOT).start, (9, 6, 8))
    assert start[4:, 1:3, 2:5].all() and start.sum() == 5 * 6


@pytest.mark.parametrize("frames", [1, 9])
def test_a_mask_is_invented_where_it_is_white(frames):
    mask = clip(frames)
    mask.video.frames[:] = 0
    mask.video.frames[-1, :3] = 255
    start = np.broadcast_to(Fill(video=CLIP, prompt="p", mask=mask).canvas(SHOT).start, (9, 6, 8))
    assert start[-1, :3].all() and not start[-1, 3:].any() and bool(start[0].any()) == (frames == 1)
    levels = Restyle(video=CLIP, prompt="p", strength=0.5, mask=mask).canvas(SHOT).start
    assert np.array_equal(np.broadcast_to(levels, (9, 6, 8)), start / 2)


def test_what_is_transparent_in_a_mask_is_not_chosen(tmp_path):
    picture = np.zeros((6, 8, 4), np.uint8)
    picture[:3] = 255  # white strokes on nothing, as an editor saves them
    path = tmp_path / "strokes.png"
    with av.open(path, "w", format="image2") as file:
        stream = file.add_stream("png", 1)
        stream.width, stream.height, stream.pix_fmt = 8, 6, "rgba"
        file.mux([*stream.encode(av.VideoFrame.from_ndarray(picture, "rgba")), *stream.encode()])
    with pytest.warns(UserWarning, match="they lie on black"):
        start = np.broadcast_to(Fill(video=CLIP, prompt="p", mask=path).canvas(SHOT).start, (9, 6, 8))
    assert start[:, :3].all() and not start[:, 3:].any()


def test_a_mask_goes_with_its_clip_to_another_size_and_rate():
    large, mask = clip(18, 16, 12, fps=16.0), clip(18, 16, 12, fps=16.0)
    mask.video.frames[:] = 0
    mask.video.frames[8:, :6] = 255
    with pytest.warns(UserWarning, match="16x12 at 16 frames a second, is taken as 8x6 at 8"):
        start = Fill(video=large, prompt="p", mask=mask).canvas(SHOT).start
    assert start.shape == (9, 6, 8) and start[4:, :3].all() and not start[:4].any() and not start[:, 4:].any()


def test_a_mask_has_as_many_frames_as_a_file_that_is_read_at_another_rate(tmp_path):
    path = clip(19, 16, 12, fps=16.0).video.save(tmp_path / "odd.mp4")  # nine and a half frames at half the rate
    with pytest.warns(UserWarning, match="is taken as"):
        canvas = Fill(video=path, prompt="p", missing="8-9").canvas(SHOT)
    assert canvas.start.shape == (canvas.given.num_frames, 1, 1) and canvas.start[4] == 1 and canvas.start.sum() == 1


def test_a_wider_frame_holds_the_clip_in_its_middle():
    canvas = Outpaint(video=CLIP, prompt="p").canvas(replace(SHOT, width=14, height=10))
    start = np.broadcast_to(canvas.start, (9, 10, 14))
    assert not start[:, 2:8, 3:11].any() and start.sum() == 9 * (140 - 48)
    assert np.array_equal(canvas.given.frames[:, 2:8, 3:11], CLIP.video.frames)


@pytest.mark.parametrize(("strength", "level"), [("subtle", NAMES["subtle"]), ("strong", NAMES["strong"]), (0.3, 0.3), (0, 0), (1, 1)])
def test_a_strength_is_the_level_at_which_all_begins(strength, level):
    restyled = Restyle(video=CLIP, prompt="p", strength=strength).canvas(SHOT)
    finished = Finish(draft=CLIP, strength=strength).canvas(replace(SHOT, width=16, height=12))
    assert (restyled.levels == np.float32(level)).all() and (finished.levels == np.float32(level)).all()
    assert np.array_equal(restyled.given.frames, CLIP.video.frames)
    assert finished.given.frames.shape == (9, 12, 16, 3) and not finished.kept and finished.script[0].text == "a red ball"


def test_a_blend_shows_one_clip_at_a_time_and_hides_the_change():
    canvas = Blend(first=CLIP, second=OTHER, curve="0:0,0.25:0,0.75:1,1:1").canvas(SHOT)
    assert canvas.given.frames[:, 0, 0, 0].tolist() == [*NUMBERS[:4], *OTHERS[4:]]
    assert (canvas.levels[[0, 1, 2, 6, 7, 8]] == 0).all() and canvas.levels[4] == 1
    assert 0 < canvas.levels[3] < 1 and canvas.levels[3] == pytest.approx(canvas.levels[5])
    assert [cue.text for cue in canvas.script] == ["a red ball", "a blue cube"]
    assert [kept.where for kept in canvas.kept] == [range(4), range(4, 9)]
    back = Blend(first=CLIP, second=OTHER, curve="0:0,0.5:1,1:0", prompt="both").canvas(SHOT)
    assert runs(back.given.frames[:, 0, 0, 0] > 100) == [range(2, 7)] and len(back.script) == 1


def test_what_is_simulated_is_given_plain():
    shot = replace(SHOT, width=64, height=64, frames=9)
    canvas, again = (Simulate(prompt="a red ball rolls to the right", strength=0.7).canvas(shot) for _ in range(2))
    assert (canvas.levels == np.float32(0.7)).all() and np.array_equal(canvas.given.frames, again.given.frames)
    red = canvas.given.frames[..., 0].astype(int) - canvas.given.frames[..., 2] > 80
    columns = [np.nonzero(frame)[1].mean() for frame in red]
    assert columns[-1] > columns[0] + 5  # the ball, drawn where the engine moved it
    other = Simulate(prompt="a red ball rolls to the right", layout=1).canvas(shot)
    assert not np.array_equal(other.given.frames, canvas.given.frames)


def test_python_has_a_function_for_each_task():
    assert sorted(yozora.VERBS) == sorted(["reproduce", *(task.__name__.lower() for task in TASKS)])
    assert list(yozora.extend.__signature__.parameters)[:2] == ["video", "prompt"]
    assert "seconds" not in yozora.fill.__signature__.parameters and "seconds" in yozora.extend.__signature__.parameters


def test_python_makes_a_file_again(tmp_path, tiny_model):
    clip = yozora.generate("a red ball", size="64x32", frames=5, steps=1, seed=3, model=str(tiny_model))
    again = yozora.reproduce(clip.save(tmp_path / "clip.mp4"))
    assert np.array_equal(again.frames, clip.frames) and again.facts == clip.facts
    with pytest.raises(ValueError, match="other.mp4 cannot be made again: it does not say how"):
        yozora.reproduce(Video(clip.frames, 8.0).save(tmp_path / "other.mp4"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mask": np.zeros((9, 60, 80))}, "--mask: give a file's path or a Video"),
        ({"box": np.zeros((9, 60, 80))}, "is not x,y,width,height"),
        ({"from_": np.zeros((9, 60, 80))}, "--from: "),
        ({"missing": ["a\nb"] * 1000}, "--missing: "),
    ],
)
def test_what_is_wrong_is_a_short_line_in_words_of_the_user(options, says):
    with pytest.raises(ValueError, match=says) as raised:
        yozora.fill(CLIP.video, "p", **options)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 250 and "Source" not in str(raised.value)


def test_seconds_beyond_counting_are_refused():
    with pytest.raises(ValueError, match=r"--at: Input should be less than or equal to 1000000 \(got 1e\+308\)$"):
        yozora.animate(clip(1).video, "p", at=((1e308, clip(1).video),))


def test_a_setting_without_a_meaning_is_refused(tiny_model):
    with pytest.raises(ValueError, match="keeps the length of what it is given; leave out --seconds"):
        prepare(Restyle(video=CLIP, prompt="p"), Settings(seconds=2, model=str(tiny_model)))


def test_a_draft_keeps_its_shape():
    draft = clip(width=96, height=54)
    assert Finish(draft=draft).canvas(replace(SHOT, width=192, height=108)).given.width == 192
    assert Finish(draft=draft).canvas(replace(SHOT, width=192, height=110)).given.height == 110  # a pixel or two are cut off
    with pytest.raises(ValueError, match="another shape than the draft's 96x54; finish it at 198x112"):
        Finish(draft=draft).canvas(replace(SHOT, width=192, height=116))


@pytest.mark.parametrize(
    "request_",
    [
        Connect(first=clip(1), second=clip(60), prompt="p"),
        Connect(first=clip(60), second=clip(1), prompt="p"),
        Blend(first=clip(1), second=clip(60), prompt="p"),
        Restyle(video=clip(1), mask=clip(60), prompt="p"),
        Recut(video=CLIP, before=3.5, after=3.5, prompt="p"),
        Animate(image=clip(1), prompt="p"),
        Generate(prompt="p"),
    ],
)
def test_all_that_is_given_or_invented_is_counted_before_anything_is_laid_out(request_, tiny_model, monkeypatch):
    size = Settings(size=(512, 512), model=str(tiny_model), frames=None if request_.without else 60)
    need = 512 * 512 * 6 * 59
    monkeypatch.setattr("yozora.plan.PIXEL", 0)
    monkeypatch.setattr("yozora.plan.memory_free", lambda device: need)
    monkeypatch.setattr(type(request_), "canvas", None)
    with pytest.raises(ValueError, match="is free; ask for a smaller size or fewer seconds"):
        prepare(request_, size)
