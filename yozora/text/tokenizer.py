"""A word-level tokenizer that knows which words it does not know."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import tokenizers

START, UNKNOWN = "<start>", "<unknown>"  # words 0 and 1


@dataclass(frozen=True)
class Tokenizer:
    """Text to word numbers; every text begins with the start word, so the empty text has one word."""

    rules: tokenizers.Tokenizer

    @classmethod
    def train(cls, captions: Iterable[str]) -> "Tokenizer":
        """Learn the vocabulary of `captions`: lower-case words and punctuation marks."""
        rules = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token=UNKNOWN))
        rules.normalizer = tokenizers.normalizers.Lowercase()
        rules.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
        rules.train_from_iterator(captions, tokenizers.trainers.WordLevelTrainer(special_tokens=[START, UNKNOWN]))
        # Equal counts come in hash order: name the words in alphabetical order, so that training twice agrees.
        words = [START, UNKNOWN, *sorted(set(rules.get_vocab()) - {START, UNKNOWN})]
        rules.model = tokenizers.models.WordLevel({word: index for index, word in enumerate(words)}, unk_token=UNKNOWN)
        return cls(rules)

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read the JSON file that `save` wrote."""
        try:
            return cls(tokenizers.Tokenizer.from_file(str(path)))
        except Exception as error:  # the library raises a bare Exception for a missing or broken file
            raise ValueError(f"{path} is no tokenizer: {error}") from error

    def save(self, path: Path) -> None:
        """Write the vocabulary and its rules as JSON."""
        path.write_text(self.rules.to_str(pretty=True), encoding="utf-8")

    @property
    def size(self) -> int:
        """Number of words known, the two special ones included."""
        return self.rules.get_vocab_size()

    @property
    def words(self) -> list[str]:
        """All words known, without the special ones, in alphabetical order."""
        return sorted(self.rules.get_vocab().keys() - {START, UNKNOWN})

    def encode(self, text: str) -> list[int]:
        """Word numbers of `text`, the start word first; what is unknown is left out, as `unknown` reports it."""
        return [0, *(number for number in self.rules.encode(text, add_special_tokens=False).ids if number != 1)]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of some word numbers, special ones left out: words with spaces between them, marks beside the word before."""
        words = [word for number in numbers if number > 1 and (word := self.rules.id_to_token(number))]
        return "".join(f" {word}" if word[0].isalnum() else word for word in words).strip()

    def unknown(self, text: str) -> dict[str, str]:
        """Words of `text` outside the vocabulary, each with the nearest known word ("" where none is near)."""
        pieces = self.rules.pre_tokenizer.pre_tokenize_str(self.rules.normalizer.normalize_str(text))
        known = self.rules.get_vocab()
        strange = [piece for piece, _ in pieces if piece not in known and any(c.isalnum() for c in piece)]
        near = {word: difflib.get_close_matches(word, known, n=1, cutoff=0.75) for word in strange}
        return {word: matches[0] if matches else "" for word, matches in near.items()}

    def unheard(self, text: str) -> Iterator[str]:
        """A sentence for each word of `text` outside the vocabulary."""
        for word, near in self.unknown(text).items():
            yield f"the model does not know the word {word!r}" + (f"; did you mean {near!r}?" if near else "")
