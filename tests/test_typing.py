"""What is public says its types; the list of modules that do not yet only shrinks."""

import ast
import configparser
import re

import pytest

from tests.conftest import ROOT

FOLDERS = ("tfgen", "train", "export", "configs")


def path_of(module):
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def not_strict():
    """The modules that setup.cfg lets off: those of the section that turns the rule off."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    (section,) = [
        name
        for name in settings.sections()
        if name.startswith("mypy-") and "disallow_untyped_defs" in settings[name]
    ]
    return section.removeprefix("mypy-").split(",")


def functions(tree):
    """Of a module and of its classes, not those within functions."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node)


def unannotated(path):
    """The functions and methods of a file that leave an argument or the result unsaid."""
    for node in functions(ast.parse(path.read_text())):
        given = node.args
        arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        said = [a.annotation for a in arguments if a and a.arg not in ("self", "cls")]
        if None in (*said, node.returns):
            yield node.name


def public(name):
    return not name.startswith("_") or re.fullmatch(r"__\w+__", name)


@pytest.mark.parametrize("folder", FOLDERS)
def test_public_functions_say_their_types(folder):
    let_off = {path_of(module) for module in not_strict()}
    found = {
        str(path.relative_to(ROOT)): names
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path not in let_off and (names := [n for n in unannotated(path) if public(n)])
    }
    assert not found


def test_the_list_of_modules_that_are_not_strict_holds_no_others():
    """A module that is done must be taken out, and no wildcard lets a folder off."""
    for module in not_strict():
        assert path_of(module).is_file(), f"there is no {module}"
        assert list(unannotated(path_of(module))), f"{module} is done: take it out of the list"
