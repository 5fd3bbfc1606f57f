"""What a LiteRT file costs in this process, and how far it is from Keras. Needs no TensorFlow."""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfgen.errors import UserError

if TYPE_CHECKING:
    import os


# Of images; below it another one is seen.
LEAST_PSNR = 30


def measure(
    path: "str | os.PathLike",
    inputs: Mapping[str, np.ndarray],
    expected: np.ndarray,
    batch: int,
    judge: Callable[[np.ndarray], np.ndarray] | None = None,
) -> dict[str, float]:
    """What a file costs and how far it is from Keras: a dict of numbers.

    Args:
      inputs: {name: array} of at least a batch, as `golden.request` gives them.
      expected: what Keras makes of them.
      judge: gives images [N, H, W, C] a class; "same class" is the share of samples that it finds
        to be of the same class as Keras' sample of the same seed.
    """
    row = {"kB": Path(path).stat().st_size / 1000}
    for threads in (1, 2):
        sample, _ = runner(path, threads)
        images, seconds = [], []
        for first in range(0, len(expected) - batch + 1, batch):
            rows = [value[first : first + batch] for value in inputs.values()]
            sample(*rows)
            for _ in range(5):
                began = time.perf_counter()
                image = sample(*rows)
                seconds.append(time.perf_counter() - began)
            images.append(image)
        seconds.sort()
        row[f"p50 us, {threads} thr"] = 1e6 * statistics.median(seconds)
        row[f"p95 us, {threads} thr"] = 1e6 * seconds[int(0.95 * len(seconds))]
    made = np.concatenate(images)
    expected = expected[: len(made)]
    difference = np.abs(made - expected)
    row["max diff"], row["mean diff"] = difference.max(), difference.mean()
    row["PSNR dB"] = -10 * np.log10(max(np.square(difference).mean(), 1e-20))
    if judge:
        row["same class %"] = 100 * np.mean(judge(made) == judge(expected))
    return row


def runner(path: "str | os.PathLike", threads: int = 1) -> tuple[Callable[..., np.ndarray], int]:
    """(the file's first function, of a static batch of arrays; that batch's size).

    `sample`, of seeds and, where there is one, a condition; else `translate_xy`, of images. Needs
    no TensorFlow.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    samples = "sample" in interpreter.get_signature_list()
    signature = interpreter.get_signature_runner("sample" if samples else "translate_xy")
    inputs = signature.get_input_details()
    names = sorted(inputs, key=lambda name: name != "seed")  # the seed first

    def run(*given: np.ndarray) -> np.ndarray:
        if len(given) != len(names):
            raise UserError(
                f"{path} makes images from {' and '.join(names)}; given: {len(given)} of these."
            )
        return signature(**dict(zip(names, given, strict=True)))["image"]

    return run, int(inputs[names[0]]["shape"][0])


def table(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """{precision: {column: number}} -> lines; with words where a file is slower."""
    columns = list(next(iter(rows.values())))
    lines = ["  ".join([f"{'':9}", *(f"{c:>14}" for c in columns)])]
    for precision, row in rows.items():
        values = (f"{row[c]:14.2g}" if "diff" in c else f"{row[c]:14.1f}" for c in columns)
        lines.append("  ".join([f"{precision:9}", *values]))
    if "float32" in rows:
        for precision, row in rows.items():
            ratio = row["p50 us, 1 thr"] / rows["float32"]["p50 us, 1 thr"]
            if ratio > 1.1:
                lines.append(f"{precision} is {ratio:.1f} times slower than float32 here.")
    return lines
