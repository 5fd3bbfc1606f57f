"""Random numbers, sets of vectors that metrics compare, and their distances by brute force."""

import math

import numpy as np


def sets(random, n=120, m=90, d=5):
    return random.normal(size=(n, d)), random.normal(0.5, 1.3, size=(m, d))


def brute_force(a, b):
    return np.array([[math.dist(x, y) for y in b] for x in a])


def noise(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
