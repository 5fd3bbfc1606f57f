"""What MkDocs does not do by itself: equations, excerpts of the source, a page for each model.

    \\( ... \\), \\[ ... \\]                    LaTeX in a page becomes MathML, which browsers draw
    ::: source tfgen/models/vae.py VAE.bound    becomes the code of that function, class or method
    models/NAME.md                              is made of the docstring of tfgen/models/NAME.py
    results.md                                  is RESULTS.md, with its pictures

Nothing is imported of what is documented, so that the book is built without TensorFlow.
"""

import ast
import html
import re
import textwrap
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
MODELS = ROOT / "tfgen" / "models"
SOURCE = re.compile(r"^::: source (\S+) (\S+)$", re.M)
MATH = re.compile(r"<(span|div) class=\"arithmatex\">\\([(\[])(.*?)\\[)\]]</\1>", re.S)
# Browsers draw such letters, but not the attribute of MathML that asks for them.
LETTERS = {r"\mathcal N": "𝒩", r"\mathcal L": "ℒ", r"\mathbb E": "𝔼"}
CODE = re.compile(r"\]\(tfgen/models/(\w+)\.py\)")
ADDRESS = re.compile(r"https?://[^\s()]*[^\s().,;]")


def on_files(files, config):
    """Adds the pages of models, and the list of them."""
    found = {path.stem: ast.get_docstring(ast.parse(path.read_text("utf-8"))) for path in models()}
    for name, text in found.items():
        files.append(File.generated(config, f"models/{name}.md", content=page_of(name, text)))
    lines = [f"| [`{name}`]({name}.md) | {first(text)} |" for name, text in found.items()]
    listed = "\n".join(["# Models", "", "| | |", "|---|---|", *lines, ""])
    files.append(File.generated(config, "models/index.md", content=listed))
    text = (ROOT / "RESULTS.md").read_text("utf-8").replace("](docs/", "](")
    text = CODE.sub(r"](models/\1.md)", text).replace("](benchmarks/results/", "](")
    text = text.replace("](README.md)", "](index.md)")
    files.append(File.generated(config, "results.md", content=text))
    for plot in set(re.findall(r"\]\((\S+\.png)\)", text)):
        if not (ROOT / "docs" / plot).exists():
            path = str(ROOT / "benchmarks" / "results" / plot)
            files.append(File.generated(config, plot, abs_src_path=path))
    return files


def models():
    """The files of models, which have a paper in their docstring and a config of their name."""
    return [path for path in sorted(MODELS.glob("*.py")) if (ROOT / "configs" / path.name).exists()]


def first(text):
    """The first sentence of a docstring."""
    return " ".join(text.split("\n\n")[0].split())


def page_of(name, text):
    """A model's page: its docstring, whose indented blocks are equations and stay as they are."""
    shown = [f"# {name}", "", f"`python -m train.run --model={name}`", ""]
    for block in text.split("\n\n"):
        if block.startswith("    "):
            shown += ["```text", textwrap.dedent(block), "```", ""]
        else:
            block = re.sub(r"([*_\\|<>])", r"\\\1", block)
            shown += [ADDRESS.sub(lambda found: f"<{found[0]}>".replace("\\", ""), block), ""]
    shown += ["## Training step and networks", "", "```python", code_of(name), "```", ""]
    return "\n".join(shown)


def code_of(name):
    """The file without its docstring."""
    source = (MODELS / f"{name}.py").read_text("utf-8")
    tree = ast.parse(source)
    return "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip()


def on_page_markdown(markdown, page, **rest):
    """Puts excerpts of the source where a page asks for them."""
    return SOURCE.sub(lambda found: excerpt(found[1], found[2], page.file.src_path), markdown)


def excerpt(path, name, where):
    """The code of `name` in a file, as a block of Markdown.

    Raises: PluginError where there is none, so that a page cannot outlive its code.
    """
    file = ROOT / path
    source = file.read_text("utf-8") if file.exists() else ""
    node = ast.parse(source)
    for part in name.split("."):
        inner = {n.name: n for n in node.body if hasattr(n, "name")}
        if part not in inner:
            raise PluginError(f"{where}: there is no {name} in {path}.")
        node = inner[part]
    begin = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    code = "\n".join(source.splitlines()[begin - 1 : node.end_lineno])
    return f'```python title="{path}"\n{textwrap.dedent(code)}\n```'


def on_page_content(content, **rest):
    """Typesets equations."""
    return MATH.sub(typeset, content)


def typeset(found):
    """The MathML of a match of MATH."""
    latex = html.unescape(found[3])
    for command, letter in LETTERS.items():
        latex = latex.replace(command, letter)
    return convert(latex, display="inline" if found[2] == "(" else "block")
