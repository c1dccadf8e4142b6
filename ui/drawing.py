"""A graph's own structure as SVG; colours come from the page, so it suits dark and light."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

from langchain_core.runnables.graph import Graph as Structure

from ui.layered import Edge, Layout, Point, Size, layered

CHARACTER = 6.8
"""Width of a character of a label, in pixels."""
PADDING, HEIGHT = 13.0, 32.0
MARGIN = 4.0
ROOM = Size(380.0, 560.0)
"""Place the drawing has in the page, in pixels; it is turned the way that leaves it larger."""

_ENDS = {"__start__": "start", "__end__": "end"}
_ARROW = (
    '<defs><marker id="graph-arrow" viewBox="0 0 8 8" refX="7" refY="4" orient="auto"'
    ' markerWidth="7" markerHeight="7"><path d="M0 .8 7 4 0 7.2z" class="arrow"/></marker></defs>'
)


def draw(structure: Structure, title: str, ran: Sequence[str] = ()) -> str:
    """Draw a graph as an SVG element.

    Each node carries its name in `data-node`; the node that ran last has the class `lit`, the ones
    that ran before it in the same turn have `ran`.

    Args:
        structure: what `graph.get_graph()` returns.
        title: the graph's name, for people who do not see the drawing.
        ran: names of the nodes that ran in the last turn, in order.
    """
    labels = {node: _ENDS.get(node, node.replace("_", " ")) for node in structure.nodes}
    boxes = {node: (len(label) * CHARACTER + 2 * PADDING, HEIGHT) for node, label in labels.items()}
    dashed = {(e.source, e.target): e.conditional for e in structure.edges}
    down = layered({n: Size(w, h) for n, (w, h) in boxes.items()}, dashed)
    right = layered({n: Size(h, w) for n, (w, h) in boxes.items()}, dashed)
    sideways = _scale(*right.size[::-1]) > _scale(*down.size)
    layout = _turned(right) if sideways else down
    parts = _edges(layout, dashed, sideways)
    parts += [_node(n, labels[n], boxes[n], layout.nodes[n], ran) for n in labels]
    width, height = layout.size.breadth + 2 * MARGIN, layout.size.depth + 2 * MARGIN
    last = f", last at {labels.get(ran[-1], ran[-1])}" if ran else ""
    return (
        f'<svg class="graph" role="img" aria-label="{escape(f"Graph {title}{last}")}" '
        f'viewBox="{-MARGIN:g} {-MARGIN:g} {width:.0f} {height:.0f}" '
        f'style="max-width:{width:.0f}px" xmlns="http://www.w3.org/2000/svg">'
        f"{_ARROW}{''.join(parts)}</svg>"
    )


def _scale(width: float, height: float) -> float:
    return min(1.0, ROOM.breadth / width, ROOM.depth / height)


def _turned(layout: Layout) -> Layout:
    """Return the layout with depth running to the right instead of downwards."""
    edges: dict[Edge, Sequence[Point]] = {
        pair: [Point(*point[::-1]) for point in route] for pair, route in layout.edges.items()
    }
    nodes = {node: Point(*place[::-1]) for node, place in layout.nodes.items()}
    return Layout(nodes, edges, Size(*layout.size[::-1]))


def _edges(layout: Layout, dashed: Mapping[Edge, bool], sideways: bool) -> list[str]:
    """Return the curves; a stretch that several edges share is drawn once."""
    stretches: dict[tuple[Point, Point], bool] = {}
    ends: set[Point] = set()
    for pair, route in layout.edges.items():
        ends.add(route[-1])
        for stretch in pairwise(route):
            stretches[stretch] = stretches.get(stretch, True) and dashed[pair]
    return [_curve(a, b, sideways, dash, b in ends) for (a, b), dash in stretches.items()]


def _curve(start: Point, end: Point, sideways: bool, dashed: bool, arrow: bool) -> str:
    (x1, y1), (x2, y2) = start, end
    first, second = (x1, (y1 + y2) / 2), (x2, (y1 + y2) / 2)
    if sideways:
        first, second = ((x1 + x2) / 2, y1), ((x1 + x2) / 2, y2)
    bends = " ".join(f"{x:.1f} {y:.1f}" for x, y in (first, second, end))
    kind = "edge conditional" if dashed else "edge"
    head = ' marker-end="url(#graph-arrow)"' if arrow else ""
    return f'<path class="{kind}" d="M{x1:.1f} {y1:.1f}C{bends}"{head}/>'


def _node(name: str, label: str, box: tuple[float, float], place: Point, ran: Sequence[str]) -> str:
    (width, height), (x, y) = box, place
    kinds = ["node"]
    if name in _ENDS:
        kinds.append("terminal")
    if name in ran:
        kinds.append("lit" if name == ran[-1] else "ran")
    radius = height / 2 if name in _ENDS else 8
    return (
        f'<g class="{" ".join(kinds)}" data-node="{escape(name)}">'
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" '
        f'height="{height:g}" rx="{radius:g}"/>'
        f'<text x="{x:.1f}" y="{y:.1f}">{escape(label)}</text></g>'
    )
