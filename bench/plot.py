"""A plot of growth, as a small SVG that is legible on light and dark pages.

Each panel shows how many times dearer a cost is than at the first point, on logarithmic axes; the
dotted line is what grows as its driver does.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

#: A cost's values by its driver's.
Curve = Mapping[float, float]

WIDTH, HEIGHT, LEFT, TOP, GAP = 400, 260, 44, 28, 24
COLOURS = ("#2f7dd1", "#d9822b", "#2e9d5b", "#b0509b", "#8a7a2f", "#d14a4a")
STYLE = """
text { font: 11px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600; font-size: 13px }
.axis { stroke: #999; stroke-width: 1 }
.linear { stroke: #999; stroke-dasharray: 2 4; fill: none }
.curve { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }
"""


def drawn(panels: Mapping[str, Mapping[str, Curve]]) -> str:
    """Return the SVG: a panel for each driver, a curve for each cost."""
    rows = math.ceil(len(panels) / 2)
    size = f"0 0 {2 * WIDTH} {rows * HEIGHT}"
    body = "\n".join(
        f'<g transform="translate({number % 2 * WIDTH} {number // 2 * HEIGHT})">'
        f"{''.join(_panel(title, curves))}</g>"
        for number, (title, curves) in enumerate(panels.items())
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}">'
    return f"{head}<style>{STYLE}</style>\n{body}\n</svg>\n"


def _panel(title: str, curves: Mapping[str, Curve]) -> Iterator[str]:
    drivers = sorted({driver for curve in curves.values() for driver in curve})
    wide, high = WIDTH - LEFT - 140, HEIGHT - TOP - GAP - 16
    least, most = math.log10(drivers[0]), math.log10(drivers[-1])

    def x(driver: float) -> float:
        return LEFT + wide * (math.log10(driver) - least) / max(0.01, most - least)

    decades = max(1, math.ceil(max(_decades(curves.values()))))

    def y(times: float) -> float:
        return TOP + high * (1 - max(0.0, min(1.0, math.log10(max(times, 1)) / decades)))

    yield f'<text class="title" x="{LEFT}" y="16">Costs by {title}</text>'
    yield f'<path class="axis" fill="none" d="M{LEFT} {TOP}V{TOP + high}H{LEFT + wide}"/>'
    for power in range(decades + 1):
        at = f'x="{LEFT - 6}" y="{y(10**power) + 4:.0f}"'
        yield f'<text {at} text-anchor="end">{10**power:,} x</text>'
    for driver in drivers:
        at = f'x="{x(driver):.0f}" y="{TOP + high + 16}"'
        yield f'<text {at} text-anchor="middle">{_short(driver)}</text>'
    last = min(drivers[-1], drivers[0] * 10**decades)
    linear = [(x(driver), y(driver / drivers[0])) for driver in (drivers[0], last)]
    yield f'<path class="linear" d="{_path(linear)}"/>'
    for number, (name, curve) in enumerate(curves.items()):
        colour, first = COLOURS[number % len(COLOURS)], next(iter(curve.values()))
        points = [(x(driver), y(value / first)) for driver, value in curve.items() if first > 0]
        yield f'<path class="curve" stroke="{colour}" d="{_path(points)}"/>'
        at = f'x="{LEFT + wide + 24}" y="{TOP + 12 + 18 * number}"'
        mark = f'x="{LEFT + wide + 8}" y="{TOP + 4 + 18 * number}" width="10" height="10"'
        yield f'<rect {mark} fill="{colour}"/><text {at}>{name}</text>'


def _decades(curves: Iterable[Curve]) -> Iterator[float]:
    """Yield by how many decades each curve grows."""
    for curve in curves:
        first, highest = next(iter(curve.values())), max(curve.values())
        yield math.log10(max(1.0, highest / first)) if first > 0 else 0.0


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) if points else ""


def _short(number: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"
