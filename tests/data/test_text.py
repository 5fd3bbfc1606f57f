"""Text as numbers, what is not read of it, and which captions of a data set are learned from."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.zoo import GAN, WORDS
from tfgen import data, random
from tfgen.data import text
from tfgen.errors import Notice, UserError
from tfgen.models.text_to_image import TextToImage

ODD = ["A small, RED circle.", "  two\twords ", "it's (not) a-dash", "red", "blue! dot?"]


def test_numbers_are_those_of_text_vectorization():
    known = (
        "a",
        "red",
        "small",
        "circle",
        "its",
        "adash",
        "not",
        "blue",
        "dot",
        "two",
        "words",
    )
    layer = keras.layers.TextVectorization(vocabulary=list(known), output_sequence_length=6)
    assert np.array_equal(text.encode(ODD, known, 6), layer(tf.constant(ODD)))
    numbers = text.encode(ODD[:1], known, 6)[0]
    assert text.decode(numbers, known) == "a small red circle"


def test_words_beyond_ascii_are_the_same_in_training_and_in_sampling():
    odd = [
        "\u00c4rger ROT",
        "\u00c9lan",
        "rot\u00a0blau",
        "\u041a\u0420\u0410\u0421\u041d\u042b\u0419\u3000\u03a9",
    ]
    every = {word for caption in odd for word in text.tokenize(caption)}
    learned = text.learn_vocabulary(told(odd), most_words=50, length=0)
    assert set(learned["vocabulary"]) == every
    assert "" not in learned["examples"]
    asked = text.encode(odd, learned["vocabulary"], 2)
    assert np.array_equal(text.vectorizer(learned["vocabulary"], 2)(tf.constant(odd)), asked)


def test_captions_of_rare_words_alone_are_no_examples():
    learned = text.learn_vocabulary(told(["red dot", "red dot", "rare"]), most_words=4, length=0)
    assert learned["examples"] == ("red dot",)


def test_words_that_are_not_known_are_said():
    with pytest.raises(UserError, match=r"never seen 'bleu' of .* Did you mean 'blue'\? It knows"):
        text.encode(["a bleu dot"], WORDS["vocabulary"], 4)
    with pytest.raises(UserError, match=r"' \. ' has no word"):
        text.encode([" . "], WORDS["vocabulary"], 4)


LONG = ["a red dot a blue dot", "a red red red", "a red dot", "dot dot dot dot, dot, dot dot"]


def test_of_a_caption_that_is_too_long_the_first_words_are_read_and_it_is_said():
    """In training, where TensorFlow reads, as in sampling; each names the longest one."""
    with pytest.warns(Notice, match=r"reads 4 words .*'dot dot dot' of .* and of 1 others"):
        asked = text.encode(LONG, WORDS["vocabulary"], 4)
    trained = text.vectorizer(WORDS["vocabulary"], 4)(tf.constant(LONG))
    assert np.array_equal(asked, trained)
    with pytest.warns(Notice, match=r"'dot dot dot' of .*`model.length=7` reads the whole"):
        known = text.learn_vocabulary(told(LONG), most_words=50, length=4)
    assert max(len(caption.split()) for caption in known["examples"]) == 4
    # Words that are not read may be any.
    with pytest.warns(Notice):
        text.encode(["a red dot a bleu dot"], WORDS["vocabulary"], 4)


@pytest.mark.filterwarnings("error")
def test_by_default_captions_are_read_to_their_end(monkeypatch):
    data = told(LONG)
    known = text.learn_vocabulary(data, most_words=50, length=0)
    assert known["length"] == 7
    assert "dot dot dot dot dot dot dot" in known["examples"]
    numbers = text.vectorizer(known["vocabulary"], 7)(tf.constant(LONG))
    assert (np.count_nonzero(numbers, axis=1) == [6, 4, 3, 7]).all()
    # As far as an unrolled network goes.
    monkeypatch.setattr(text, "MOST_LENGTH", 5)
    with pytest.raises(Notice, match=r"reads 5 words .*`model.length=7"):
        text.learn_vocabulary(data, most_words=50, length=0)


def told(texts):
    """Data of a caption each."""
    images = np.zeros((len(texts), 2, 2, 1), np.uint8)
    held = tf.data.Dataset.from_tensor_slices({"image": images, "caption": texts})
    return data.ImageData("told", "train", len(texts), (2, 2, 1), 256, (), (), lambda: held)


def test_each_caption_of_an_image_is_as_likely_as_the_others():
    """Four captions, and one between two that has no word; of another image two, of one none."""
    every = np.zeros((3, 6, 2), np.int32)
    every[0, [0, 1, 3, 5], 0] = [3, 4, 5, 6]
    every[1, :2, 1] = [7, 8]
    seeds = tf.range(4000)
    u = random.uniform(seeds, [1], "caption")[:, 0]
    for image, wanted in zip(every, ((3, 4, 5, 6), (7, 8), (0,)), strict=True):
        rows = text.choose_caption(tf.repeat(image[None], 4000, axis=0), u).numpy().sum(axis=1)
        found, count = np.unique(rows, return_counts=True)
        assert tuple(found) == wanted
        p = 1 / len(wanted)
        assert np.abs(count / 4000 - p).max() <= 4 * np.sqrt(p * (1 - p) / 4000)
    # At both ends of the interval.
    ends = tf.constant([0.0, 1.0 - 2.0**-24])
    assert text.choose_caption(tf.constant(every[[0, 0]]), ends).numpy()[:, 0].tolist() == [3, 6]


class Several(tfds.core.GeneratorBasedBuilder):
    """Several captions an image, as coco_captions has them, of some more than of others."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        text = {"text": tfds.features.Text(), "id": np.int64}
        features = {
            "image": tfds.features.Image(shape=(None, None, 3)),
            "captions": tfds.features.Sequence(text),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(40), "validation": self._generate_examples(8)}

    def _generate_examples(self, count):
        for i in range(count):
            image = np.full((20 + i, 24, 3), 5 * i, np.uint8)
            texts = [f"A picture, number {'one' if i % 2 else 'two'}.", "something else"]
            texts += ["And a third, which has more words."] * (i == 3)
            yield i, {"image": image, "captions": [{"text": t, "id": i} for t in texts]}


@pytest.mark.slow
def test_a_set_with_several_captions_an_image():
    source = data.open_source("several", size=16)
    train, _ = source.training_and_validation("train", extra=TextToImage.data_features)
    known = TextToImage.data_arguments(train, {"most_words": 50, "length": 8})
    words = {"a", "picture", "number", "one", "two", "something", "else"}
    assert set(known["vocabulary"]) == words | {"and", "third", "which", "has", "more", "words"}
    spoken = {"a picture number one", "a picture number two", "something else"}
    assert set(known["examples"]) == spoken | {"and a third which has more words"}
    with pytest.warns(Notice, match="reads 2 words"):
        few = TextToImage.data_arguments(train, {"most_words": 5, "length": 2})
    assert len(few["vocabulary"]) == 3
    assert max(len(caption.split()) for caption in few["examples"]) <= 2
    model = TextToImage((16, 16, 3), 256, **GAN, **WORDS | known)
    batch = next(iter(data.batches(model.prepare_data(train), 36, seed=0)))
    assert (batch["tokens"].shape, batch["every_tokens"].shape) == ((36, 8), (36, 3, 8))

    read = model.condition.words
    # To be measured by, the first; the others are in their order, and no word after the last.
    assert set(read(batch["tokens"])) <= {"a picture number one", "a picture number two"}
    assert np.array_equal(batch["tokens"], batch["every_tokens"][:, 0])
    assert set(read(batch["every_tokens"][:, 1])) == {"something else"}
    assert sorted(read(batch["every_tokens"][:, 2]))[-2:] == [
        "",
        "and a third which has more words",
    ]
