"""The Wasserstein autoencoder with the MMD penalty."""

import pytest

from tests.zoo import ROWS
from tfgen.errors import UserError


def test_a_batch_of_one_has_no_pairs_to_compare():
    """Its MMD divides by the number of pairs; the learning rate is not to blame."""
    (row,) = [row for row in ROWS if row.name == "wae_mmd"]
    model = row.build()
    with pytest.raises(UserError, match=r"pairs of codes: set `batch_size` to 2"):
        model.check_batch(1)
    model.check_batch(2)
