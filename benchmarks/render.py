"""A table of results as Markdown for README.md or RESULTS.md, as a page, and as a plot.

    python -m benchmarks.render

writes the tables of both documents anew from benchmarks/results, and trains nothing: so a new model
has its row, which says that it is not yet measured.
"""

import html
import math

from benchmarks.published import PUBLISHED
from benchmarks.table import CAS_ROWS, RESULTS, ROOT, models_of, of_file
from tfgen import models, settings
from tfgen.files import atomic, write_text
from tfgen.metrics import catalogue, diagnosis, errors
from tfgen.reports import page, report
from tfgen.reports.report import ARROWS, title

# Each table stands between marks in one of these.
DOCUMENTS = [ROOT / name for name in ("README.md", "RESULTS.md")]
# The taxonomy of Goodfellow 2016 (tutorial, figure 9), from exact densities to none.
ORDER = ("exact", "lower bound", "estimate", "implicit")
COLUMNS = ("nll", "neg_elbo", "frechet", "precision", "recall", "coverage", "mse", "knn")
# Where likelihoods alone were measured.
LIKELIHOODS = (
    *("nll", "nll_reverse", "log_z_error", "log_z_chains", "neg_elbo", "bits_per_dim"),
    "kl_to_truth",
)
# Where codes alone were measured.
CODES = (
    *("mse", "kl", "active_units", "mig", "dci_disentanglement", "dci_completeness"),
    *("dci_informativeness", "factor_vae", "sap"),
)
# Of models between two domains.
TRANSLATIONS = (
    *("translation_error_y", "translation_error_x", "labels_kept_y", "labels_kept_x"),
    *("frechet_y", "frechet_x", "cycle_error"),
)
# Of models of text.
CAPTIONS = (
    *("caption_shape", "caption_colour", "caption_scale", "caption_position", "caption_all"),
    *("r_precision", "word_obeyed", "word_kept", "seeds_differ", "frechet"),
)
# Of the GAN family, below the main table: what else is known of samples.
SAMPLES = (
    *("frechet", "kid", "density", "coverage", "class_entropy", "rarest_class", "copies"),
    *("two_sample", "label_accuracy", "cas", "cluster_ari"),
)
# Student's t of 95 % by the number of seeds.
STUDENT = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
BEGIN, END = "<!-- table of {} -->", "<!-- end of table -->"
FAMILY = "<!-- table of the GANs -->"
# What the README shows: of each family, those to begin with.
TEN, SHOWN = "<!-- ten of {} -->", ("nll", "frechet", "precision", "recall")
CHOSEN = (
    *("pixelcnn", "realnvp", "vae", "cvae", "vq_vae", "rbm", "gan", "dcgan", "conditional_gan"),
    "wgan_gp",
)


def rows_of(table):
    """Models in the order of the taxonomy, then of their names; those of older versions last."""
    return sorted(
        table["models"].items(),
        key=lambda item: (-item[1].get("version", 1e9), ORDER.index(item[1]["density"]), item[0]),
    )


def label(name, row):
    """The name, and of what version of the definitions if not of the table's own."""
    return f"{name} (version {row['version']})" if "version" in row else name


def columns(table):
    """The metrics that the table shows."""
    for kind in (TRANSLATIONS, CAPTIONS):
        if _measured(table, kind[0]):
            return kind
    if _measured(table, "frechet"):
        return COLUMNS
    return LIKELIHOODS if _measured(table, "nll") else CODES


def _measured(table, key):
    return any(key in row["metrics"] for row in table["models"].values())


def cell(key, found):
    """ "85.76 ± 0.12" """
    if found is None:
        return ""
    text = catalogue.text(key, found["mean"])
    return text if found["std"] is None else f"{text} ± {catalogue.text(key, found['std'])}"


def marked(table, key, row, best):
    """The cell of a row: a bound says its direction, the best and what it is not told from is bold.

    best: (number, half of its interval) of the column, see `best_of`.
    """
    found = row["metrics"].get(key)
    text = cell(key, found)
    if key == "nll" and text and (row["nll_kind"] or "").startswith("upper bound"):
        text = f"≤ {text}"
    if not text or best is None:
        return text
    return f"**{text}**" if alike(best, interval(table, key, row)) else text


def interval(table, key, row):
    """(mean, half of its 95 % interval) over seeds and over samples, or images, each by itself.

    Over seeds by Student's t. Over samples by the row's own error; rows from before there were any
    take the floor's, of a perfect model on as many images.
    """
    found = row["metrics"][key]
    of_seeds = 0.0
    if found["std"] is not None:
        seeds = len(found["values"])
        of_seeds = STUDENT.get(seeds, errors.WITHIN) * found["std"] / math.sqrt(seeds)
    of_images = row.get("errors", {}).get(key)
    if of_images is None and key in catalogue.ERRORS:
        measured = row["metrics"].get(catalogue.ERRORS[key])
        of_images = measured and measured["mean"]
    if of_images is None:
        of_images = table.get("floor_errors", {}).get(key, 0.0)
    return found["mean"], math.hypot(of_seeds, errors.WITHIN * of_images)


def alike(one, other):
    """Whether two numbers, (mean, half of the interval), are not distinguishable."""
    return abs(one[0] - other[0]) <= math.hypot(one[1], other[1])


def best_of(table, key):
    """(mean, half of its interval) of the best row of a column; None where none is better."""
    better = catalogue.METRICS[key].better
    found = [interval(table, key, row) for _, row in rows_of(table) if row["metrics"].get(key)]
    if not better or len(found) < 2:
        return None
    return (min if better == "lower" else max)(found)


def at_the_floor(table, key):
    """Names of the models that are not distinguishable from real images, at their best."""
    real = table["floor"].get(key), errors.WITHIN * table.get("floor_errors", {}).get(key, 0.0)
    if real[0] is None or not real[1]:
        return []
    return [
        name
        for name, row in rows_of(table)
        if row["metrics"].get(key) and alike(real, interval(table, key, row))
    ]


def real_row(table):
    """What the floor's row is called: it says what it is of."""
    if table["protocol"]["version"] < 3:
        return "real images: two draws of training images"
    return "real images: training against held-out ones"


def unmeasured(table):
    """Names of the models whose config trains on the data of a table that has no row of them."""
    return [name for name in models_of(table["protocol"]["data"]) if name not in table["models"]]


def markdown(table):
    """Lines: models, those without numbers last, then what others and trivial generators get."""
    data = table["protocol"]["data"]
    keys = [key for key in columns(table) if _measured(table, key)]
    heads = [title(table, k) + ARROWS[catalogue.METRICS[k].better] for k in keys]
    yield BEGIN.format(data)
    yield "| model | paper | density | " + " | ".join(heads) + " | parameters | s | MB |"
    yield "|---" * 3 + "|---:" * (len(keys) + 3) + "|"
    block = None
    best = {key: best_of(table, key) for key in keys}
    for name, row in rows_of(table):
        if row.get("version") != block:
            block = row["version"]
            said = f"*of version {block} of models or measures, to be measured again*"
            yield f"| {said} |" + " |" * (len(keys) + 5)
        cells = [marked(table, key, row, best[key]) for key in keys]
        paper, url = row["paper"]
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.0f}"
        yield (
            f"| [`{name}`](tfgen/models/{name}.py) | [{paper}]({url}) | {row['density']} | "
            + " | ".join(cells)
            + f" | {row['parameters']:,} | {seconds} | {row['peak_memory_mb']} |"
        )
        if row.get("draws"):
            cells = [cell(key, row["draws"].get(key)) for key in keys]
            yield f"| `{name}`, draws | | | " + " | ".join(cells) + " | | | |"
    for name in unmeasured(table):
        paper, url = models.find(name).paper
        said = f"| [`{name}`](tfgen/models/{name}.py) | [{paper}]({url}) | *not yet measured* |"
        yield said + " |" * (len(keys) + 3)
    for name, url, density, numbers in PUBLISHED.get(data, ()):
        cells = [catalogue.text(k, numbers.get(k)) for k in keys]
        yield f"| *{name}* | [code]({url}) | {density} | " + " | ".join(cells) + " | | | |"
    others = {real_row(table): table["floor"], **table["baselines"]}
    for name, numbers in others.items():
        if any(numbers.get(k) is not None for k in keys):
            cells = [catalogue.text(k, numbers.get(k)) for k in keys]
            yield f"| *{name}* | | | " + " | ".join(cells) + " | | | |"
    yield ""
    yield _caption(table)
    said = list(_ranks(table, keys))
    if said:
        yield ""
        yield f"*{' '.join(said)}*"
    estimates = [s for name, row in rows_of(table) for s in _of_log_z(name, row)]
    if estimates:
        yield ""
        yield (
            "*Z of Boltzmann machines is by AIS, on average too small: their NLL is too low and no "
            "bound, by an amount that is not known where chains do not meet all modes. "
            + " ".join(estimates)
            + "*"
        )
    yield END


def _ranks(table, keys):
    """Sentences on what the numbers can tell apart, and on what samples are."""
    if not any(best_of(table, key) for key in keys):
        return
    yield (
        "Bold: the best of a column, and what is not distinguishable from it by intervals of 95 % "
        "over seeds and samples."
    )
    if table.get("floor_errors") and any("errors" not in r for _, r in rows_of(table)):
        yield (
            "Rows whose errors over samples were not kept take those of the row of real images, "
            "as far as it has them."
        )
    for key in keys:
        names = at_the_floor(table, key)
        if names and catalogue.METRICS[key].better:
            listed = ", ".join(f"`{name}`" for name in names)
            yield f"Not distinguishable from real images by {title(table, key)}: {listed}."
    means = [name for name, _ in rows_of(table) if _of_means(name)]
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
        draws = [r["metrics"].get("bound_error") for _, r in rows_of(table)]
        known = [max(d["values"]) for d in draws if d]
        if known:
            yield (
                f"≤: an upper bound, which other draws would move by {max(known):.2f} nats at most "
                "(standard error, of the rows that kept it)."
            )


def _of_means(name):
    """Whether samples of a model are means of a distribution that its likelihood is of."""
    return callable(getattr(models.find(name), "sample_draws", None))


def _of_log_z(name, row):
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


def ten(table):
    """Lines: a few models by a few numbers, and real images, for who has not seen the whole."""
    yield TEN.format(table["protocol"]["data"])
    heads = [title(table, k) + ARROWS[catalogue.METRICS[k].better] for k in SHOWN]
    yield "| model | paper | " + " | ".join(heads) + " |"
    yield "|---" * 2 + "|---:" * len(SHOWN) + "|"
    best = {key: best_of(table, key) for key in SHOWN}
    for name in CHOSEN:
        row = table["models"][name]
        (paper, url), cells = row["paper"], [marked(table, k, row, best[k]) for k in SHOWN]
        yield f"| [`{name}`](tfgen/models/{name}.py) | [{paper}]({url}) | {' | '.join(cells)} |"
    cells = [catalogue.text(k, table["floor"].get(k)) for k in SHOWN]
    yield "| *real images* | | " + " | ".join(cells) + " |"
    yield ""
    yield (
        "*NLL in nats an image, for lower bounds (≤) from above. FDC: Frechet distance in a "
        "classifier's features. Mean ± standard deviation over 3 seeds; bold: the best of all "
        "models, and what is not distinguishable from it.*"
    )
    yield END


def family(table, names):
    """Lines: what is known of the samples of some models, beside real images."""
    keys = [key for key in SAMPLES if any(key in table["models"][n]["metrics"] for n in names)]
    heads = [title(table, k) + ARROWS[catalogue.METRICS[k].better] for k in keys]
    among = table | {"models": {name: table["models"][name] for name in names}}
    best = {key: best_of(among, key) for key in keys}
    yield FAMILY
    yield "| model | " + " | ".join(heads) + " |"
    yield "|---|" + "---:|" * len(keys)
    for name in names:
        yield (
            f"| `{name}`{label('', table['models'][name])} | "
            + " | ".join(marked(table, key, table["models"][name], best[key]) for key in keys)
            + " |"
        )
    others = {real_row(table): table["floor"], **table["baselines"]}
    for name, numbers in others.items():
        if name in ("memoriser", *CAS_ROWS) or numbers is table["floor"]:
            cells = [catalogue.text(key, numbers.get(key)) for key in keys]
            yield f"| *{name}* | " + " | ".join(cells) + " |"
    yield END


def _caption(table):
    data, protocol = table["protocol"]["data"], table["protocol"]
    accuracy = ", ".join(f"{100 * v:.1f} %" for v in table["features"]["accuracy"].values())
    seeds = sorted({row["seeds"] for row in table["models"].values()})
    over = f"mean ± standard deviation over {' or '.join(map(str, seeds))} seeds."
    if seeds == [1]:
        over = "one seed."
    if columns(table) is LIKELIHOODS:
        return (
            f"*`{data}`, split `{protocol['split']}`; {over} Nats per image. Of lower "
            f"bounds the NLL is one from above, by {protocol['k']:,} draws{_one_term(table)}.*"
        )
    if columns(table) is TRANSLATIONS:
        return (
            f"*`{data}`, split `{protocol['split']}`; {over} X has plain digits, Y styled ones; no "
            "image of one is in the other. Error: mean absolute difference of a pixel from the "
            "true translation. FDC: in the features of a classifier of that domain. The colour map "
            "and the paired network were fitted to true translations.*"
        )
    if columns(table) is CAPTIONS:
        return (
            f"*`{data}`, split `{protocol['split']}`, whose captions training never showed; {over} "
            "Shares of samples that show what was said, read by a classifier of real images, half "
            "of them blurred, noisy, brighter or darker; R-precision among 100 captions.*"
        )
    if columns(table) is CODES:
        return (
            f"*`{data}`, codes of the split `{protocol['split']}`, but MIG and the FactorVAE "
            f"score, which need more images, of the training split, `{protocol['train']}`; {over}*"
        )
    return (
        f"*`{data}`, split `{protocol['split']}`: {protocol['n']} samples against as many held-out "
        f"images; {over} NLL in nats "
        f"per image, for lower bounds from above by {protocol['k']:,} importance samples"
        f"{_one_term(table)}. "
        f"{table['features']['distance']}: Frechet distance in the features of a fixed classifier "
        f"of the hash `{protocol['features_hash'][:8]}` ({accuracy} right on this split). s, MB: "
        f"training on two cores (no s where others ran beside it), at its peak.{_cut(table)}*"
    )


def _cut(table):
    """Which models were trained for other steps than their config has, as a sentence."""
    cut = [f"`{name}` {row['steps']:,}" for name, row in rows_of(table) if row.get("steps")]
    return f" Steps, where not those of the config: {', '.join(cut)}." if cut else ""


def _one_term(table):
    """Which models have a bound without draws, as part of a sentence."""
    names = [
        f"`{name}`"
        for name, row in rows_of(table)
        if (row["nll_kind"] or "").startswith("upper bound") and "k =" not in row["nll_kind"]
    ]
    return f", of {', '.join(names)} by one term" if names else ""


def gans():
    """Names of the GAN family, the root first."""
    from tfgen.game import Game

    names = [name for name in settings.names() if issubclass(models.find(name), Game)]
    return sorted(names, key=lambda name: (name != "gan", name))


def write(insert, content):
    """Puts a table where its marks are: insert(text of a document, content) -> its new text."""
    for path in DOCUMENTS:
        write_text(path, insert(path.read_text("utf-8"), content))


def insert(text, table):
    """A document with the table in the place of the old one, and that of the GANs with it."""
    text = _replaced(text, list(markdown(table)))
    names = [name for name in gans() if name in table["models"]]
    if table["protocol"]["data"] == "digits" and set(CHOSEN) <= set(table["models"]):
        text = _replaced(text, list(ten(table)))
    of_family = table["protocol"]["data"] == "digits" and len(names) > 1
    return _replaced(text, list(family(table, names))) if of_family else text


def _replaced(text, lines):
    """With a table in the place of the old one; its first line and its last are the marks."""
    return between(text, lines[0], END, lines[1:-1])


def between(text, begin, end, lines):
    """With lines in the place of what stands between two marks; as it is where it has none."""
    before, mark, rest = text.partition(begin)
    if not mark:
        return text
    _, _, after = rest.partition(end)
    return "\n".join([before + begin, *lines, end + after])


def html_page(table, grids):
    """A page: pictures, all metrics, and each metric on a line. grids: {model: path of a PNG}."""
    data = table["protocol"]["data"]
    found = []
    for name, row in rows_of(table):
        if grids[name].exists():
            found.append(
                page.png(
                    grids[name].read_bytes(),
                    name,
                    html.escape(f"{label(name, row)}, {row['density']}"),
                )
            )
    samples = f'<div class="gallery">{"".join(found)}</div>'
    style = (
        "<style>.gallery { display: grid; gap: 1rem; "
        "grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); }</style>"
    )
    body = [
        f"<h1>Generative models on {html.escape(data)}</h1>",
        "<p>Mean and standard deviation over seeds, on held-out images. Beside the models: real "
        "images against real ones, and generators that know next to nothing.</p>",
        style,
        page.section("Samples", "Seeds 0 to 63 of each model's first run, not chosen.", samples),
        page.section("Numbers", "", f'<div class="scroll">{_table(table)}</div>'),
        page.section(
            "Each metric on a line",
            "The arrow says which way is better.",
            page.legend(
                ["models", "real images", "trivial generators"], ["--accent", "--real", "--base"]
            ),
            *_lines(table),
        ),
    ]
    return page.document(f"Generative models on {data}", "\n".join(body))


def _table(table):
    names = [name for name, _ in rows_of(table)]
    others = {"real": table["floor"], **table["baselines"]}
    out = ["<table><tr><th></th>"]
    heads = [*(label(*item) for item in rows_of(table)), *others]
    out += [f"<th>{html.escape(head)}</th>" for head in heads]
    out.append("</tr>")
    for group, metrics in catalogue.GROUPS.items():
        rows = []
        for metric in metrics:
            values = [
                cell(metric.key, table["models"][n]["metrics"].get(metric.key)) for n in names
            ]
            if any(values):
                values += [catalogue.text(metric.key, o.get(metric.key)) for o in others.values()]
                cells = "".join(f"<td>{value}</td>" for value in values)
                rows.append(f"<tr><td>{html.escape(title(table, metric.key))}</td>{cells}</tr>")
        if rows:
            width = 1 + len(names) + len(others)
            out += [f'<tr class="group"><td colspan="{width}">{group}</td></tr>', *rows]
    for key, words in (
        ("parameters", "parameters"),
        ("seconds", "training, s"),
        ("peak_memory_mb", "memory, MB"),
    ):
        values = [table["models"][n][key] for n in names]
        cells = "".join("<td></td>" if v is None else f"<td>{v:,.0f}</td>" for v in values)
        out.append(f'<tr class="quiet"><td>{words}</td>{cells}{"<td></td>" * len(others)}</tr>')
    return "".join(out) + "</table>"


def _lines(table):
    """A ruler for each metric that two models or baselines have."""
    for metric in catalogue.METRICS.values():
        marks = report.marks(table, metric.key)
        for name, row in rows_of(table):
            if row["metrics"].get(metric.key):
                marks[label(name, row)] = (row["metrics"][metric.key]["mean"], "--accent")
        if len(marks) > 1:
            name = title(table, metric.key) + ARROWS[metric.better]
            yield page.ruler(name, metric.unit, None, metric.meaning, marks)


def plot(table, path):
    """Dots of every seed of every model, and lines for real images and baselines: a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    rows = rows_of(table)
    of_kind = {
        LIKELIHOODS: ("nll", "kl_to_truth"),
        COLUMNS: ("nll", "frechet", "coverage"),
        CODES: ("mig", "factor_vae"),
        TRANSLATIONS: ("translation_error_y", "labels_kept_y", "frechet_y"),
        CAPTIONS: ("caption_all", "r_precision"),
    }
    keys = of_kind[columns(table)]
    keys = [k for k in keys if any(k in row["metrics"] for _, row in rows)]
    figure = Figure(figsize=(4.2 * len(keys), 0.42 * len(rows) + 1.9), layout="constrained")
    for axes, key in zip(figure.subplots(1, len(keys), squeeze=False)[0], keys, strict=True):
        shown = [(name, row) for name, row in rows if row["metrics"].get(key)]
        for i, (_, row) in enumerate(shown):
            values = row["metrics"][key]["values"]
            axes.plot(values, [i] * len(values), "o", color="#b4431f", alpha=0.7)
        lines = {n: f[key] for n, f in table["baselines"].items() if f.get(key) is not None}
        if table["floor"].get(key) is not None:
            lines["real"] = table["floor"][key]
        # The worst would squeeze all others together.
        lines.pop("independent pixels", None)
        # Frechet distances go over decades: one model that fails would squeeze all others, too.
        if key.startswith("frechet"):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_formatter(NullFormatter())
        for name, value in lines.items():
            colour = "#1f7a5c" if name == "real" else "#9b9da1"
            axes.axvline(value, color=colour, linewidth=1, zorder=0)
            axes.annotate(
                name, (value, 1), xycoords=("data", "axes fraction"), rotation=60, fontsize=8,
                color=colour, xytext=(0, 2), textcoords="offset points",
            )  # fmt: skip
        axes.set_yticks(range(len(shown)), [label(*item) for item in shown])
        axes.set_ylim(-0.6, len(shown) - 0.4)
        better = catalogue.METRICS[key].better
        axes.set_xlabel(f"{title(table, key)} ({better} is better)")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=130)


def main():
    for path in sorted(RESULTS.glob("*.json")):
        content = of_file(path)
        if {"protocol", "models"} <= set(content):
            write(insert, content)


if __name__ == "__main__":
    main()
