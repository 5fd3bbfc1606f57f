"""Rate and distortion by the weight of the KL term: what a code costs, and what it is worth.

    python -m benchmarks.rates --betas=0.1,0.3,1,3,10

    rate        E_x KL(q(z|x) || p(z))
    distortion  -E_x E_q log p(x|z)          Alemi et al. 2018, section 3

in nats per image, on the validation split: rate + distortion is the negative ELBO, which beta = 1
alone makes least. A beta_vae is trained for each beta with the steps of its config, or --steps.
Writes benchmarks/results/rates-<data>.json after each, goes on from there, and a plot, .png.
"""

import argparse
import json
import sys

from benchmarks.table import RESULTS, word
from tfgen import command, startup
from tfgen.errors import UserError
from tfgen.files import atomic, write_text

BETAS = "0.1,0.2,0.5,1,2,5,10"


def main(argv=None):
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rates")
    parser.add_argument("--data", default="digits", help="a data set (digits)")
    parser.add_argument("--betas", default=BETAS, help=f"with commas ({BETAS})")
    parser.add_argument("--steps", type=int, default=0, help="of each run (the config's)")
    parser.add_argument("--seed", type=int, default=0, help="of each run (0)")
    parser.add_argument("--runs", default="runs/rates", help="where runs go (runs/rates)")
    return command.status(_run, parser.parse_args(argv))


def _run(options):
    betas = sorted(positive(text) for text in options.betas.split(","))
    path = RESULTS / f"rates-{word(options.data)}.json"
    how = {"data": options.data, "steps": options.steps, "seed": options.seed}
    content = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if {key: content.get(key) for key in how} != how:
        content = how | {"points": []}
    known = {point["beta"] for point in content["points"]}
    for beta in betas:
        if beta not in known:
            content["points"].append(measured(beta, options))
            content["points"].sort(key=lambda point: point["beta"])
            write_text(path, json.dumps(content, indent=1) + "\n")
        print("\n".join(lines(content["points"])), flush=True)
    plot(content, path.with_suffix(".png"))
    print(f"wrote {path} and, beside it, .png")


def positive(text):
    """A beta.  Raises: UserError for what is no number above 0."""
    try:
        beta = float(text)
    except ValueError:
        beta = 0.0
    if not 0.0 < beta < float("inf"):
        raise UserError(f"--betas: {text!r} is no number above 0.")
    return beta


def measured(beta, options):
    """{"beta", "rate", "distortion"} of a run, which is trained if it is not there."""
    with startup.loading_tensorflow():
        import tensorflow  # noqa: F401

    import tfgen
    from tfgen import data, evaluation

    settings = {"model.beta": beta, "model.capacity": 0.0, "seed": options.seed}
    run = tfgen.train(
        "beta_vae",
        options.data,
        workdir=f"{options.runs}/{word(options.data)}-{beta:g}-{options.steps}-{options.seed}",
        steps=options.steps or None,
        settings=settings,
        verbose=False,
    )
    terms = evaluation.mean_terms(run.model, data.arrays(run.validation))
    return {"beta": beta, "rate": terms["kl"], "distortion": terms["distortion"]}


def lines(points):
    """A table for the terminal."""
    yield f"{'beta':>8}{'rate':>10}{'distortion':>12}{'sum':>10}"
    for p in points:
        total = p["rate"] + p["distortion"]
        yield f"{p['beta']:8g}{p['rate']:10.2f}{p['distortion']:12.2f}{total:10.2f}"


def plot(content, path):
    """The curve, each beta beside its point, and the line of the least sum: a PNG."""
    from matplotlib.figure import Figure

    points = content["points"]
    figure = Figure(figsize=(5.4, 4.2), layout="constrained")
    axes = figure.subplots()
    rates, distortions = ([p[key] for p in points] for key in ("rate", "distortion"))
    axes.plot(rates, distortions, "o-", color="#b4431f")
    for p in points:
        axes.annotate(
            f"{p['beta']:g}", (p["rate"], p["distortion"]), xytext=(6, 4),
            textcoords="offset points", fontsize=9,
        )  # fmt: skip
    least = min(r + d for r, d in zip(rates, distortions, strict=True))
    ends = [min(rates), max(rates)]
    axes.plot(ends, [least - r for r in ends], "--", color="#9b9da1", linewidth=1, zorder=0)
    axes.set(
        xlabel="rate, nats", ylabel="distortion, nats",
        title=f"beta_vae on {content['data']}, by beta; dashed: the least sum",
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=130)


if __name__ == "__main__":
    sys.exit(main())
