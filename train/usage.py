"""What --help says of a model's settings."""

import textwrap

from ml_collections import ConfigDict

from tfgen import settings


def help_text(usage: str, model: str | None, config: ConfigDict | None) -> str:
    """The usage, and with a model its settings: default, meaning, type and range of each."""
    lines = [usage, "", f"Models: {', '.join(settings.names())}."]
    if model and config:
        lines += ["", f"Settings of {model}, with their defaults:", ""]
        for key in settings.keys(config):
            lines.append(f"  --config.{key}={settings.value(config, key)}")
            lines += [f"      {line}" for line in textwrap.wrap(settings.meaning(key, model), 88)]
    return "\n".join(lines)
