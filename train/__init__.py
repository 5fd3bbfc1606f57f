"""How to train: the command, the loop, checkpoints."""
