"""Words to embeddings: a word-level tokenizer and a small encoder trained with the generator; UMT5 for open weights."""

from yozora.text.encoder import TextConfig, TextEncoder
from yozora.text.pictures import PictureEncoder
from yozora.text.tokenizer import Tokenizer
from yozora.text.umt5 import UMT5

__all__ = ["UMT5", "PictureEncoder", "TextConfig", "TextEncoder", "Tokenizer"]
