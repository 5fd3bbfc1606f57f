"""What is said of errors."""

import pytest

from tfgen import errors


@pytest.mark.parametrize(
    "said", ["{{function_node __wrapped__SaveV2_dtypes_21_device_/CPU:0}} SAID [Op:SaveV2]", "SAID"]
)
def test_a_message_of_tensorflow_names_no_ops(said):
    assert (
        errors.without_ops(said.replace("SAID", "a: No space left [1]")) == "a: No space left [1]"
    )
