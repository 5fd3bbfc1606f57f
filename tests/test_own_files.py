"""A model in a file of one's own: trained, sampled, explained; what is wrong with it is named."""

import math
import sys

import pytest
import tensorflow as tf

import tfgen
from train import usage
from tests.conftest import ROOT
from tests.support import fenced, runs
from tfgen import settings
from tfgen.errors import UserError

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
OWN = '''
"""A VAE whose KL term counts `double` times."""
import dataclasses

import keras

from tfgen import settings
from tfgen.declared import Weight
from tfgen.models import VAE


@keras.saving.register_keras_serializable("mine")
class MyVAE(VAE):
    """A VAE.

    Args:
      double: the weight of the KL term.
    """

    def __init__(self, image_shape, levels, seed=0, double: Weight = 2.0, **kwargs):
        super().__init__(image_shape, levels, seed, **kwargs)
        self.double = double
        self.kl_term = dataclasses.replace(self.kl_term, weight=double)


def get_config():
    config = settings.defaults()
    config.steps, config.log_every, config.save_every = 20, 10, 20
    config.model.width = 8
    config.optimizers.vae = settings.adam(1e-3)
    return config
'''


@pytest.mark.slow
def test_the_vae_of_the_page_from_text_to_figures(tmp_path, monkeypatch):
    """Trained by the command in a folder that is no checkout, and sampled."""
    (tmp_path / "my_vae.py").write_text(fenced.file(CONTRIBUTING, "my_vae.py"))
    arguments = ["-m", "train.run", "--model=./my_vae.py", "--config.model.width=8"]
    arguments += ["--config.steps=20", "--config.log_every=10", "--config.save_every=20"]
    done = runs.run([sys.executable, *arguments], cwd=tmp_path, more={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "my_vae-digits"
    monkeypatch.chdir(tmp_path)
    done = runs.here("export.sample", f"--from={run}", "--seeds=0:4")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "grid.png").exists()
    for name in ("samples", "reconstructions", "codes", "interpolation"):
        assert (run / "figures" / f"{name}.png").exists(), name
    model = tfgen.load(run).model
    assert model.width == 8
    # Draws and density are of one prior: the mean of -log p is its entropy, 1 + log 2 a unit.
    surprise = -model.make_prior().unit_log_prob(model.draw_prior(tf.range(4000))).numpy()
    assert surprise.mean() == pytest.approx(1 + math.log(2), abs=4 / math.sqrt(surprise.size))


@pytest.mark.slow
def test_the_gan_of_the_page_from_text_to_figures(tmp_path):
    file = tmp_path / "my_gan.py"
    file.write_text(fenced.file(CONTRIBUTING, "my_gan.py"))
    changes = {"model.width": 8, "log_every": 10, "save_every": 20}
    run = tfgen.train(str(file), steps=20, workdir=tmp_path / "run", settings=changes)
    assert (run / "figures" / "samples.png").exists()
    # Pearson's divergence of p = (3/4, 1/4) from q = (1/2, 1/2) is 1/4: T = 2 (p / q - 1) finds it.
    p, q = tf.constant([0.75, 0.25]), tf.constant([0.5, 0.5])
    T, loss = 2.0 * (p / q - 1.0), run.model.objective.d_loss
    value = tf.reduce_sum(-p * loss(T, tf.zeros(2)) - q * loss(tf.zeros(2), T))
    assert float(value) == pytest.approx(0.25)


def test_settings_of_ones_own_are_explained_and_checked(tmp_path):
    file = tmp_path / "my_vae.py"
    file.write_text(OWN)
    help_text = usage.help_text("", str(file), settings.find(str(file)))
    assert "--config.model.double=2.0" in help_text
    assert "weight of the KL term" in help_text
    with pytest.raises(UserError, match=r"`model\.double` is -1\.0, but must be 0 or more"):
        tfgen.train(str(file), settings={"model.double": -1.0})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import keras\nx = undefined\n", r"line 2: NameError: name 'undefined'"),
        ("def get_config(:\n", r"line 1: SyntaxError"),
        (OWN.replace("def get_config", "def config"), r"has no get_config\(\)"),
        (
            "from tfgen import settings\n" + OWN[OWN.index("def get_config") :],
            r"must define one model.*defines none",
        ),
        (OWN + OWN.replace("MyVAE", "Other"), r"must define one model.*MyVAE, Other"),
        (OWN.replace("Weight = 2.0", "list = ()"), r"double is declared as list"),
    ],
)
def test_what_is_wrong_with_a_file_of_ones_own(text, words, tmp_path):
    file = tmp_path / f"own_{abs(hash(text))}.py"
    file.write_text(text)
    with pytest.raises(UserError, match=words):
        tfgen.train(str(file), "digits", workdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_not_there():
    with pytest.raises(UserError, match=r"there is no file .*nowhere\.py: a model's name"):
        tfgen.train("./nowhere.py")
