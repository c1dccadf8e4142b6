"""A layered layout for small directed graphs, after Sugiyama: layers, order, coordinates, curves.

Everything is computed along two axes: *depth*, from the first layer to the last, and *breadth*,
within a layer. Whether depth runs downwards or to the right is the caller's choice.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

LAYER_GAP = 40.0
"""Free space between two layers, in pixels."""
NODE_GAP = 12.0
"""Free space between two nodes of a layer, in pixels."""
BEND_SIZE = 4.0
"""Breadth kept free for an edge that passes through a layer, in pixels."""
SWEEPS = 12

Edge = tuple[str, str]
Vertex = Hashable


class Size(NamedTuple):
    """Extent of a node, in pixels."""

    breadth: float
    depth: float


class Point(NamedTuple):
    """A place in the drawing, in pixels."""

    breadth: float
    depth: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels; nodes by their centre."""

    nodes: Mapping[str, Point]
    edges: Mapping[Edge, Sequence[Point]]
    """The points each edge goes through, from its source to its target."""
    size: Size


def layered(sizes: Mapping[str, Size], edges: Iterable[Edge]) -> Layout:
    """Lay out a directed graph; cycles are allowed, an edge from a node to itself is left out.

    Args:
        sizes: every node with its extent, the first ones nearest the start.
        edges: pairs of source and target.
    """
    pairs = [pair for pair in dict.fromkeys(edges) if pair[0] != pair[1]]
    forward = _without_cycles(list(sizes), pairs)
    rank = _ranks(list(sizes), forward.values())
    chains = {pair: _chain(forward[pair], rank, forward[pair] == pair) for pair in pairs}
    layers = _layers(rank, chains.values())
    links = list(dict.fromkeys(link for chain in chains.values() for link in pairwise(chain)))
    layers = _ordered(layers, links)
    breadths = {vertex: _size(vertex, sizes).breadth for layer in layers for vertex in layer}
    across = _coordinates(layers, links, breadths)
    along, depth = _depths(layers, sizes)
    places = {
        vertex: Point(across[vertex], along[i]) for i, ly in enumerate(layers) for vertex in ly
    }
    ports = _ports(chains.values(), places, sizes)
    reach = _reach(layers, sizes)
    routes: dict[Edge, Sequence[Point]] = {}
    for pair in pairs:
        route = _route(chains[pair], places, ports, reach)
        routes[pair] = route if forward[pair] == pair else route[::-1]
    width = max((across[v] + breadths[v] / 2 for v in across), default=0.0)
    return Layout({node: places[node] for node in sizes}, routes, Size(width, depth))


def _size(vertex: Vertex, sizes: Mapping[str, Size]) -> Size:
    return sizes[vertex] if isinstance(vertex, str) else Size(BEND_SIZE, 0)


def _without_cycles(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[Edge, Edge]:
    """Return each edge, turned round where it closes a cycle."""
    successors: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        successors[source].append(target)
    closing: set[Edge] = set()
    open_, finished = set[str](), set[str]()

    def visit(node: str) -> None:
        open_.add(node)
        for target in successors[node]:
            if target in open_:
                closing.add((node, target))
            elif target not in finished:
                visit(target)
        open_.remove(node)
        finished.add(node)

    for node in nodes:
        if node not in finished:
            visit(node)
    return {edge: edge[::-1] if edge in closing else edge for edge in edges}


def _ranks(nodes: Sequence[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Return the layer of each node: the longest way to it from a node nothing leads to."""
    rank = dict.fromkeys(nodes, 0)
    links = set(edges)
    for _ in nodes:
        for source, target in links:
            rank[target] = max(rank[target], rank[source] + 1)
    return rank


def _chain(edge: Edge, rank: Mapping[str, int], forward: bool) -> list[Vertex]:
    """Return the edge as a vertex in each layer: its ends, and bends where it passes through.

    Edges to the same target share their bends, so that they join instead of running side by side.
    """
    source, target = edge
    between = range(rank[source] + 1, rank[target])
    return [source, *((target, layer, forward or source) for layer in between), target]


def _layers(rank: Mapping[str, int], chains: Iterable[Sequence[Vertex]]) -> list[list[Vertex]]:
    layers: list[list[Vertex]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node, layer in rank.items():
        layers[layer].append(node)
    for chain in chains:
        for offset, bend in enumerate(chain[1:-1], start=1):
            passed = layers[rank[str(chain[0])] + offset]
            if bend not in passed:
                passed.append(bend)
    return layers


def _neighbours(links: Iterable[tuple[Vertex, Vertex]]) -> tuple[dict[Vertex, list[Vertex]], ...]:
    above: dict[Vertex, list[Vertex]] = {}
    below: dict[Vertex, list[Vertex]] = {}
    for upper, lower in links:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    return above, below


def _ordered(
    layers: list[list[Vertex]], links: Sequence[tuple[Vertex, Vertex]]
) -> list[list[Vertex]]:
    """Order each layer by the mean place of its neighbours; keep what has fewest crossings."""
    above, below = _neighbours(links)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, links)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        places: dict[Vertex, float] = {v: i for layer in layers for i, v in enumerate(layer)}
        for layer in layers if down else layers[::-1]:
            near = above if down else below
            wish = {
                v: sum(places[n] for n in near[v]) / len(near[v]) if v in near else places[v]
                for v in layer
            }
            layer.sort(key=wish.__getitem__)
            places.update({v: i for i, v in enumerate(layer)})
        if (count := _crossings(layers, links)) < fewest:
            best, fewest = [list(layer) for layer in layers], count
    return best


def _crossings(layers: Sequence[Sequence[Vertex]], links: Sequence[tuple[Vertex, Vertex]]) -> int:
    place = {v: (level, i) for level, layer in enumerate(layers) for i, v in enumerate(layer)}
    ends = [(place[a], place[b]) for a, b in links]
    return sum(
        (a[1] - c[1]) * (b[1] - d[1]) < 0
        for i, (a, b) in enumerate(ends)
        for c, d in ends[i + 1 :]
        if a[0] == c[0]
    )


def _coordinates(
    layers: Sequence[Sequence[Vertex]],
    links: Sequence[tuple[Vertex, Vertex]],
    breadths: Mapping[Vertex, float],
) -> dict[Vertex, float]:
    """Move each vertex towards the mean of its neighbours as far as its layer has room."""
    above, below = _neighbours(links)
    across: dict[Vertex, float] = {}
    for layer in layers:
        across.update(zip(layer, _spread([0.0] * len(layer), layer, breadths), strict=True))
    for sweep in range(SWEEPS * 2):
        near = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wish = [
                sum(across[n] for n in near[v]) / len(near[v]) if v in near else across[v]
                for v in layer
            ]
            across.update(zip(layer, _spread(wish, layer, breadths), strict=True))
    left = min((across[v] - breadths[v] / 2 for v in across), default=0.0)
    return {vertex: place - left for vertex, place in across.items()}


def _spread(
    wish: Sequence[float], layer: Sequence[Vertex], breadths: Mapping[Vertex, float]
) -> list[float]:
    """Return the places nearest to those wished for (least squares) that keep order and gaps."""
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (breadths[left] + breadths[right]) / 2 + NODE_GAP)
    blocks: list[tuple[float, int]] = []
    for place, offset in zip(wish, offsets, strict=False):
        mean, count = place - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean = (mean * count + before * size) / (count + size)
            count += size
        blocks.append((mean, count))
    settled = [mean for mean, count in blocks for _ in range(count)]
    return [place + offset for place, offset in zip(settled, offsets, strict=False)]


def _depths(
    layers: Sequence[Sequence[Vertex]], sizes: Mapping[str, Size]
) -> tuple[list[float], float]:
    """Return the centre line of each layer and the depth of the whole."""
    centres, depth = [], 0.0
    for layer in layers:
        thick = max(_size(vertex, sizes).depth for vertex in layer)
        centres.append(depth + thick / 2)
        depth += thick + LAYER_GAP
    return centres, max(depth - LAYER_GAP, 0.0)


def _reach(layers: Sequence[Sequence[Vertex]], sizes: Mapping[str, Size]) -> dict[Vertex, float]:
    """Return how far from each centre line curves keep; through a layer an edge runs straight."""
    reach: dict[Vertex, float] = {}
    for layer in layers:
        half = max(_size(vertex, sizes).depth for vertex in layer) / 2
        reach.update((v, sizes[v].depth / 2 if isinstance(v, str) else half) for v in layer)
    return reach


def _ports(
    chains: Iterable[Sequence[Vertex]], places: Mapping[Vertex, Point], sizes: Mapping[str, Size]
) -> dict[tuple[Vertex, Vertex], float]:
    """Return where on its node each link begins or ends: side by side, in order, not on a heap."""
    sides: dict[tuple[Vertex, bool], set[Vertex]] = {}
    for chain in chains:
        sides.setdefault((chain[0], True), set()).add(chain[1])
        sides.setdefault((chain[-1], False), set()).add(chain[-2])
    ports: dict[tuple[Vertex, Vertex], float] = {}
    for (node, _down), others in sides.items():
        ordered = sorted(others, key=lambda other: places[other].breadth)
        room = _size(node, sizes).breadth * 0.6
        step = min(room / len(ordered), 16.0)
        for i, other in enumerate(ordered):
            shift = (i - (len(ordered) - 1) / 2) * step
            ports[node, other] = places[node].breadth + shift
    return ports


def _route(
    chain: Sequence[Vertex],
    places: Mapping[Vertex, Point],
    ports: Mapping[tuple[Vertex, Vertex], float],
    reach: Mapping[Vertex, float],
) -> list[Point]:
    first, last = chain[0], chain[-1]
    points = [Point(ports[first, chain[1]], places[first].depth + reach[first])]
    for bend in chain[1:-1]:
        place = places[bend]
        points.append(Point(place.breadth, place.depth - reach[bend]))
        points.append(Point(place.breadth, place.depth + reach[bend]))
    points.append(Point(ports[last, chain[-2]], places[last].depth - reach[last]))
    return points
