"""Words to embeddings: a word-level tokenizer and a small transformer encoder, trained with the generator."""

from yozora.text.encoder import TextConfig, TextEncoder
from yozora.text.tokenizer import Tokenizer

__all__ = ["TextConfig", "TextEncoder", "Tokenizer"]
