"""What tests of metrics draw from."""

import numpy as np
import pytest


@pytest.fixture
def random():
    return np.random.default_rng(0)
