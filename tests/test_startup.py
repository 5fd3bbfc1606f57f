"""What a process needs before it works."""

import os
import signal
from pathlib import Path

import keras
import pytest

from tfgen import startup
from tfgen.errors import Notice, UserError


@pytest.mark.parametrize(
    ("name", "other"),
    [("floatx", "float64"), ("image_data_format", "channels_first"), ("epsilon", 1e-3)],
)
def test_keras_is_as_models_want_it_whatever_keras_json_says(name, other):
    getattr(keras.config, f"set_{name}")(other)
    with pytest.warns(Notice, match=f"{name}={other}"):
        startup.set_up_keras()
    assert getattr(keras.config, name)() == startup.KERAS[name]


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(UserError, match="backend torch"):
        startup.set_up_keras()


def test_a_user_without_a_home_gets_a_temporary_one(monkeypatch, tmp_path):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("HOME", "")
    monkeypatch.setattr(startup.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.warns(Notice, match="no home directory"):
        startup.find_home()
    assert Path(os.environ["HOME"]).parent == tmp_path


def test_what_nohup_ignores_stays_ignored():
    found = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        numbers = (signal.SIGHUP, signal.SIGTERM)
        with startup.handling(numbers, lambda number, _: found.append(number)):
            for number in numbers:
                signal.raise_signal(number)
        assert found == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("own", [None, "false"])
def test_a_process_takes_no_more_of_a_gpu_than_it_needs_unless_told_otherwise(monkeypatch, own):
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    if own:
        monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", own)
    with startup.loading_tensorflow():
        assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == (own or "true")
