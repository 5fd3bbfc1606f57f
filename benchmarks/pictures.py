"""A table as a page and as a plot."""

import html

from benchmarks import reading
from tfgen.files import atomic
from tfgen.metrics import catalogue
from tfgen.reports import page, report
from tfgen.reports.report import ARROWS, title


def html_page(table, grids):
    """A page: pictures, all metrics, and each metric on a line. grids: {model: path of a PNG}."""
    data = table["protocol"]["data"]
    found = []
    for name, row in reading.rows_of(table):
        if grids[name].exists():
            found.append(
                page.png(
                    grids[name].read_bytes(),
                    name,
                    html.escape(f"{reading.label(name, row)}, {row['density']}"),
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
    names = [name for name, _ in reading.rows_of(table)]
    others = {"real": table["floor"], **table["baselines"]}
    out = ["<table><tr><th></th>"]
    heads = [*(reading.label(*item) for item in reading.rows_of(table)), *others]
    out += [f"<th>{html.escape(head)}</th>" for head in heads]
    out.append("</tr>")
    for group, metrics in catalogue.GROUPS.items():
        rows = []
        for metric in metrics:
            values = [
                reading.cell(metric.key, table["models"][n]["metrics"].get(metric.key))
                for n in names
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
        for name, row in reading.rows_of(table):
            if row["metrics"].get(metric.key):
                marks[reading.label(name, row)] = (row["metrics"][metric.key]["mean"], "--accent")
        if len(marks) > 1:
            name = title(table, metric.key) + ARROWS[metric.better]
            yield page.ruler(name, metric.unit, None, metric.meaning, marks)


def plot(table, path):
    """Dots of every seed of every model, and lines for real images and baselines: a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    rows = reading.rows_of(table)
    of_kind = {
        reading.LIKELIHOODS: ("nll", "kl_to_truth"),
        reading.COLUMNS: ("nll", "frechet", "coverage"),
        reading.CODES: ("mig", "factor_vae"),
        reading.TRANSLATIONS: ("translation_error_y", "labels_kept_y", "frechet_y"),
        reading.CAPTIONS: ("caption_all", "r_precision"),
    }
    keys = of_kind[reading.columns(table)]
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
        axes.set_yticks(range(len(shown)), [reading.label(*item) for item in shown])
        axes.set_ylim(-0.6, len(shown) - 0.4)
        better = catalogue.METRICS[key].better
        axes.set_xlabel(f"{title(table, key)} ({better} is better)")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=130)
