"""What all models that hear captions have: words of the data, and the network that reads them."""

import functools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import keras

from tfgen.data import text
from tfgen.data.conditions import Captions
from tfgen.declared import Count, Range, Words
from tfgen.layers import captioned
from tfgen.model import GenerativeModel


class Captioned(GenerativeModel):
    """A model of images given captions; a subclass names it before the class of its family.

    Args:
      image_shape, levels, seed: see `GenerativeModel`.
      vocabulary: the words, taken from the data by `train.run`.
      examples: some captions, to sample when none are given; the same.
      most_words: how many of the most frequent words are known.
      length: T; of longer captions the first T words are read. To `train.run` a length of 0 is that
        of the longest caption, up to 64.
      embedding: numbers of a word.
      text_dim: P, numbers of a caption's code.
    """

    data_features = ("caption",)

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        seed: int = 0,
        vocabulary: Words = ("red", "green"),
        examples: Words = ("red", "green"),
        most_words: Count = 5000,
        length: Annotated[int, Range(0, 1000)] = 16,
        embedding: Count = 64,
        text_dim: Count = 128,
        **kwargs: Any,
    ) -> None:
        self.vocabulary, self.examples = tuple(vocabulary), tuple(examples)
        self.most_words, self.length = most_words, length
        self.embedding, self.text_dim = embedding, text_dim
        super().__init__(image_shape, levels, seed, **kwargs)

    @classmethod
    def data_arguments(cls, data: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return text.learn_vocabulary(data, arguments["most_words"], arguments["length"])

    @functools.cached_property
    def condition(self) -> Captions:
        return Captions(self.vocabulary, self.length, self.examples)

    def prepare_data(self, data: Any) -> Any:
        return text.encode_data(data, self.condition.reader)

    def text_encoder(self, name: str) -> keras.Model:
        """phi: numbers of words [B, T] -> [B, P]."""
        words = len(self.vocabulary) + text.FIRST_WORD
        return captioned.text_encoder(words, self.length, self.embedding, self.text_dim, name)
