"""Where a model trains: cores, GPUs, replicas."""

import contextlib
import functools
import pathlib
from typing import Any

import tensorflow as tf

from tfgen import startup
from tfgen.errors import UserError


def use_cores() -> None:
    """An op for each core where there are two of them, rather than both cores for each op.

    The ops of small networks are too short to be divided: a step takes a tenth less time. It holds
    for the process, and only before TensorFlow has computed anything.
    """
    if startup.cores() != 2 or tf.config.list_physical_devices("GPU"):
        return
    try:
        tf.config.threading.set_inter_op_parallelism_threads(2)
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError:
        pass  # a notebook has computed something already


def free_memory() -> int | None:
    """Bytes that a process can still have, of the machine or its container; None if not known."""
    meminfo = pathlib.Path("/proc/meminfo")
    if not meminfo.exists():
        return None
    lines = dict(line.split(":") for line in meminfo.read_text("utf-8").splitlines())
    found = [int(lines["MemAvailable"].split()[0]) * 1024]
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):  # "max" is no limit
            group = pathlib.Path("/sys/fs/cgroup")
            whole, now = (int((group / name).read_text("utf-8")) for name in (limit, used))
            found.append(whole - now)
    return min(found)


MOST_ON_A_CPU = 64  # TensorFlow takes a while for each, and forever for a million


def make_strategy(replicas: int, workers: int = 1) -> tf.distribute.Strategy | None:
    """A MirroredStrategy for several replicas, None for one; for several workers, whose addresses
    stand in TF_CONFIG, one for all their replicas.

    Raises: UserError for more replicas than GPUs, or than a CPU is divided into.
    """
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # A model that a user made is on the GPU already, with the memory that TensorFlow took.
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    count = replicas or max(1, len(gpus))
    if gpus and count > len(gpus):
        raise UserError(f"`replicas` is {count}, but there are {len(gpus)} GPUs.")
    if not gpus and count > MOST_ON_A_CPU:
        raise UserError(
            f"`replicas` is {count}, but there are no GPUs, and a CPU is divided into "
            f"{MOST_ON_A_CPU} replicas at most, to try a training of several out: 0 is one for all."
        )
    if workers > 1:
        return _of_workers(tuple(gpus[:count]), count)
    if count == 1:
        return None
    if not gpus:
        # Replicas for want of GPUs: slower than one CPU device, but the same arithmetic.
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * count
        try:
            tf.config.set_logical_device_configuration(cpu, logical)
        except RuntimeError:
            raise UserError(
                f"`replicas={count}` on a CPU is to be asked for before TensorFlow computes "
                "anything: in a new process."
            ) from None
    kind = "GPU" if gpus else "CPU"
    return tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(count)])


def count(replicas: int) -> str:
    """How many devices this process trains on, and of which kind: "2 GPU"."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    return f"{replicas or max(1, gpus)} {'GPU' if gpus else 'CPU'}"


@functools.cache
def _of_workers(gpus: tuple[Any, ...], count: int) -> tf.distribute.Strategy:
    """One for the life of a process, made when all workers make theirs."""
    if not gpus and count > 1:
        raise UserError(
            f"`replicas` is {count}, and without GPUs each of several workers has one: set "
            "`replicas=1`."
        )
    kinds = tf.distribute.experimental.CommunicationImplementation
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=kinds.AUTO if gpus else kinds.RING
    )
    try:
        if gpus:
            tf.config.set_visible_devices(list(gpus), "GPU")
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except RuntimeError:
        raise UserError(
            "several workers are connected before TensorFlow computes anything: in a new process, "
            "with data that have a name or are NumPy arrays."
        ) from None
