"""What training alone reads: checkpoints hold it, model files do not.

A checkpoint is for going on, exactly, and holds every weight. A model file is for who samples,
encodes and measures: it holds what those read, which is

    kept      networks, D among them (`test_step` measures with it); the step (stages and schedules
              are functions of it); averages that the next step needs (VQ-VAE's); numbers that
              a loss or a density has in it (BEGAN's k, log Z, a machine's offsets); statistics that
              networks are evaluated with (batch norm's, the vector of a spectral norm)
    left out  images and chains that training goes back to (CycleGAN's pools, PCD's particles); sums
              whose result is a weight of its own (PCA's, which begin anew when a model from a file
              is trained on); the log's open interval

Files written before that have all of it, and load as they did.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


class TrainingState:
    """A model or a layer, before Keras' class, that leaves its `training_only` out of files."""

    # Keras'.
    name: str
    _trainable_variables: "list[keras.Variable]"
    _non_trainable_variables: "list[keras.Variable]"

    def training_only(self) -> "list[keras.Variable]":
        """Those of its own weights that nothing but `train_step` and the log reads."""
        return []

    def _by_key(self) -> "dict[str, keras.Variable]":
        """{key in a file: weight} as Keras numbers them, so that older files fit."""
        own = self._trainable_variables + self._non_trainable_variables
        return {str(i): weight for i, weight in enumerate(own)}

    def save_own_variables(self, store: Any) -> None:
        left_out = {id(weight) for weight in self.training_only()}
        for key, weight in self._by_key().items():
            if id(weight) not in left_out:
                store[key] = weight

    def load_own_variables(self, store: Any) -> None:
        """Raises: ValueError for a file of another model."""
        left_out = {id(weight) for weight in self.training_only()}
        own, given = self._by_key(), set(store.keys())
        wanted = {key for key, weight in own.items() if id(weight) not in left_out}
        if not wanted <= given <= set(own):
            raise ValueError(
                f"{self.name} has the weights {[weight.name for weight in own.values()]}, and the "
                f"file has {len(given)} others in their place."
            )
        for key in given:
            own[key].assign(store[key])
