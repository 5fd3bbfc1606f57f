"""The fenced blocks of a page of Markdown, as tests run them."""

import re


def blocks(text, language="python"):
    """What stands between ```python and ```, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def file(text, name):
    """The one block whose first line is the comment `# name`."""
    (found,) = [block for block in blocks(text) if block.startswith(f"# {name}\n")]
    return found
