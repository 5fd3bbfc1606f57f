"""Parts of self-contained HTML pages: no script, no other file, light and dark."""

import base64
import html
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


STYLE = """
:root { color-scheme: light dark;
  --ground: light-dark(#f6f5f2, #16171a); --panel: light-dark(#ffffff, #1f2125);
  --ink: light-dark(#1d1e20, #ececea); --quiet: light-dark(#66686b, #9a9ca0);
  --line: light-dark(#e2e0da, #33363b); --accent: light-dark(#b4431f, #ff9166);
  --real: light-dark(#1f7a5c, #5fd3a8); --base: light-dark(#9b9da1, #74777c);
  --second: light-dark(#2b62b8, #86b4ff); --third: light-dark(#8a5a00, #e8b64c);
  --fourth: light-dark(#7b3fa0, #cf9cf0); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 2.4rem 1.4rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.15; margin: 0 0 .35rem; letter-spacing: -.015em; }
h2 { font-size: 1.12rem; margin: 0 0 .15rem; letter-spacing: -.005em; }
h3 { font-size: .95rem; margin: 1.2rem 0 .2rem; color: var(--quiet); font-weight: 600; }
p { margin: 0 0 .9rem; color: var(--quiet); max-width: 68ch; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.25rem 1.35rem 1.35rem; margin-top: 1.1rem; min-width: 0; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(340px, 1fr)); gap: 0 1.1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: .8rem;
  margin-top: 1.3rem; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 12px;
  padding: .85rem 1rem .8rem; }
.tile b { display: block; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.02em;
  font-variant-numeric: tabular-nums; font-weight: 650; }
.tile span { color: var(--quiet); font-size: .84rem; display: block; line-height: 1.35; }
.tile b i { font-style: normal; font-size: .95rem; font-weight: 500; color: var(--quiet); }
.tile .name { color: var(--ink); font-weight: 600; font-size: .9rem; }
img { display: block; width: 100%; height: auto; border-radius: 6px; }
figure { margin: 0; } figcaption { color: var(--quiet); font-size: .88rem; margin-top: .45rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .42rem .45rem; border-bottom: 1px solid var(--line);
  font-size: .92rem; white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; font-size: .82rem; vertical-align: bottom;
  white-space: normal; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
td.left, th.left { text-align: left; white-space: normal; }
tr:last-child td { border-bottom: 0; }
tr.group td { font-weight: 650; padding-top: 1.1rem; color: var(--accent); }
tr.quiet td { color: var(--quiet); }
.scroll { overflow-x: auto; }
.ruler { display: grid; grid-template-columns: 12.5rem 6rem minmax(0, 1fr); gap: .2rem 1rem;
  align-items: center; padding: .5rem 0; border-bottom: 1px solid var(--line); }
.ruler:last-child { border-bottom: 0; }
.ruler b { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.ruler small { color: var(--quiet); grid-column: 1 / -1; font-size: .82rem; line-height: 1.35; }
.ruler .key { grid-column: 1 / -1; margin: 0; font-size: .82rem; }
@media (max-width: 640px) { .ruler { grid-template-columns: 1fr auto; }
  .ruler svg { grid-column: 1 / -1; } }
.finding { border-left: 3px solid var(--accent); padding-left: .9rem; margin-top: .9rem; }
.finding b { display: block; } .finding p { margin: .1rem 0 0; }
.good { border-left: 3px solid var(--real); padding-left: .9rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--quiet); font: 12px system-ui, sans-serif; }
.drawn { container-type: inline-size; } /* of 600 units: text is 12 px wherever it is shown */
@container (max-width: 600px) { svg text { font-size: 15px; } }
@container (max-width: 480px) { svg text { font-size: 18px; } }
@container (max-width: 400px) { svg text { font-size: 22px; } }
@container (max-width: 327px) { svg text { font-size: 27px; } }
.aside { display: none; } @media (max-width: 640px) { .own + .aside { display: block; } }
.small img { max-width: 460px; }
.own { overflow-x: auto; } .own img { width: auto; min-width: 100%; max-width: none; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .2rem 0 .5rem; font-size: .86rem;
  color: var(--quiet); }
.key i { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em; }
details { margin-top: .6rem; } summary { cursor: pointer; color: var(--quiet); }
pre { overflow-x: auto; font-size: .84rem; line-height: 1.45; }
code { font-size: .92em; }
.command span { display: inline-block; max-width: 100%; overflow-wrap: anywhere; }
"""

SERIES = ("--accent", "--second", "--real", "--third", "--fourth", "--base")


def document(title: str, body: str) -> str:
    """The whole page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{html.escape(title)}</title>\n<link rel="icon" href="data:,">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def section(title: str, text: str, *parts: str) -> str:
    """A panel; text is one quiet sentence under the title."""
    text = f"<p>{text}</p>" if text else ""
    return f"<section><h2>{html.escape(title)}</h2>{text}{''.join(parts)}</section>"


def picture(
    pixels: "np.ndarray", alt: str, caption: str = "", own_size: bool = False, small: bool = False
) -> str:
    """uint8 [height, width, 3] -> a figure, the PNG inside the page.

    own_size: it is never made smaller, for there is text in it; a phone shows a part of it and
      says so.
    small: it is shown no wider than a phone is, or little.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return png(buffer.getvalue(), alt, caption, own_size, small)


def png(
    content: bytes, alt: str, caption: str = "", own_size: bool = False, small: bool = False
) -> str:
    """The same of a PNG file's content."""
    data = base64.b64encode(content).decode()
    caption = f"<figcaption>{caption}</figcaption>" if caption else ""
    image = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'
    if own_size:
        aside = '<figcaption class="aside">Wider than the screen: scroll it sideways.</figcaption>'
        image = f'<div class="own">{image}</div>{aside}'
    kind = ' class="small"' if small else ""
    return f"<figure{kind}>{image}{caption}</figure>"


def words(text: str) -> str:
    """A sentence for a page, with what stands in `backticks` as code."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def command(text: str) -> str:
    """A command line of a shell, which is broken between its arguments alone."""
    spans = " ".join(f"<span>{html.escape(part)}</span>" for part in text.split(" "))
    return f'<code class="command">{spans}</code>'


def legend(names: Iterable[str], colours: Sequence[str] = SERIES) -> str:
    """Which colour is what."""
    items = (
        f'<span><i style="background:var({c})"></i>{html.escape(n)}</span>'
        for n, c in zip(names, colours, strict=False)
    )
    return f'<div class="key">{"".join(items)}</div>'


def ruler(
    title: str, shown: str, value: float, meaning: str, marks: Mapping[str, tuple[float, str]]
) -> str:
    """A metric on a line with what others get.

    Args: shown: the number as text; value: the number, None to draw the marks alone; marks:
      {name: (number, css colour)}, named with their numbers below.
    """
    numbers = [number for number, _ in marks.values()] + ([] if value is None else [value])
    low, high = min(numbers), max(numbers)
    span = (high - low) or 1.0

    def x(number: float) -> float:
        return 12 + 576 * (number - low) / span

    dots = "".join(
        f'<circle cx="{x(number):.1f}" cy="14" r="4.5" style="fill:var({colour})"/>'
        for number, colour in marks.values()
    )
    named = "".join(
        f'<span><i style="background:var({colour})"></i>{html.escape(name)} {number:.4g}</span>'
        for name, (number, colour) in sorted(marks.items(), key=lambda item: item[1][0])
    )
    own = (
        ""
        if value is None
        else (
            f'<circle cx="{x(value):.1f}" cy="14" r="7" style="fill:var(--accent);'
            'stroke:var(--panel);stroke-width:2"/>'
        )
    )
    svg = (
        f'<svg viewBox="0 0 600 28" role="img" aria-label="{html.escape(title)}">'
        '<line x1="12" x2="588" y1="14" y2="14" style="stroke:var(--line);stroke-width:2"/>'
        f"{dots}{own}</svg>"
    )
    return (
        f'<div class="ruler"><span>{html.escape(title)}</span><b>{shown}</b>'
        f"{svg if marks else '<span></span>'}<small>{words(meaning)}</small>"
        f'{f"""<div class="key">{named}</div>""" if marks else ""}</div>'
    )


def chart(
    series: Mapping[str, Sequence[tuple[int, float]]], marked: int | None = None, height: int = 190
) -> str:
    """Lines over steps: {name: [(step, value)]}; `marked`, a step, gets a vertical line."""
    points = [p for line in series.values() for p in line if math.isfinite(p[1])]
    if not points:
        return ""
    left, right, top, bottom = 62, 590, 8, height - 34
    last = max(step for step, _ in points) or 1
    low, high = min(v for _, v in points), max(v for _, v in points)
    ticks = _ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])

    def place(step: float, value: float) -> tuple[float, float]:
        return (
            left + (right - left) * step / last,
            bottom - (bottom - top) * (value - low) / ((high - low) or 1.0),
        )

    parts = []
    for tick in ticks:
        _, y = place(0, tick)
        parts.append(
            f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" style="stroke:var(--line)"/>'
            f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for step in (0, last // 2, last):
        x, _ = place(step, low)
        parts.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{step:,}</text>')
    if marked is not None:
        x, _ = place(marked, low)
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" '
            'style="stroke:var(--quiet);stroke-dasharray:3 3"/>'
        )
    for colour, line in zip(SERIES * 2, series.values(), strict=False):
        path = " ".join("{:.1f},{:.1f}".format(*place(s, v)) for s, v in line if math.isfinite(v))
        parts.append(
            f'<polyline points="{path}" style="fill:none;stroke:var({colour});stroke-width:1.8"/>'
        )
    return legend(series) + _drawn(height, "".join(parts))


def _drawn(height: int, parts: str) -> str:
    """A drawing of 600 units' width."""
    return f'<div class="drawn"><svg viewBox="0 0 600 {height}" role="img">{parts}</svg></div>'


def _ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers between low and high."""
    span = (high - low) or abs(high) or 1.0
    unit = 10.0 ** math.floor(math.log10(span / count))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m * count >= span)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)] or [low]


def bars(names: Sequence[object], series: Mapping[str, Sequence[float]], height: int = 150) -> str:
    """Groups of bars: names [N]; {series: [N numbers]}."""
    high = max(max(values) for values in series.values()) or 1.0
    width, bottom = 590 / len(names), height - 34
    # Numbers in their order: as many as have room where text is largest.
    numbered = all(str(name).isdecimal() for name in names)
    every = math.ceil(16 * max(len(str(name)) for name in names) / width) if numbered else 1
    parts = []
    for i, name in enumerate(names):
        for j, (label, values) in enumerate(series.items()):
            h = (bottom - 6) * values[i] / high
            w = 0.7 * width / len(series)
            parts.append(
                f'<rect x="{5 + i * width + 0.15 * width + j * w:.1f}" y="{bottom - h:.1f}" '
                f'width="{w:.1f}" height="{h:.1f}" rx="1.5" style="fill:var({SERIES[j]})">'
                f"<title>{html.escape(f'{name}, {label}: {values[i]:.3g}')}</title></rect>"
            )
        if i % every == 0:
            parts.append(
                f'<text x="{5 + (i + 0.5) * width:.1f}" y="{height - 5}" text-anchor="middle">'
                f"{html.escape(str(name))}</text>"
            )
    head = legend(series) if len(series) > 1 else ""
    return head + _drawn(height, "".join(parts))


def tile(name: str, number: str, note: str) -> str:
    return (
        f'<div class="tile"><span class="name">{html.escape(name)}</span><b>{number}</b>'
        f"<span>{html.escape(note)}</span></div>"
    )
