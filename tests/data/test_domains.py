"""Two domains: digits in two styles, folders, and what does not fit."""

import numpy as np
import pytest

from tests.support import runs
from tests.support.pictures import pictures
from tfgen import data
from tfgen.data import digit_styles, domains
from tfgen.errors import UserError


@pytest.mark.slow
def test_digits_in_two_styles():
    source = data.open_source("digit_styles")
    train, validation = source.training_and_validation("train")
    assert (train.size, train.other.size, validation.size) == (500, 500, 175)
    assert not train.overlaps(validation)
    held = data.arrays(source.load("test", ("truth",)))
    # Every image is the other one's truth by one function, and no digit is in both domains.
    assert len({image.tobytes() for image in [*held["image"], *held["other_truth"]]}) == 446
    digit = np.arange(64.0).reshape(8, 8) / 4
    plain, styled = digit_styles.plain(digit), digit_styles.styled(digit)
    assert np.array_equal(plain[..., 0], plain[..., 2])
    assert styled[plain.max(axis=-1) == 0].std(axis=0).max() < 60  # paper, but for what slants in
    one = data.arrays(source.load("trainA"))
    assert "other" not in one
    assert np.array_equal(one["image"], data.arrays(train)["image"])


def test_two_domains_are_shuffled_apart_and_every_image_comes_once_an_epoch():
    train = data.open_source("digit_styles").load("train")
    stream = iter(data.batches(train, 50, seed=3))
    epoch = [next(stream) for _ in range(10)]
    for name in ("image", "other"):
        seen = np.concatenate([batch[name] for batch in epoch])
        assert len({image.tobytes() for image in seen}) == 500
    order = [
        np.concatenate([batch[name] for batch in epoch]).tolist()
        for name in ("label", "other_label")
    ]
    held = data.arrays(train)
    assert order[0] != held["label"].tolist()
    # Not the same permutation of both.
    rows = {image.tobytes(): i for i, image in enumerate(held["image"])}
    others = {image.tobytes(): i for i, image in enumerate(held["other"])}
    pairs = [
        (rows[x.tobytes()], others[y.tobytes()])
        for batch in epoch
        for x, y in zip(batch["image"].numpy(), batch["other"].numpy(), strict=True)
    ]
    assert sum(a == b for a, b in pairs) < 8
    # And a later start is the same stream.
    again = next(iter(data.batches(train, 50, seed=3, start=7)))
    assert all(np.array_equal(again[key], epoch[7][key]) for key in again)


def test_folders_of_two_domains(tmp_path):
    for name, count in (("trainA", 6), ("trainB", 9), ("testA", 2), ("testB", 3)):
        pictures(tmp_path / "both" / name, count)
    both = data.open_source(str(tmp_path / "both"))
    train = both.load("train")
    assert (train.size, train.other.size) == (6, 9)
    assert data.arrays(both.load("test"))["other"].shape == (2, 16, 16, 3)
    train, validation = both.training_and_validation("train")
    assert (train.size, validation.other.size) == (5, 1)
    two = data.open_source(f"{pictures(tmp_path / 'x', 4)},{pictures(tmp_path / 'y', 5)}")
    assert (two.load("train").size, two.load("train").other.size) == (4, 5)


def test_domains_that_do_not_fit(tmp_path):
    x, grey = pictures(tmp_path / "x", 4), pictures(tmp_path / "grey", 4, mode="L")
    with pytest.raises(UserError, match=r"differ: images are \(16, 16, 3\).*\(16, 16, 1\)"):
        data.open_source(f"{x},{grey}").load("train")
    with pytest.raises(UserError, match=r"are not two domains"):
        data.open_source(f"{x},{grey},{x}")
    with pytest.raises(
        UserError, match=r"unknown split of digit_styles 'trian'. Did you mean 'train'"
    ):
        data.open_source("digit_styles").load("trian")
    assert not domains.is_pair(["train", "test"])
    done = runs.train("cyclegan", tmp_path / "run", data__name="digits")
    assert done.returncode == 2
    assert "cyclegan translates between two domains, and digits is one" in done.stderr
    assert not (tmp_path / "run").exists()
