"""Loading TensorFlow without its greetings."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def loading_tensorflow():
    """Holds back what TensorFlow's C++ says on stderr while it loads and finds its devices.

    It reports there which instructions and drivers it has, before any level can be set, and
    buries the one line that a user should read. If the block fails, everything is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(stderr, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
