"""How functions are compiled here: traced as they stand."""

import functools

import tensorflow as tf

# No model branches in Python on a tensor, so AutoGraph would rewrite every function and change
# none. Keras traces a step and an export without it; with it a first trace takes three times as
# long.
compiled = functools.partial(tf.function, autograph=False, reduce_retracing=True)
