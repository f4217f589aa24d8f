"""The captioner: causal, normalised, the same in any company, kept on disk to the bit; a small one learns clips by heart."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from yozora.canvas import Grid
from yozora.captioner import LENGTHS, Captioner, CaptionerConfig, alignments, describe, likelihoods, load_captioner, save_captioner
from yozora.captioner.model import END
from yozora.captioner.tell import score, spelled, watch, write
from yozora.captioning import caption, fitted, stretches
from yozora.model import FILES, Habits, Trained, load, save
from yozora.text import Tokenizer
from yozora.train.captioner import LOOKS, MOVES, CaptionerTask, Glossary, named
from yozora.train.clips import ClipShape
from yozora.train.generator import Batching, Clip
from yozora.train.latents import grid_of
from yozora.train.mirror import HalfMirrored, Mirror, mirror_of
from yozora.train.optimize import Optimization, optimizers, rate_at
from yozora.vae import to_signal
from yozora.video import Video
from yozora.world.render import render
from yozora.world.sample import sample
from yozora.world.simulate import simulate
from yozora.world.words import caption as true_captions
from yozora.world.words_mirror import mirrored

CPU = torch.device("cpu")
TEXTS = ["a red ball rolls left", "two green eggs", "the blue cube and a red ball", "a green ball past the blue egg"]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train([*TEXTS, "a red ball, rolling. it is on the right"])


@pytest.fixture(scope="module")
def captioner(tokenizer):
    torch.manual_seed(0)
    sizes = {
        "channels": 6,
        "vocabulary": tokenizer.size,
        "dim": 24,
        "heads": 2,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "feedforward": 32,
        "cell_dim": 8,
        "cell_layers": 2,
    }
    made = Captioner(CaptionerConfig(**sizes, spread=(2.0, 1.0, 1.0, 0.5, 0.5, 0.5)))
    for parameter in made.parameters():  # blocks start as the identity; networks that say something are a better test
        parameter.data += 0.3 * torch.randn(parameter.shape)
    return made.requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def clips():
    """Clips and a still of different sizes."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(6, *size, generator=generator) for size in ((3, 4, 4), (1, 2, 4), (2, 4, 2), (3, 4, 4))]


def test_probabilities_of_all_words_sum_to_one(captioner, tokenizer, clips):
    words, _, _ = spelled(captioner, [tokenizer.encode(text) for text in TEXTS], "short")
    chances = captioner(words, watch(captioner, clips)).softmax(-1)
    assert chances.shape == (4, words.shape[1], tokenizer.size)
    torch.testing.assert_close(chances.sum(-1), torch.ones(words.shape))


def test_the_likelihoods_of_all_continuations_sum_to_one(captioner, tokenizer, clips):
    """The chance of a text is that of its words one after another, its end included, whichever length it has."""
    known = sorted(set(tokenizer.rules.get_vocab().values()) - {END, 1})
    texts = ["", *(tokenizer.decode([number]) for number in known)]
    total = (likelihoods(captioner, tokenizer, clips[:1] * len(texts), texts) * torch.tensor([1.0, *[2.0] * len(known)])).exp().sum()
    opening = torch.tensor([[captioner.opening(length)] for length in LENGTHS])
    memory = watch(captioner, clips[:1] * 3)
    first = captioner(opening, memory).softmax(-1)[:, 0]
    second = torch.stack([captioner(torch.cat([opening, torch.full((3, 1), n)], 1), memory).softmax(-1)[:, 1, END] for n in known], 1)
    torch.testing.assert_close(total, (first[:, END] + (first[:, known] * second).sum(1)).mean())


def test_later_words_change_nothing_before_them(captioner, clips):
    rows = torch.tensor([[captioner.opening("full"), 5, 3, 7, 2]]).repeat(4, 1)
    other = rows.clone()
    other[:, 3:] = torch.tensor([4, 6])
    memory = watch(captioner, clips)
    one, two = captioner(rows, memory), captioner(other, memory)
    torch.testing.assert_close(one[:, :3], two[:, :3])
    assert (one[:, 3:] - two[:, 3:]).abs().min(-1).values.max() > 1e-3


def test_words_read_one_by_one_are_words_read_at_once(captioner, clips):
    rows, memory = torch.tensor([[captioner.opening("short"), 5, 3, 7]]).repeat(4, 1), watch(captioner, clips)
    past, parts = (), []
    for some in rows.split((1, 2, 1), dim=1):
        part, past = captioner.read_on(some, memory, past)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), captioner(rows, memory))


@pytest.mark.parametrize("length", LENGTHS)
def test_a_clip_is_told_as_if_it_were_alone(captioner, tokenizer, clips, length):
    together = describe(captioner, tokenizer, clips, length)
    assert together == [text for clip in clips for text in describe(captioner, tokenizer, [clip], length)]
    scores = likelihoods(captioner, tokenizer, clips, TEXTS)
    alone = torch.cat([likelihoods(captioner, tokenizer, [clip], [text]) for clip, text in zip(clips, TEXTS, strict=True)])
    torch.testing.assert_close(scores, alone)
    assert max(a - b for a, b in pairwise(sorted(scores.tolist(), reverse=True))) > 1e-3


def test_what_stands_where_counts(captioner, clips):
    (one, _), (other, _) = captioner.see(clips[:1]), captioner.see([clips[0].flip(-1)])
    assert not torch.allclose(one, other.flip(0), atol=1e-2)
    assert captioner.see(clips)[1] == (12, 2, 4, 12)


def test_a_cell_sees_the_cells_around_it_at_its_time_and_no_others(captioner):
    """Two layers see two cells far."""
    clip = torch.randn(1, 6, 2, 8, 8, generator=torch.Generator().manual_seed(2))
    touched = clip.clone()
    touched[..., 0, 3, 3] += 1
    moved = (captioner.neighbourhoods(clip) - captioner.neighbourhoods(touched)).abs().amax((0, 1)) > 0
    assert moved[0, 1:6, 1:6].all() and moved.sum() == 25


def test_a_clip_that_is_not_shown_is_one_token_or_many(captioner, tokenizer):
    """So that clips can be hidden in training without changing their lengths."""
    hidden = captioner.remember(captioner.unseen.expand(10, -1), (4, 1, 2, 3))
    torch.testing.assert_close(score(captioner, tokenizer, hidden, TEXTS), score(captioner, tokenizer, captioner.nothing(4), TEXTS))


def test_alignment_is_what_the_clip_adds(captioner, tokenizer, clips):
    alone = score(captioner, tokenizer, captioner.nothing(4), TEXTS)
    torch.testing.assert_close(alignments(captioner, tokenizer, clips, TEXTS), likelihoods(captioner, tokenizer, clips, TEXTS) - alone)


def test_no_text_is_longer_than_the_longest(captioner, tokenizer, clips):
    curt = Captioner(replace(captioner.config, longest=3))
    curt.load_state_dict(captioner.state_dict())
    assert all(len(tokenizer.encode(text)) <= 4 for text in describe(curt, tokenizer, clips, "full"))
    with pytest.raises(ValueError, match="choose short, sentence, full"):
        write(curt, tokenizer, watch(curt, clips), "long")


def test_it_is_read_as_it_was_written(captioner, tokenizer, clips, tmp_path):
    save_captioner(captioner, tmp_path / "captioner.safetensors", "abcd")
    again = load_captioner(tmp_path / "captioner.safetensors", "abcd")
    assert again.config == captioner.config
    assert all(torch.equal(value, captioner.state_dict()[name]) for name, value in again.state_dict().items())
    with pytest.raises(ValueError, match="latents of another vae.safetensors"):
        load_captioner(tmp_path / "captioner.safetensors", "efgh")


def test_a_models_folder_keeps_it_and_the_models_digest_does_not_know_it(tiny_model, tmp_path):
    model = load(str(tiny_model), CPU, torch.float32)
    assert model.captioner is None
    config = CaptionerConfig(
        channels=4,
        vocabulary=model.text.tokenizer.size,
        dim=16,
        heads=2,
        encoder_layers=1,
        decoder_layers=1,
        feedforward=16,
        cell_dim=8,
        cell_layers=1,
    )
    save(replace(model, captioner=Captioner(config)), tmp_path / "told")
    told = load(str(tmp_path / "told"), CPU, torch.float32)
    assert told.digest == model.digest and told.captioner is not None and told.captioner.config == config
    for name in ("clip.png", "again.png"):
        Video(np.zeros((1, 32, 64, 3), np.uint8), 1).save(tmp_path / name)
    assert caption(tmp_path / "clip.png", model=str(tmp_path / "told")) == caption(tmp_path / "again.png", model=str(tmp_path / "told"))
    (tmp_path / "told" / FILES[0]).write_bytes((tmp_path / "told" / FILES[1]).read_bytes())
    with pytest.raises(ValueError):
        load(str(tmp_path / "told"), CPU, torch.float32)


def test_stretches_cover_a_video_evenly():
    def edges(frames):
        return stretches(Video(np.zeros((frames, 2, 2, 3), np.uint8), 8), 33)

    assert edges(1) == [range(1)] and edges(33) == [range(33)] and edges(34) == [range(17), range(17, 34)]
    for frames in range(1, 200):
        parts = edges(frames)
        assert [n for part in parts for n in part] == list(range(frames)) and max(map(len, parts)) <= 33
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_videos_are_fitted_to_what_was_learned():
    habits = Habits(size=(128, 128), seconds=4.0, fps=8.0, steps=1, guidance=1.0, trained=Trained(sides=(96, 192), frames=(1, 33)))
    for width, height, wanted in ((1280, 720, (170, 96)), (64, 64, (128, 128)), (1000, 20, (192, 4)), (128, 128, (128, 128))):
        video = fitted(Video(np.zeros((30, height, width, 3), np.uint8), 30), habits)
        assert (video.width, video.height, video.num_frames, video.fps) == (*wanted, 8, 8)
    picture = fitted(Video(np.zeros((1, 64, 64, 3), np.uint8), 1), habits)
    assert picture.num_frames == 1


def test_a_text_names_what_there_is_and_how_it_moves_in_any_words():
    texts = ["a scarlet ball rolls past two green boxes to the left", "a sphere can be seen, and the camera pans to the right", "a drum"]
    rows = [{(*LOOKS, *MOVES)[index] for index in row.nonzero()[:, 0].tolist()} for row in named(texts)]
    assert rows == [
        {"red", "ball", "green", "cube", "roll", "left", "camera static"},
        {"ball", "camera pan right"},
        {"cylinder", "camera static"},
    ]


def test_a_glossary_says_of_each_clip_what_it_says_of_it_alone_and_asks_no_still_for_motion():
    torch.manual_seed(0)
    glossary, features, lengths = Glossary(8), torch.randn(9, 8), (3, 3, 1, 2)
    moving = [True, True, False, True]
    apart = zip(features.split(lengths), TEXTS, moving, strict=True)
    alone = [glossary(some, (len(some),), [text], [moves]) for some, text, moves in apart]
    looks, moves = glossary(features, lengths, TEXTS, moving)
    torch.testing.assert_close(looks, torch.stack([one for one, _ in alone]).mean())
    torch.testing.assert_close(moves, torch.stack([one for _, one in alone]).sum() / 3)
    assert alone[2][1] == 0


def test_in_the_opening_the_glossary_alone_is_asked(captioner, tokenizer, clips):
    shape, still = (ClipShape(frames=frames, width=64, height=64, weight=1.0) for frames in (9, 1))
    words = dict.fromkeys(LENGTHS, TEXTS[0]) | {"script": []}
    task = CaptionerTask(
        captioner=captioner,
        tokenizer=tokenizer,
        batching=Batching(shapes=(shape, still), tokens=24, groups=1, seed=0, fps=8.0, opening=1),
        noise=0.3,
        source=lambda step, group, shape, count: [Clip(clips[0].half(), None, words)] * count,
        how=Optimization(rate=1e-3, steps=2),
        grids={one.name: Grid(frames=one.frames, height=64, width=64, cell=(4, 16, 16), patch=(1, 2, 2)) for one in (shape, still)},
        show=lambda: pytest.fail("nothing is shown"),
    )
    (opening,), (later,) = task.losses(0), task.losses(1)
    assert opening.parts.keys() == {"loss", "looks", "moves"} and opening.value == opening.parts["looks"] + opening.parts["moves"]
    assert later.parts.keys() == {"loss", "looks", "moves", *LENGTHS} and later.value > later.parts["looks"] + later.parts["moves"]


def test_a_small_one_learns_eight_clips_by_heart():
    """Renders of scenes, through the whole training task, then told word by word."""
    model = load("hoshi", CPU, torch.float32)
    shape = ClipShape(frames=9, width=64, height=64, weight=1.0, pool=8)
    scenes = [sample(70_000_000 + number) for number in range(8)]
    frames = render([simulate(scene, frames=9, fps=8.0, aspect=1.0) for scene in scenes], (64, 64)).frames
    with torch.no_grad():
        latents = model.vae.encode(to_signal(frames)).half()
    words = [vars(true_captions(scene, number)) | {"script": []} for number, scene in enumerate(scenes)]
    rows = [Clip(clip, None, row) for clip, row in zip(latents, words, strict=True)]
    torch.manual_seed(0)
    sizes = {"dim": 48, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "feedforward": 96, "cell_dim": 32, "cell_layers": 1}
    tokenizer, vae = model.text.tokenizer, model.vae
    small = Captioner(CaptionerConfig(channels=96, vocabulary=tokenizer.size, spread=vae.config.spread, **sizes))
    grid = grid_of(vae.config, shape, small.config.patch)
    task = CaptionerTask(
        captioner=small,
        tokenizer=tokenizer,
        batching=Batching(shapes=(shape,), tokens=8 * grid.num_tokens, groups=1, seed=0, fps=8.0),
        noise=0.05,
        source=lambda step, group, shape, count: rows[:count],
        how=Optimization(rate=8e-3, steps=180, warmup=10, muon=True),
        grids={shape.name: grid},
        show=lambda: pytest.fail("nothing is shown"),
    )
    learning = optimizers(small.named_parameters(), task.how)
    for step in range(task.how.steps):
        loss = next(task.losses(step)).value
        small.zero_grad()
        loss.backward()
        for optimizer in learning:
            for group in optimizer.param_groups:
                group["lr"] = rate_at(step, task.how)
            optimizer.step()
    for length in LENGTHS:
        true = [tokenizer.decode(tokenizer.encode(row[length])) for row in words]
        said = describe(small, tokenizer, [clip.float() for clip in latents], length)
        assert sum(one == other for one, other in zip(said, true, strict=True)) >= 7, (said, true)
    sentences = [row["sentence"] for row in words]
    right = alignments(small, tokenizer, list(latents), sentences)
    wrong = alignments(small, tokenizer, list(latents), sentences[1:] + sentences[:1])
    assert right.min() > 0 > wrong.max()


def test_what_a_mirror_shows_is_what_is_encoded_of_mirrored_pixels():
    model = load("hoshi", CPU, torch.float32)
    frames = render([simulate(sample(70_000_100), frames=9, fps=8.0, aspect=1.0)], (128, 128)).frames
    with torch.no_grad():
        plain, wanted = (model.vae.encode(to_signal(one))[0] for one in (frames, frames.flip(3)))
    words = {"short": "a ball rolls left", "sentence": "s", "full": "f", "script": [{"text": "to the right", "start": 0, "end": 1}]}
    mirror = mirror_of(model.vae)
    seen = mirror(Clip(plain.half(), None, words))
    assert (seen.latents.float() - wanted).square().mean() < 0.02 * (plain.flip(-1) - wanted).square().mean()
    assert seen.words["short"] == "a ball rolls right" and seen.words["script"][0]["text"] == "to the left"
    twice = mirror(seen)
    assert twice.words == words and (twice.latents.float() - plain).square().mean() < 0.05 * plain.square().mean()


def test_one_clip_in_two_is_mirrored_and_it_is_always_the_same_ones():
    clip = Clip(torch.arange(4.0).view(1, 1, 1, 4).half(), None, {"short": "left", "sentence": "", "full": "", "script": []})
    source = HalfMirrored(lambda step, group, shape, count: [clip] * count, Mirror(torch.eye(1), torch.zeros(1)), draws="0")
    shape = ClipShape(frames=1, width=8, height=8, weight=1.0)
    first, again = ([one.words["short"] for one in source(3, 0, shape, 200)] for _ in range(2))
    assert first == again and 70 < first.count("right") < 130


def test_left_and_right_are_exchanged_where_they_are_sides():
    assert mirrored("rolls to the left, then rightwards; bright") == "rolls to the right, then leftwards; bright"
    assert mirrored("from left to right") == "from right to left"
    for text in ("a ball left the picture", "swings left and right", "no side"):
        assert mirrored(text) == text
