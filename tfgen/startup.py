"""What a process needs before it works: TensorFlow without its greetings, Keras as it is here."""

import contextlib
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tfgen.errors import Notice, UserError

SIGPIPE = 13  # `signal.SIGPIPE`, a name that Windows lacks


@contextlib.contextmanager
def loading_tensorflow() -> Iterator[None]:
    """Holds back what TensorFlow's C++ says on stderr while it loads and finds its devices.

    It reports there which instructions and drivers it has, before any level can be set, and
    buries the one line that a user should read. If the block fails, everything is shown.

    oneDNN is TensorFlow's own default on CPUs with AVX-512 VNNI alone. One without it (AMD EPYC,
    Zen 3, two cores) trains `dcgan` and `sngan` 3.5 times as fast with it, progan's 64x64 twice,
    and what is dense as fast as before. TF_ENABLE_ONEDNN_OPTS=0 turns it off.

    By itself TensorFlow takes all of a GPU's memory, and a second process there finds none.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    find_home()
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:  # who stops it knows why
            os.dup2(stderr, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)


def one_thread() -> None:
    """This process computes with one thread: sums are taken in the same order on every machine.

    Where it has computed before, as tests have, its threads stay as they are.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with loading_tensorflow():
        import tensorflow as tf
    with contextlib.suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)


# What ~/.keras/keras.json may say otherwise: {what Keras calls it: what tfgen is written for}.
KERAS = {"image_data_format": "channels_last", "floatx": "float32", "epsilon": 1e-7}


def set_up_keras() -> None:
    """Sets Keras as the models and metrics want it, and says so where it was otherwise.

    Raises: UserError if Keras was loaded with another backend.
    """
    from keras import config

    if config.backend() != "tensorflow":
        raise UserError(
            f"Keras was loaded with the backend {config.backend()}, and the models are written for "
            "tensorflow: set KERAS_BACKEND=tensorflow, or import tfgen before keras."
        )
    for name, wanted in KERAS.items():
        found = getattr(config, name)()
        if found != wanted:
            getattr(config, f"set_{name}")(wanted)
            warnings.warn(
                f"Keras is set to {name}={found}, by keras.json perhaps; here it is {wanted}.",
                Notice,
                stacklevel=2,
            )


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):  # of Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_home() -> None:
    """Where nobody knows a home directory (a container's user without a name), a temporary one.

    TFDS, Keras and we keep data and caches there; TFDS would make a folder named "~".
    """
    try:
        Path.home()
    except RuntimeError:
        user = os.getuid() if hasattr(os, "getuid") else "tfgen"  # Windows lacks it
        home = Path(tempfile.gettempdir()) / f"home-{user}"
        home.mkdir(mode=0o700, exist_ok=True)
        os.environ["HOME"] = str(home)
        warnings.warn(
            f"there is no home directory: data and caches go to {home}; set HOME for another.",
            Notice,
            stacklevel=2,
        )


def signals(*names: str) -> list[signal.Signals]:
    """Those of the names that this system has: Windows has no SIGHUP."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


@contextlib.contextmanager
def handling(numbers: Sequence[int], handler: Callable[..., Any]) -> Iterator[Callable[[], None]]:
    """Signals are the handler's within the block, or until what is yielded is called.

    What is ignored stays so (nohup, SIGHUP), but for SIGINT, which shells ignore for what runs in
    the background, and SIGPIPE, which Python does. Outside the main thread nothing is changed.
    """
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, old in before.items():
            signal.signal(number, old)

    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            ignored = signal.getsignal(number) is signal.SIG_IGN
            if not ignored or number in (signal.SIGINT, SIGPIPE):
                before[number] = signal.signal(number, handler)
    try:
        yield restore
    finally:
        restore()
