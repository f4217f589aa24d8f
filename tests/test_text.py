"""The tokenizer knows what it does not know; the encoder reads each text on its own."""

import torch

from yozora.text import TextConfig, TextEncoder, Tokenizer

CAPTIONS = ["a red ball rolls left", "a blue cube, at night", "two green eggs"]


def encoder() -> TextEncoder:
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(CAPTIONS)
    return TextEncoder(TextConfig(vocabulary=tokenizer.size, dim=32, heads=2, layers=2, length=16), tokenizer)


def test_training_twice_gives_the_same_numbers():
    first, second = Tokenizer.train(CAPTIONS), Tokenizer.train(reversed(CAPTIONS))
    assert first.rules.get_vocab() == second.rules.get_vocab()


def test_saving_keeps_the_vocabulary(tmp_path):
    tokenizer = Tokenizer.train(CAPTIONS)
    tokenizer.save(tmp_path / "tokenizer.json")
    assert Tokenizer.load(tmp_path / "tokenizer.json").encode("a red egg") == tokenizer.encode("a red egg")


def test_unknown_words_are_named_with_the_nearest_known_one():
    assert Tokenizer.train(CAPTIONS).unknown("A red bal, zeppelin!") == {"bal": "ball", "zeppelin": ""}
    assert Tokenizer.train(CAPTIONS).unknown("A RED ball") == {}


def test_what_is_unknown_is_left_out_and_not_turned_into_noise():
    tokenizer = Tokenizer.train(CAPTIONS)
    assert tokenizer.encode("a red zeppelin ball!") == tokenizer.encode("a red ball")


def test_empty_text_has_one_word_and_long_text_is_cut():
    _, lengths = encoder().encode(["", "red " * 50])
    assert lengths == (1, 16)


def test_what_is_not_heard_is_said():
    assert not list(encoder().unheard("a red ball"))
    strange, cut = encoder().unheard("red zeppelin " + "ball " * 17)
    assert "'zeppelin'" in strange and "the first 15 words" in cut and "3 are left out" in cut


def test_a_text_does_not_hear_its_neighbours():
    network = encoder()
    together, lengths = network.encode(["a red ball", "two green eggs at night", ""])
    for text, states in zip(["a red ball", "two green eggs at night", ""], together.split(lengths), strict=True):
        torch.testing.assert_close(states, network.encode([text])[0], atol=1e-5, rtol=1e-5)
