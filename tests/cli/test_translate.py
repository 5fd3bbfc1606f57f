"""From a run to translated pictures, by commands."""

import pytest

from tests.support import runs
from tests.support.pictures import pictures


@pytest.mark.slow
@pytest.mark.usefixtures("hasty_judges")
def test_the_commands_from_a_run_to_translated_pictures(tmp_path):
    """Some 20 s: a run, its evaluation and its export, calibrated on its images."""
    run = tmp_path / "run"
    done = runs.train("cyclegan", run, data__validation="validation", steps=10)
    assert done.returncode == 0, done.stderr
    assert "train.translate" in done.stdout
    command = runs.here
    done = command("train.evaluate", f"--workdir={run}")
    assert done.returncode == 0, done.stderr
    assert "labels kept X to Y" in done.stdout
    assert "Translations" in (run / "report.html").read_text()
    given, out = pictures(tmp_path / "given", 3), tmp_path / "out"
    done = command(
        "train.translate", f"--workdir={run}", f"--images={given}", f"--out={out}", "--to=X"
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in out.iterdir()) == ["0.png", "1.png", "2.png", "comparison.png"]
    assert (run / "figures" / "translations.png").exists()
    done = command("export.tflite", f"--workdir={run}", "--precisions=int8")
    assert done.returncode == 0, done.stderr
    for module, arguments, said in (
        ("export.sample", [f"--from={run}"], "makes images of images, not of seeds"),
        (
            "export.demo",
            [f"--workdir={run}", f"--out={tmp_path / 'site'}"],
            "makes images of images",
        ),
        (
            "train.translate",
            [f"--workdir={run}", f"--images={given}", f"--out={out}"],
            "is not an empty folder",
        ),
    ):
        done = command(module, *arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
