"""host.c, a host without Python: built once, and asked for the images of a SavedModel."""

import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.conftest import ROOT, once


def _program():
    """host.c, compiled against the libraries inside the TensorFlow wheel."""
    include, library = Path(tf.sysconfig.get_include()), Path(tf.sysconfig.get_lib())
    libraries = sorted(p for p in library.glob("libtensorflow_*.so.2"))
    assert len(libraries) == 2, (libraries, sysconfig.get_platform())
    flags = [f"-l:{p.name}" for p in libraries]

    def build(program):  # 12 s: a library of a gigabyte
        subprocess.run(
            [
                *("gcc", str(ROOT / "tests" / "support" / "host.c"), "-o", str(program)),
                *(f"-I{include}", f"-L{library}", *flags, f"-Wl,-rpath,{library}"),
            ],
            check=True,
        )

    return once("host", build)


def ask(path, signature, inputs, image_shape):
    """Images [N, *image_shape] by a signature of a SavedModel, of inputs int32 [N] by name."""
    count = len(next(iter(inputs.values())))
    feeds = [signature.inputs[name].name for name in inputs]
    done = subprocess.run(
        [str(_program()), str(path), signature.outputs["image"].name, str(count), *feeds],
        input=b"".join(value.tobytes() for value in inputs.values()),
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return np.frombuffer(done.stdout, np.float32).reshape(count, *image_shape)
