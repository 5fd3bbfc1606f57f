"""What a sample is asked for: read from what users give, checked, said in words, and carried."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from tests.support import runs
from tests.zoo import WORDS
from tfgen.data import ImageData, conditions
from tfgen.data.conditions import Captions, Images, Labels
from tfgen.errors import Notice, UserError

NUMBERS, PETS = Labels.numbered(3), Labels(("cat", "dog", "old dog"))
TOLD = Captions(WORDS["vocabulary"], WORDS["length"], WORDS["examples"])
EVERY = [NUMBERS, PETS, TOLD]


@pytest.mark.parametrize("known", EVERY, ids=("numbers", "names", "captions"))
def test_rows_are_carried_and_said_and_read_again(known):
    """Through a file; and what the words of a row say is that row."""
    about = json.loads(json.dumps(conditions.metadata(known)))
    assert conditions.from_metadata(about) == known
    rows = known.defaults(range(7))
    assert (rows.shape, rows.dtype) == ((7, *known.shape), known.dtype)
    assert np.array_equal(rows[0], known.choices()[0])
    assert np.array_equal(known.rows(known.words(rows), 7), rows)
    assert np.array_equal(known.rows(known.words(rows)[1], 7), rows[[1] * 7])
    assert np.array_equal(known.rows(rows, 7), rows)
    assert len(known.shown(2)) == 2


def test_without_a_condition_there_is_none():
    assert conditions.from_metadata(conditions.metadata(None)) is None
    assert conditions.defaults(None, 3) is None
    assert conditions.checked(None, "vae", 3) == {}
    with pytest.raises(UserError, match="vae is not conditional: it takes no `caption`"):
        conditions.checked(None, "vae", 3, caption="a red dot")


def test_a_class_is_a_number_or_a_name():
    for given in (1, "1", "dog", np.int64(1), ["dog"] * 4, [1] * 4):
        assert PETS.rows(given, 4).tolist() == [1] * 4
    # What is a number is that number, for a server knows no other.
    assert Labels(("3", "0")).rows("0", 1) == [0]
    assert NUMBERS.metadata() == {"num_classes": 3}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("dgo", r"runs/a has no class 'dgo'\. Did you mean 'dog'\? It has 0 to 2, or a name: cat"),
        (3, r"`label=3` is out of range: runs/a has 0 to 2, or a name: cat, dog, old dog"),
        ([0, 0, 0, -1], "`label=-1` is out of range"),
        ("-1", "`label=-1` is out of range"),
        (1.7, r"runs/a samples by class: give `label`, 0 to 2.* Given is 1\.7"),
        ([1, 2, 0], r"one for all or one for each of 4 seeds\. Given is \[1, 2, 0\]"),
    ],
)
def test_what_is_no_class(given, message):
    with pytest.raises(UserError, match=message):
        PETS.rows(given, 4, "runs/a")


@pytest.mark.parametrize("given", [np.zeros(4, np.int32), 1, ["dot"] * 3, [[1, 2]] * 4])
def test_what_is_no_caption(given):
    with pytest.raises(UserError, match=r"runs/a samples by caption: give `caption`, as 'a red"):
        TOLD.rows(given, 4, "runs/a")


def test_captions_that_cannot_be_read_whole():
    with pytest.raises(UserError, match="never seen 'pink'"):
        TOLD.rows("a pink dot", 2)
    with pytest.warns(Notice, match="reads 4 words"):
        assert TOLD.words(TOLD.rows("A red dot, a blue dot.", 1)) == ["a red dot a"]


def test_one_of_three_words_gives_it():
    assert conditions.checked(PETS, "m", 2, "cat")["label"].tolist() == [0, 0]
    assert conditions.checked(PETS, "m", 2, label="cat")["label"].tolist() == [0, 0]
    assert list(conditions.checked(TOLD, "m", 2, caption="dot")) == ["tokens"]
    for given in ({}, {"caption": "cat"}):
        with pytest.raises(UserError, match="m samples by class: give `label`, 0 to 2"):
            conditions.checked(PETS, "m", 2, **given)
    with pytest.raises(UserError, match="m samples by caption"):
        conditions.checked(TOLD, "m", 2, label="dot")
    with pytest.raises(UserError, match="give one condition"):
        conditions.checked(PETS, "m", 2, 1, label=1)


def test_where_classes_and_words_are_not_known():
    """A server has them."""
    for given in (dict(label="2"), dict(label=2), dict(condition=[2, 2])):
        found = conditions.unchecked("grpc://a", 2, **given)["label"]
        assert (found.dtype, found.tolist()) == (np.int32, [2, 2])
    for given in (dict(caption="dot"), dict(condition=["dot", "dot"])):
        assert conditions.unchecked("grpc://a", 2, **given)["caption"].tolist() == ["dot", "dot"]
    with pytest.raises(UserError, match="`label=4294967296` is out of range"):
        conditions.unchecked("grpc://a", 1, label=2**32)
    for given, message in (("cat", r"by their numbers.*'cat'"), ([1, 2, 3], "one for each of 2")):
        with pytest.raises(UserError, match=message):
            conditions.unchecked("grpc://a", 2, label=given)
    assert conditions.unchecked("grpc://a", 2) == {}


def test_images_are_a_folder_or_floats(tmp_path):
    known = Images("X", (2, 2, 1))
    for i in range(3):
        Image.new("L", (4, 4), 51 * i).save(tmp_path / f"{i}.png")
    rows = known.rows(tmp_path, 3)
    assert rows[:, 0, 0, 0].tolist() == pytest.approx([0.0, 0.2, 0.4])
    assert np.array_equal(known.rows(str(tmp_path / "1.png"), 1), rows[1:2])
    assert np.array_equal(known.rows(rows, 3), rows)
    with pytest.raises(UserError, match=r"m samples by image: give .* array of uint8"):
        known.rows(np.zeros((3, 2, 2, 1), np.uint8), 3, "m")
    noise = known.defaults([5, 6])
    assert (noise.shape, noise.dtype) == ((2, 2, 2, 1), np.float32)
    assert np.array_equal(noise[1:], known.defaults([6]))


def test_a_model_keeps_the_names_of_its_classes(tmp_path):
    """It learns them with the data, has them in its file and in every copy, and takes them."""
    import keras

    from tfgen.training import building

    config, data = runs.config("cvae"), ImageData("pets", "train", 9, (8, 8, 1), 17, (), (), None)
    model = building.build("cvae", config, dataclasses.replace(data, classes=NUMBERS.classes))
    assert model.condition == NUMBERS
    assert "class_names" not in model.get_config()
    model = building.build("cvae", config, dataclasses.replace(data, classes=PETS.classes))
    model.save_networks(tmp_path / "model.keras")
    for copy in (model.without_optimizers(), keras.saving.load_model(tmp_path / "model.keras")):
        assert copy.condition == PETS
        one, other = (copy.sample([0, 1], **given) for given in (dict(label="dog"), dict(label=1)))
        assert np.array_equal(one, other)


def test_captions_to_measure_by_are_spread_over_those_of_the_images():
    """Held-out images may be sorted, by shape as those of `shapes_by_caption` are."""
    rows = np.repeat(np.arange(6, dtype=np.int32)[:, None], TOLD.length, axis=1)
    first = {n: TOLD.of_data({TOLD.name: rows}, n)[:, 0].tolist() for n in (3, 6, 8)}
    assert first == {3: [0, 2, 4], 6: [0, 1, 2, 3, 4, 5], 8: [0, 1, 2, 3, 4, 5, 0, 1]}
