"""Data with captions: several of an image, and splits that share none."""

import numpy as np
import pytest

from tests.zoo import GAN, WORDS
from tfgen import captions, data
from tfgen.data import shapes
from tfgen.errors import Notice
from tfgen.models.text_to_image import TextToImage


def test_a_set_with_several_captions_an_image():
    source = data.open_source("several", size=16)
    train, _ = source.training_and_validation("train", extra=TextToImage.features)
    known = TextToImage.data_arguments(train, {"most_words": 50, "length": 8})
    words = {"a", "picture", "number", "one", "two", "something", "else"}
    assert set(known["vocabulary"]) == words | {"and", "third", "which", "has", "more", "words"}
    spoken = {"a picture number one", "a picture number two", "something else"}
    assert set(known["examples"]) == spoken | {"and a third which has more words"}
    with pytest.warns(Notice, match="reads 2 words"):
        few = TextToImage.data_arguments(train, {"most_words": 5, "length": 2})
    assert len(few["vocabulary"]) == 3
    assert max(len(text.split()) for text in few["examples"]) <= 2
    model = TextToImage((16, 16, 3), 256, **GAN, **WORDS | known)
    batch = next(iter(data.batches(model.prepare_data(train), 36, seed=0)))
    assert (batch["tokens"].shape, batch["every_tokens"].shape) == ((36, 8), (36, 3, 8))

    def read(rows):
        return [captions.text(row, model.vocabulary) for row in np.asarray(rows)]

    # To be measured by, the first; the others are in their order, and no word after the last.
    assert set(read(batch["tokens"])) <= {"a picture number one", "a picture number two"}
    assert np.array_equal(batch["tokens"], batch["every_tokens"][:, 0])
    assert set(read(batch["every_tokens"][:, 1])) == {"something else"}
    assert sorted(read(batch["every_tokens"][:, 2]))[-2:] == [
        "",
        "and a third which has more words",
    ]


@pytest.mark.slow
def test_no_caption_of_one_split_is_in_another():
    source = data.open_source("shapes_by_caption")
    held = {
        split: data.arrays(source.load(split, ("caption", "factors")))
        for split in ("train", "validation", "test")
    }
    texts = {split: {text.decode() for text in a["caption"]} for split, a in held.items()}
    assert sum(len(a["image"]) for a in held.values()) == 14_400
    assert sum(map(len, texts.values())) == len(set.union(*texts.values())) == 648
    assert (len(texts["train"]), len(texts["test"])) == (518, 65)
    # And what `said` reads from the factors is what the captions say.
    for text, factors in zip(held["test"]["caption"], held["test"]["factors"], strict=True):
        said = {key: int(value[0]) for key, value in shapes.said(factors[None]).items()}
        scale, colour, shape, *place = text.decode().removeprefix("a ").split()
        assert shape == shapes.SHAPES[said["shape"]]
        assert colour == list(shapes.COLOURS)[said["colour"]]
        assert scale == shapes.SCALES[said["scale"]]
        above, across = divmod(said["position"], 3)
        words = [w for w in (["top", "", "bottom"][above], ["left", "", "right"][across]) if w]
        assert place == (["at", "the", *words] if words else ["in", "the", "centre"])
