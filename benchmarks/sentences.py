"""The sentences beneath a table: what was measured how, and what its numbers can tell apart."""

from benchmarks import reading
from tfgen import models
from tfgen.metrics import catalogue, diagnosis
from tfgen.reports.report import title


def caption(table):
    """What was measured how, and what was trained by other settings than its config has."""
    return f"*{_about(table)}{_given(table)}*"


def _about(table):
    data, protocol = table["protocol"]["data"], table["protocol"]
    first = f" of the first {protocol['nll_n']:,}" if protocol.get("nll_n") else ""
    accuracy = ", ".join(f"{100 * v:.1f} %" for v in table["features"]["accuracy"].values())
    seeds = sorted({row["seeds"] for row in table["models"].values()})
    over = f"mean ± standard deviation over {' or '.join(map(str, seeds))} seeds."
    if seeds == [1]:
        over = "one seed."
    if reading.columns(table) is reading.LIKELIHOODS:
        return (
            f"`{data}`, split `{protocol['split']}`; {over} Nats per image{first}. Of lower "
            f"bounds the NLL is one from above, by {protocol['k']:,} draws{_one_term(table)}."
        )
    if reading.columns(table) is reading.TRANSLATIONS:
        return (
            f"`{data}`, split `{protocol['split']}`; {over} No image of X is in Y. Error: mean "
            "absolute difference of a pixel from the true translation. FDC, where it is: in the "
            "features of a classifier of that domain. What is called best or paired was fitted to "
            "true translations."
        )
    if reading.columns(table) is reading.CAPTIONS:
        return (
            f"`{data}`, split `{protocol['split']}`, whose captions training never showed; {over} "
            "Shares of samples that show what was said, read by a classifier of real images, half "
            "of them blurred, noisy, brighter or darker; R-precision among 100 captions."
        )
    if reading.columns(table) is reading.CODES:
        return (
            f"`{data}`, codes of the split `{protocol['split']}`, but MIG and the FactorVAE "
            f"score, which need more images, of the training split, `{protocol['train']}`; {over}"
        )
    likelihood = (
        f"NLL in nats per image{first}, for lower bounds from above by {protocol['k']:,} "
        f"importance samples{_one_term(table)}. "
    )
    features = (
        f"a fixed classifier of the hash `{protocol['features_hash'][:8]}` ({accuracy} right on "
        "this split)"
        if accuracy
        else protocol["features"]
    )
    return (
        f"`{data}`, split `{protocol['split']}`: {protocol['n']} samples against as many held-out "
        f"images; {over} {likelihood if reading.measured(table, 'nll') else ''}"
        f"{table['features']['distance']}: Frechet distance in the features of {features}. s, MB: "
        "training on a core or two (no s where it is not known), at its peak."
    )


def _given(table):
    """Which models were trained by other settings than their config has, as a sentence."""
    rows = [
        f"`{name}` " + " ".join(f"{key}={value}" for key, value in row["given"].items())
        for name, row in reading.rows_of(table)
        if row.get("given")
    ]
    return f" Settings that are not those of the config: {', '.join(rows)}." if rows else ""


def _one_term(table):
    """Which models have a bound without draws, as part of a sentence."""
    names = [
        f"`{name}`"
        for name, row in reading.rows_of(table)
        if (row["nll_kind"] or "").startswith("upper bound") and "k =" not in row["nll_kind"]
    ]
    return f", of {', '.join(names)} by one term" if names else ""


def ranks(table, keys):
    """Sentences on what the numbers can tell apart, and on what samples are."""
    if not any(reading.best_of(table, key) for key in keys):
        return
    yield (
        "Bold: the best of a column, and what is not distinguishable from it by intervals of 95 % "
        "over seeds and samples."
    )
    if table.get("floor_errors") and any("errors" not in r for _, r in reading.rows_of(table)):
        yield (
            "Rows whose errors over samples were not kept take those of the row of real images, "
            "as far as it has them."
        )
    for key in keys:
        names = reading.at_the_floor(table, key)
        if names and catalogue.METRICS[key].better:
            listed = ", ".join(f"`{name}`" for name in names)
            yield f"Not distinguishable from real images by {title(table, key)}: {listed}."
    means = [name for name, _ in reading.rows_of(table) if _of_means(name)]
    if means and "frechet" in keys:
        listed = ", ".join(f"`{name}`" for name in means)
        yield (
            f"Samples of {listed} are means of p(x\\|z), while their likelihood is of p(x), whose "
            "draws have rows of their own where they were measured."
        )
    if table["protocol"]["k"] and any(key == "neg_elbo" for key in keys):
        yield (
            "Negative ELBO: of the model as it samples, with its own prior and a weight of 1, "
            "whatever bound was trained."
        )
        draws = [r["metrics"].get("bound_error") for _, r in reading.rows_of(table)]
        known = [max(d["values"]) for d in draws if d]
        if known:
            yield (
                f"≤: an upper bound, which other draws would move by {max(known):.2f} nats at most "
                "(standard error, of the rows that kept it)."
            )


def _of_means(name):
    """Whether samples of a model are means of a distribution that its likelihood is of."""
    return callable(getattr(models.find(name), "sample_draws", None))


def of_log_z(name, row):
    """A sentence on the estimate of Z that a row's NLL has in it, if it has."""
    metrics = row["metrics"]
    if not metrics.get("nll_reverse"):
        return
    error, chains = metrics.get("log_z_error"), metrics.get("log_z_chains")
    known = "error and effective chains were not kept"
    if error and chains:
        known = (
            f"error {max(error['values']):.3f} at most, from "
            f"{min(chains['values']):.0f} effective chains of 256 at least"
        )
    ways = [metrics[key]["values"] for key in ("nll", "nll_reverse")]
    # Where errors were not kept, as if each had been a thirtieth of a nat.
    errors = error["values"] if error else [1 / 30] * len(ways[0])
    rows = enumerate(zip(*ways, errors, strict=True))
    inverted = [i for i, values in rows if diagnosis.contradicted(*values)]
    order = f"; the NLL by reverse AIS is {metrics['nll_reverse']['mean']:.2f}"
    if inverted:
        seeds = ", ".join(map(str, inverted))
        order += f", and below the other in seed {seeds}: there one of them is wrong"
    yield f"`{name}`: {known}{order}."
