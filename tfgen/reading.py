"""Reads the files of a run as they were written, or says in a sentence what is wrong with them.

A file may be cut short by a full disk, edited by hand, or of another program.
"""

import json
import os
from pathlib import Path
from typing import Any

from tfgen.errors import UserError


def read_json(path: str | os.PathLike, shape: Any, advice: str) -> Any:
    """The content of a JSON file.

    Args:
      shape: of the content, see `misfit`.
      advice: what to do where it is broken, a clause.

    Raises: UserError for a file that is not there, is no JSON, or holds something else.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} is not there; {advice}.")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is broken ({error}); {advice}.") from None
    wrong = misfit(content, shape)
    if wrong:
        raise UserError(f"{path} is broken ({wrong}); {advice}.")
    return content


def misfit(value: Any, shape: Any, name: str = "it") -> str:
    """Where a value of JSON is not of a shape, in words; "" where it is.

    A shape is a type; a tuple of types; [shape], a list of such; {key: shape}, which has these keys
    and may have others; or {str: shape}, a dict of such, with other shapes for the keys it names.
    """
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{name} is {_short(value)}, not a dict"
        parts = list(shape.items())
        if str in shape:
            parts = [(key, shape.get(key, shape[str])) for key in value]
        missing = [key for key, _ in parts if key not in value]
        if missing:
            return f"{name} lacks {missing[0]!r}"
        found = (misfit(value[key], part, f"{key!r}") for key, part in parts)
        return next(filter(None, found), "")
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{name} is {_short(value)}, not a list"
        found = (misfit(item, shape[0], f"an item of {name}") for item in value)
        return next(filter(None, found), "")
    kinds = shape if isinstance(shape, tuple) else (shape,)
    # JSON's true is no number, and 3 may stand for 3.0.
    fits = type(value) in kinds or (type(value) is int and float in kinds)
    return "" if fits else f"{name} is {_short(value)}, not {_words(kinds)}"


def _words(kinds: tuple[type, ...]) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return " or ".join(names.get(kind, "null") for kind in kinds)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def read_rows(path: str | os.PathLike) -> tuple[list[str], dict[int, list[float]]]:
    """(names, {step: numbers}) of a log: a head "step,NAME,...", then a row an interval.

    Lines that are no such row are left out: a process that is killed may tear its last one. Of a
    file that is not there: ([], {}).
    """
    path = Path(path)
    if not path.exists():
        return [], {}
    head, *lines = path.read_text("utf-8", errors="replace").splitlines(keepends=True) or [""]
    names = head.strip().split(",")[1:]
    rows = {}
    for line in lines:
        step, *values = line.strip().split(",")
        if line.endswith("\n") and step.isdecimal() and len(values) == len(names):
            numbers = [_number(value) for value in values]
            if None not in numbers:
                rows[int(step)] = [number for number in numbers if number is not None]
    return names, rows


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
