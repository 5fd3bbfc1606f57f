"""Settings declare themselves: type, range and meaning of each argument of a model's class.

    def __init__(self, image_shape, levels, seed=0, width: Count = 128, beta: Weight = 4.0,
                 network: Literal["dense", "conv"] = "dense", **kwargs):

and in the class's docstring, under "Args:", a line "width: hidden units". `of_model` reads both
from the source, so the help, the checks and the configs know them without loading TensorFlow. What
a constructor hands on by `**kwargs` is looked up in its parent; an argument that a variant names
again has the variant's default, and, where the variant is silent, its parent's type and meaning. So
has one that a variant's class attribute names: `critic_steps = 5`, or, by its last name,
`objective = adversarial.wasserstein`.
"""

import ast
import dataclasses
import functools
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from tfgen.errors import UserError, one_of

if TYPE_CHECKING:
    import keras

# A network of the user's own: a Keras model, or a function of shapes that makes one. No setting.
Network = Union["keras.Model", Callable[..., "keras.Model"], None]
Words = Sequence[str]  # which the data give, and no setting


@dataclasses.dataclass(frozen=True)
class Range:
    """What a number may be: low <= value <= high; with `above`, `below` the ends are left out."""

    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def holds(self, value: float) -> bool:
        # An infinite rate or weight is no setting, whatever the range.
        inside = self.low <= value <= self.high and self.above <= value <= self.below
        return inside and value not in (self.above, self.below) and math.isfinite(value)

    def __str__(self) -> str:
        """As in "must be ..."."""
        open_left, open_right = self.above > -math.inf, self.below < math.inf
        left, right = max(self.low, self.above), min(self.high, self.below)
        first, last = (str(end) if isinstance(end, int) else f"{end:g}" for end in (left, right))
        if -math.inf < left and right < math.inf:
            return f"in {'(' if open_left else '['}{first}, {last}{')' if open_right else ']'}"
        if left > -math.inf:
            return f"above {first}" if open_left else f"{first} or more"
        if right < math.inf:
            return f"below {last}" if open_right else f"at most {last}"
        return "a finite number"


# The ranges that most settings have.
Count = Annotated[int, Range(1)]  # units, steps: at least one
Layers = Annotated[int, Range(1, 1000)]  # each is built
Steps = Annotated[int, Range(0)]  # 0: none
Weight = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, below=1)]  # of what is dropped, kept, averaged
# p(x | parameters), by the names of `tfgen.objectives.likelihoods`.
Likelihood = Literal[
    "auto",
    "bernoulli",
    "categorical",
    "logistic",
    "fixed_logistic",
    "gaussian",
    "shared_gaussian",
    "mixture",
    "coupled_mixture",
]


@dataclasses.dataclass(frozen=True)
class Setting:
    """One argument: its type, what it may be, and what it means."""

    name: str
    kind: type
    default: Any
    range: Range | None
    choices: tuple | None
    meaning: str

    def check(self, value: Any, name: str = "") -> None:
        """Raises: UserError that names the setting, the value and what fits."""
        name = name or self.name
        if self.choices:
            one_of(name, value, self.choices)
        fits = isinstance(value, self.kind) or (self.kind is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and self.kind is not bool):
            raise UserError(f"{name} is {value!r}, but must be of type {self.kind.__name__}.")
        limits = self.range or Range()
        if self.kind in (int, float) and not limits.holds(value):
            raise UserError(f"{name} is {value!r}, but must be {limits}.")

    def says(self) -> str:
        """Type and range in a few words, for a help text."""
        if self.choices:
            return " | ".join(map(str, self.choices))
        return self.kind.__name__ + (f" {self.range}" if self.range else "")


# Given by the data or the run, not by a config.
NOT_SETTINGS = ("self", "image_shape", "levels", "seed", "num_classes", "class_names")
_NAMES = {
    **{"Annotated": Annotated, "Literal": Literal, "Range": Range},
    **{"Layers": Layers},
    **{"Count": Count, "Steps": Steps, "Weight": Weight, "Share": Share},
    **{"Likelihood": Likelihood},
}


def of_model(source: Path) -> dict[str, Setting]:
    """{name: Setting} of the class that a model's file defines; a variant's own arguments first.

    Raises: UserError for a file without one such class, and for an argument that declares nothing.
    """
    tree = ast.parse(source.read_text("utf-8"), str(source))
    return _of_class(the_class(tree, source), tree, source)


def the_class(tree: ast.Module, source: Path) -> ast.ClassDef:
    """The model's class of a file: the only one, or the only one that is made of `image_shape`.

    Raises: UserError.
    """
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    models = [node for node in classes if _takes_images(node, tree)]
    found = models or classes
    if len(found) != 1:
        names = ", ".join(node.name for node in found) or "none"
        raise UserError(
            f"{source} must define one model, a class whose constructor takes image_shape and "
            f"levels; it defines {names}. Layers and other classes beside it are no matter."
        )
    return found[0]


def _takes_images(node: ast.ClassDef, tree: ast.Module) -> bool:
    """Whether the constructor, or the one that it has from a class above, takes image_shape."""
    parents = [] if _constructor(node) else _parents(node, tree)
    return "image_shape" in _parameters(node) or any(_takes_images(*p[:2]) for p in parents)


def _of_class(node: ast.ClassDef, tree: ast.Module, source: Path) -> dict[str, Setting]:
    meanings = _meanings(node)
    inherited = {
        name: dataclasses.replace(setting, meaning=meanings.get(name, setting.meaning))
        for name, setting in _inherited(node, tree).items()
    }
    own = {
        name: _setting(name, *given, meanings.get(name, ""), source, inherited.get(name))
        for name, given in _parameters(node).items()
        if name not in NOT_SETTINGS and given[0] not in ("Network", "Words")
    }
    settings = {name: setting for name, setting in own.items() if setting}
    if not _hands_on(node):
        return settings
    fixed, attributes = _fixed(node), _attributes(node)
    handed_on = {
        name: _with_default(setting, attributes.get(name), source)
        for name, setting in inherited.items()
        if name not in {*settings, *fixed}
    }
    return settings | handed_on


def _inherited(node: ast.ClassDef, tree: ast.Module) -> dict[str, Setting]:
    """The settings of the classes above: as constructors call one another, those of the first that
    names an argument."""
    found: dict[str, Setting] = {}
    for parent in _parents(node, tree):
        found = _of_class(*parent) | found
        if not _hands_on(parent[0]):
            break
    return found


def _attributes(node: ast.ClassDef) -> dict[str, ast.expr]:
    """{name: value} of the class's attributes."""
    return {
        target.id: statement.value
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _with_default(setting: Setting, value: ast.expr | None, source: Path) -> Setting:
    """The setting with a class attribute as its default, which may be one choice more."""
    if value is None:
        return setting
    name = {ast.Attribute: "attr", ast.Name: "id"}.get(type(value))
    default = getattr(value, name) if name else _literal(setting.name, value, source)
    default = float(default) if setting.kind is float else default
    choices = setting.choices
    if choices and default not in choices:
        choices = (*choices, default)
    return dataclasses.replace(setting, default=default, choices=choices)


def _literal(name: str, value: ast.expr, source: Path) -> Any:
    """Raises: UserError for a default that is no plain value."""
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise UserError(
            f"{source}: the default of {name} must be a number, a text, True or False as it "
            f"stands, for it is read and not run; it is {ast.unparse(value)}."
        ) from None


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    functions = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    return next((f for f in functions if f.name == "__init__"), None)


def _parameters(node: ast.ClassDef) -> dict[str, tuple[str, ast.expr | None]]:
    """{name: (annotation as text, default as a node or None)} of a class's own constructor."""
    function = _constructor(node)
    if function is None:
        return {}
    given = [*function.args.args, *function.args.kwonlyargs]
    plain = function.args.args
    defaults = [None] * (len(plain) - len(function.args.defaults)) + function.args.defaults
    defaults += function.args.kw_defaults
    return {
        a.arg: (ast.unparse(a.annotation) if a.annotation else "", default)
        for a, default in zip(given, defaults, strict=True)
    }


def _hands_on(node: ast.ClassDef) -> bool:
    """Whether what the constructor does not name goes to its parent's."""
    function = _constructor(node)
    return function is None or function.args.kwarg is not None


def _fixed(node: ast.ClassDef) -> set[str]:
    """The arguments that a variant sets itself when it calls its parent's constructor."""
    function = _constructor(node)
    calls = [
        call
        for call in ast.walk(function or ast.Module([], []))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "super().__init__"
    ]
    return {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}


def _parents(node: ast.ClassDef, tree: ast.Module) -> list[tuple[ast.ClassDef, ast.Module, Path]]:
    """(class, tree, source) of each base class, but for those above the zoo's own."""
    found = []
    for base in map(ast.unparse, node.bases):
        source = _source_of(base, tree)
        if source is not None and base != "GenerativeModel":
            above = ast.parse(source.read_text("utf-8"), str(source))
            classes = [n for n in above.body if isinstance(n, ast.ClassDef)]
            found += [(n, above, source) for n in classes if n.name == base]
    return found


def _source_of(name: str, tree: ast.Module) -> Path | None:
    """The file of tfgen that a module imports a class from; None for another's."""
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and name in {a.name for a in statement.names}:
            return _file_of(statement.module or "", name)
    return None


@functools.cache
def zoo() -> dict[str, Path]:
    """{class: file} of tfgen/models, from the sources: each file defines the class of its name."""
    found: dict[str, Path] = {}
    for file in sorted((Path(__file__).parent / "models").glob("*.py")):
        classes = re.findall(r"^class (\w+)", file.read_text("utf-8"), re.MULTILINE)
        found |= {kind: file for kind in classes if kind.lower() == file.stem.replace("_", "")}
    return found


def _file_of(module: str, name: str) -> Path | None:
    """The file of tfgen that defines a class which is imported from `module`; None outside."""
    if module == "tfgen.models":
        return zoo().get(name)
    root = Path(__file__).parent
    file = root.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return file if module.startswith("tfgen.") and file.exists() else None


def _meanings(node: ast.ClassDef) -> dict[str, str]:
    """{argument: what its docstring says} under "Args:"."""
    text = ast.get_docstring(node) or ""
    section = re.search(r"^Args:[^\n]*\n((?:  .*\n?|\n)*)", text, re.MULTILINE)
    found: dict[str, str] = {}
    for entry in re.findall(
        r"^  (\w.*(?:\n    +.*)*)", section[1] if section else "", re.MULTILINE
    ):
        names, _, meaning = re.sub(r"\s+", " ", entry).partition(": ")
        found |= {name: meaning for name in names.split(", ")}
    return found


def _setting(
    name: str,
    annotation: str,
    default: ast.expr | None,
    meaning: str,
    source: Path,
    above: Setting | None,
) -> Setting | None:
    """The Setting of one argument; None for what only Python can give: it has no annotation.

    above: the parent's Setting of that name, or None.

    Raises: UserError for an annotation that says no plain type, and without a plain default.
    """
    if not annotation and above is None:
        return None
    value = _literal(name, default or ast.Name("none"), source)
    if above is not None and not annotation:
        return dataclasses.replace(above, default=value)
    try:
        declared = eval(annotation, dict(_NAMES))  # of a file that is about to be imported anyway
    except Exception as error:
        raise UserError(
            f"{source}: {name} is declared as {annotation} ({error}). A setting is a bool, int, "
            "float, str, Literal[...] or Annotated[..., Range(...)], see tfgen/declared.py."
        ) from None
    kind, limits, choices = declared, None, None
    if get_origin(declared) is Annotated:
        kind, limits = get_args(declared)
    if get_origin(declared) is Literal:
        choices = get_args(declared)
        kind = type(choices[0])
    if kind not in (bool, int, float, str):
        raise UserError(f"{source}: {name} is declared as {annotation}, which is no setting.")
    value = float(value) if kind is float and value is not None else value
    meaning = above.meaning if above else meaning
    return Setting(name, kind, value, limits, choices, meaning)
