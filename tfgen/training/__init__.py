"""Training: the loop, checkpoints, validation, optimizers."""
