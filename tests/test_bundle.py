"""The model that comes with the package: it loads, is small, draws, and says what it sees."""

from pathlib import Path

import torch

import yozora
from yozora.captioner import alignments, describe
from yozora.captioning import captioner_of, encoded
from yozora.evaluate.said import facts_in
from yozora.evaluate.truth import act, film, usual_shot
from yozora.model import captioner_digest, find, load
from yozora.world.sample import sample
from yozora.world.words import caption

LIMIT = 32 * 2**20


def test_all_bundled_weights_together_are_small():
    folder = Path(yozora.__file__).parent / "models"
    assert 0 < sum(path.stat().st_size for path in folder.rglob("*.safetensors")) < LIMIT


def test_the_bundled_model_draws_what_no_noise_looks_like():
    model = load("hoshi", torch.device("cpu"), torch.float32)
    assert model.transformer.config.spread == model.vae.config.spread != ()
    video = yozora.generate("a red ball on a floor", size=(64, 64), seconds=0.5, seed=0)
    frames = torch.from_numpy(video.frames).float()
    assert video.frames.shape[1:] == (64, 64, 3) and frames.std() > 2
    beside = (frames[:, :, 1:] - frames[:, :, :-1]).abs().mean()
    assert beside < 0.5 * frames.std()  # neighbours agree, as in no noise


def test_the_bundled_captioner_knows_the_true_sentence_from_anothers():
    """On renders of scenes that it was not trained on."""
    model = load("hoshi", torch.device("cpu"), torch.float32)
    shot, seeds = usual_shot(model), range(85_000_000, 85_000_006)
    scenes = [sample(seed) for seed in seeds]
    clips = [encoded(video, model) for video in film([act(scene, shot) for scene in scenes], shot, torch.device("cpu"))]
    captioner, tokenizer = captioner_of(model), model.text.tokenizer
    sentences = [caption(scene, seed).sentence for scene, seed in zip(scenes, seeds, strict=True)]
    right = alignments(captioner, tokenizer, clips, sentences)
    wrong = alignments(captioner, tokenizer, clips, sentences[1:] + sentences[:1])
    assert (right > wrong).sum() >= 5 and right.mean() > 0 > wrong.mean()
    told = [facts_in(text).colours for text in describe(captioner, tokenizer, clips, "full")]
    true = [frozenset(body.colour for body in scene.objects) for scene in scenes]
    shared = sum(len(one & other) / len(one | other) for one, other in zip(told, true, strict=True)) / len(scenes)
    assert shared > 0.6, (told, true)


def test_the_card_names_the_weights_it_measured():
    card = (find("hoshi") / "README.md").read_text(encoding="utf-8")
    assert load("hoshi", torch.device("cpu"), torch.float32).digest in card
    assert captioner_digest(find("hoshi")) in card
