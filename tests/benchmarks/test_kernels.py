"""What a kernel is counted as."""

import pytest

from benchmarks import kernels, speed


@pytest.mark.parametrize(
    ("kernel", "group"),
    [
        ("gradient_tape/D_1/conv2d/Conv2DBackpropFilter:_MklNativeConv2DBackpropFilter", 0),
        ("G_1/conv2d_transpose/conv_transpose:_MklNativeConv2DBackpropInput", 1),
        ("D_1/conv2d_1/BiasAdd:_MklNativeFusedConv2D", 2),
        ("gradient_tape/D_1/dense_1/MatMul/MatMul:_MklMatMul", 3),
        ("dropout_1/NOISE/Mul_3:Mul", 4),
        ("gradient_tape/G_1/batch_normalization_1/moments/Tile:Tile", 7),
        ("adam_1/ResourceApplyAdam_3:ResourceApplyAdam", 8),
        ("gradient_tape/D_3/conv2d_1/LeakyReluGrad:LeakyReluGrad", 9),
    ],
)
def test_a_kernel_is_of_one_group(kernel, group):
    assert kernels.group(kernel) == list(kernels.GROUPS)[group]


def test_a_round_takes_the_seconds_that_it_is_given():
    class Worker:
        def train(self, steps):
            return 0.02 * steps

    assert speed.paced(Worker(), 2.0) == 100
    assert speed.paced(Worker(), 0.01) == 25


def test_a_way_may_be_in_tf32_beside_others_that_are_not():
    assert speed.way_of("torch+tf32", False) == dict(name="torch+tf32", way="torch", tf32=True)
    assert not speed.way_of("free", False)["tf32"]
    assert speed.way_of("free", True)["tf32"]
