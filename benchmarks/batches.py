"""What many samples cost: one loop in one process, and the workers of `export.batch`.

python -m benchmarks.batches --from=runs/dcgan-digits --seeds=20000 [--ways=loop,1,2] [--format=png]

Seconds by the clock and of processors, from start to end of the process with its workers; the
memory of all its processes at its peak, and of the largest alone. Needs `pip install -e '.[beam]'`.
"""

import argparse
import subprocess
import sys
import tempfile
import time

import psutil

LOOP = """
import sys
from tfgen import startup
startup.one_thread()
from tfgen.exporting import batch, maker
from tfgen.shards.folder import Folder
source, seeds, out, kind = sys.argv[1:]
folder = Folder(out)
folder.begin(*batch.prepared(source, range(int(seeds)), kind))
make = maker.Maker(source, out)
for index in range(make.plan.shards):
    make(index)
folder.finish()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="source", required=True)
    parser.add_argument("--seeds", type=int, default=20_000)
    parser.add_argument("--ways", default="loop,1,2", help="loop, or a number of workers")
    parser.add_argument("--format", default="tfrecord")
    options = parser.parse_args()
    print("way        seeds   seconds  per second  CPU seconds   MB in all  MB of the largest")
    for way in options.ways.split(","):
        with tempfile.TemporaryDirectory() as out:
            seconds, cpu, whole, largest = measured(command(options, way, f"{out}/out"))
        print(
            f"{way:6} {options.seeds:9,} {seconds:9.1f} {options.seeds / seconds:11,.0f}"
            f" {cpu:12.1f} {whole / 1e6:11,.0f} {largest / 1e6:18,.0f}",
            flush=True,
        )


def command(options: argparse.Namespace, way: str, out: str) -> list[str]:
    if way == "loop":
        arguments = [options.source, str(options.seeds), out, options.format]
        return [sys.executable, "-c", LOOP, *arguments]
    return [
        *(sys.executable, "-m", "export.batch", f"--from={options.source}", f"--out={out}"),
        *(f"--seeds=0:{options.seeds}", f"--format={options.format}", f"--workers={way}"),
    ]


def measured(arguments: list[str]) -> tuple[float, float, int, int]:
    """(seconds, CPU seconds, bytes of all processes at the peak, of the largest)."""
    start = time.monotonic()
    process = psutil.Popen(arguments, stdout=subprocess.DEVNULL)
    whole = largest = 0
    cpu: dict[int, float] = {}  # of each process, as it was last seen
    while process.poll() is None:
        sizes = []
        for one in [process, *children(process)]:
            try:
                with one.oneshot():
                    sizes.append(one.memory_info().rss)
                    times = one.cpu_times()
                    cpu[one.pid] = times.user + times.system
            except psutil.Error:  # it has ended meanwhile
                continue
        whole, largest = max(whole, sum(sizes)), max([largest, *sizes])
        time.sleep(0.2)
    assert process.returncode == 0
    return time.monotonic() - start, sum(cpu.values()), whole, largest


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


if __name__ == "__main__":
    main()
