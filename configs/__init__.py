"""What to run: one file a model, each with `get_config()`; TensorFlow is not needed to read it."""
