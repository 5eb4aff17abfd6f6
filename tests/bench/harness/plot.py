"""Times by size as a picture: both axes logarithmic, so that what grows with the catalog is a line of slope
one, and what does not is level."""

import math
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 560, 95, 380, 50, 50
# Okabe and Ito's colours, which most people can tell apart.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
LEAST_GAP = 17


def scale(low, high, at, to):
    """A function from a logarithmic range to pixels."""
    span = math.log10(high) - math.log10(low)
    return lambda value: at + (math.log10(value) - math.log10(low)) / span * (to - at)


def spread(places):
    """Places of labels near those wanted, from the top, none over another and none below the picture."""
    placed = []
    for y in sorted(places):
        placed.append(max(y, placed[-1] + LEAST_GAP) if placed else y)
    lowest = HEIGHT - LEAST_GAP
    for nth in reversed(range(len(placed))):
        placed[nth] = min(placed[nth], lowest)
        lowest = placed[nth] - LEAST_GAP
    return placed


def text(x, y, words, anchor="start", colour="#333"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def growth(title, sizes, times):
    """An SVG of `times`, a dictionary of lists that go with `sizes`; microseconds."""
    known = [value for values in times.values() for value in values]
    low = 10 ** math.floor(math.log10(min(known)))
    high = 10 ** math.ceil(math.log10(max(known)))
    x = scale(sizes[0], sizes[-1], LEFT, WIDTH - RIGHT)
    y = scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [text(LEFT, 25, title)]
    decade = low
    while decade <= high:
        parts.append(line(LEFT, y(decade), WIDTH - RIGHT, y(decade), "#ddd"))
        parts.append(text(LEFT - 8, y(decade) + 4, f"{decade:,.0f} us", "end"))
        decade *= 10
    for size in sizes:
        parts.append(line(x(size), TOP, x(size), HEIGHT - BOTTOM, "#ddd"))
        parts.append(text(x(size), HEIGHT - BOTTOM + 20, f"{size:,}", "middle"))
    # From the top, so that the labels stand in the order of the lines' ends.
    ordered = sorted(times, key=lambda what: -times[what][-1])
    labels = spread([y(times[what][-1]) for what in ordered])
    for nth, (what, label) in enumerate(zip(ordered, labels)):
        colour = COLOURS[nth % len(COLOURS)]
        points = " ".join(f"{x(s):.1f},{y(t):.1f}" for s, t in zip(sizes, times[what]))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(line(WIDTH - RIGHT, y(times[what][-1]), WIDTH - RIGHT + 14, label, colour))
        parts.append(text(WIDTH - RIGHT + 18, label + 4, what, colour=colour))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
    ground = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"
