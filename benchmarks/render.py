"""Tables of results as Markdown, in README.md and RESULTS.md.

    python -m benchmarks.render

writes the tables of both documents anew from benchmarks/results, and trains nothing: so a new model
has its row, which says that it is not yet measured.
"""

from benchmarks import peers, reading, sentences
from benchmarks.published import PUBLISHED
from benchmarks.table import CAS_ROWS, RESULTS, ROOT, of_file
from tfgen import models, settings
from tfgen.files import write_text
from tfgen.metrics import catalogue
from tfgen.reports.report import ARROWS, title

# Each table stands between marks in one of these.
DOCUMENTS = [ROOT / name for name in ("README.md", "RESULTS.md")]
# Of the GAN family, below the main table: what else is known of samples.
SAMPLES = (
    *("frechet", "kid", "density", "coverage", "class_entropy", "rarest_class", "copies"),
    *("two_sample", "label_accuracy", "cas", "cluster_ari"),
)
BEGIN, END = "<!-- table of {} -->", "<!-- end of table -->"
FAMILY = "<!-- table of the GANs -->"
# What the README shows: of each family, those to begin with.
TEN, SHOWN = "<!-- ten of {} -->", ("nll", "frechet", "precision", "recall")
CHOSEN = (
    *("pixelcnn", "realnvp", "vae", "cvae", "vq_vae", "rbm", "gan", "dcgan", "conditional_gan"),
    "wgan_gp",
)


def marked(table, key, row, best):
    """The cell of a row: a bound says its direction, the best and what it is not told from is bold.

    best: (number, half of its interval) of the column, see `best_of`.
    """
    found = row["metrics"].get(key)
    text = reading.cell(key, found)
    if key == "nll" and text and (row["nll_kind"] or "").startswith("upper bound"):
        text = f"≤ {text}"
    if not text or best is None:
        return text
    return f"**{text}**" if reading.alike(best, reading.interval(table, key, row)) else text


def markdown(table):
    """Lines: models, those without numbers last, then what others and trivial generators get."""
    data = table["protocol"]["data"]
    keys = [key for key in reading.columns(table) if reading.measured(table, key)]
    heads = [title(table, k) + ARROWS[catalogue.METRICS[k].better] for k in keys]
    yield BEGIN.format(data)
    yield "| model | paper | density | " + " | ".join(heads) + " | parameters | s | MB |"
    yield "|---" * 3 + "|---:" * (len(keys) + 3) + "|"
    block = None
    best = {key: reading.best_of(table, key) for key in keys}
    for name, row in reading.rows_of(table):
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
            cells = [reading.cell(key, row["draws"].get(key)) for key in keys]
            yield f"| `{name}`, draws | | | " + " | ".join(cells) + " | | | |"
    for name in reading.unmeasured(table):
        paper, url = models.find(name).paper
        said = f"| [`{name}`](tfgen/models/{name}.py) | [{paper}]({url}) | *not yet measured* |"
        yield said + " |" * (len(keys) + 3)
    yield from of_others(table, keys)
    yield ""
    yield sentences.caption(table)
    said = list(sentences.ranks(table, keys))
    if said:
        yield ""
        yield f"*{' '.join(said)}*"
    estimates = [s for name, row in reading.rows_of(table) for s in sentences.of_log_z(name, row)]
    if estimates:
        yield ""
        yield (
            "*Z of Boltzmann machines is by AIS, on average too small: their NLL is too low and no "
            "bound, by an amount that is not known where chains do not meet all modes. "
            + " ".join(estimates)
            + "*"
        )
    yield END


def of_others(table, keys):
    """Lines: what others published, their code that we trained, real images, trivial generators."""
    data = table["protocol"]["data"]

    def cells(numbers):
        return " | ".join(catalogue.text(k, numbers.get(k)) for k in keys)

    for name, url, density, numbers in PUBLISHED.get(data, ()):
        yield f"| *{name}* | [code]({url}) | {density} | {cells(numbers)} | | | |"
    for name, row in peers.read(data).items():
        cost = f"{row['parameters']:,} | {row['cpu_seconds'] / 2:.0f} | {row['peak_memory_mb']}"
        paper = f"[its own code]({row['paper']})"
        yield f"| *{name}* | {paper} | | {cells(row['metrics'])} | {cost} |"
    for name, numbers in {reading.real_row(table): table["floor"], **table["baselines"]}.items():
        if any(numbers.get(k) is not None for k in keys):
            yield f"| *{name}* | | | {cells(numbers)} | | | |"


def ten(table):
    """Lines: a few models by a few numbers, and real images, for who has not seen the whole."""
    yield TEN.format(table["protocol"]["data"])
    heads = [title(table, k) + ARROWS[catalogue.METRICS[k].better] for k in SHOWN]
    yield "| model | paper | " + " | ".join(heads) + " |"
    yield "|---" * 2 + "|---:" * len(SHOWN) + "|"
    best = {key: reading.best_of(table, key) for key in SHOWN}
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
    best = {key: reading.best_of(among, key) for key in keys}
    yield FAMILY
    yield "| model | " + " | ".join(heads) + " |"
    yield "|---|" + "---:|" * len(keys)
    for name in names:
        yield (
            f"| `{name}`{reading.label('', table['models'][name])} | "
            + " | ".join(marked(table, key, table["models"][name], best[key]) for key in keys)
            + " |"
        )
    others = {reading.real_row(table): table["floor"], **table["baselines"]}
    for name, numbers in others.items():
        if name in ("memoriser", *CAS_ROWS) or numbers is table["floor"]:
            cells = [catalogue.text(key, numbers.get(key)) for key in keys]
            yield f"| *{name}* | " + " | ".join(cells) + " |"
    yield END


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


def main():
    for path in sorted(RESULTS.glob("*.json")):
        content = of_file(path)
        if {"protocol", "models"} <= set(content):
            write(insert, content)


if __name__ == "__main__":
    main()
