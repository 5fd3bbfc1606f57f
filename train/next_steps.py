"""What a run has left, and the commands that come next."""

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfgen.run import Run


def text(run: "Run") -> str:
    model, where = run.model, shlex.quote(run.dir.address)
    samples = model.can("sample")
    if samples:
        use = [
            f"  python -m export.sample --from={where} --seeds=0:64 --out=grid.png",
            f"  python -m export.demo --workdir={where} --out=site        a page that runs it",
        ]
    else:
        use = [f"  python -m train.translate --workdir={where} --images=FOLDER --out=FOLDER"]
    shown = run.dir.figures / ("samples.png" if samples else "translations.png")
    lines = [
        "",
        f"  run directory  {where}",
        f"  samples        {run.dir.shown(shown)}",
        f"  figures        {run.dir.shown(run.dir.figures)}",
        f"  model          {run.dir.shown(run.dir.model)}",
        f"  model card     {run.dir.shown(run.dir.card)}",
        "",
        "Next:",
        f"  python -m train.evaluate --workdir={where}                what it is worth",
        *use,
        f"  python -m export.saved_model --workdir={where}            for TensorFlow Serving",
        f"  python -m export.tflite --workdir={where}                 for devices",
    ]
    return "\n".join(lines)
