"""The drawing of a graph: nothing overlaps, edges lead from node to node, the last node is lit."""

import re
from itertools import combinations
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from ui.drawing import draw
from ui.layered import Layout, Size, layered

NODES = [f"n{i}" for i in range(9)]
EDGES = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=24)
SIZES = st.lists(
    st.tuples(st.floats(20, 160), st.floats(20, 60)), min_size=len(NODES), max_size=len(NODES)
)


class State(TypedDict):
    value: int


def laid_out(edges: list[tuple[str, str]], sizes: list[tuple[float, float]]) -> Layout:
    return layered({n: Size(*size) for n, size in zip(NODES, sizes, strict=True)}, edges)


@given(EDGES, SIZES)
def test_no_two_nodes_overlap(
    edges: list[tuple[str, str]], sizes: list[tuple[float, float]]
) -> None:
    layout = laid_out(edges, sizes)
    boxes = [(layout.nodes[n], size) for n, size in zip(NODES, sizes, strict=True)]
    for (a, (wide_a, deep_a)), (b, (wide_b, deep_b)) in combinations(boxes, 2):
        beside = abs(a.breadth - b.breadth) >= (wide_a + wide_b) / 2
        apart = abs(a.depth - b.depth) >= (deep_a + deep_b) / 2
        assert beside or apart


@given(EDGES, SIZES)
def test_everything_lies_within_the_drawing(
    edges: list[tuple[str, str]], sizes: list[tuple[float, float]]
) -> None:
    layout = laid_out(edges, sizes)
    for node, (wide, deep) in zip(NODES, sizes, strict=True):
        place = layout.nodes[node]
        assert place.breadth - wide / 2 >= -1e-6
        assert place.breadth + wide / 2 <= layout.size.breadth + 1e-6
        assert place.depth - deep / 2 >= -1e-6
        assert place.depth + deep / 2 <= layout.size.depth + 1e-6


@given(EDGES, SIZES)
def test_every_edge_but_a_loop_leads_from_its_source_to_its_target(
    edges: list[tuple[str, str]], sizes: list[tuple[float, float]]
) -> None:
    layout = laid_out(edges, sizes)
    assert set(layout.edges) == {edge for edge in edges if edge[0] != edge[1]}
    extent = dict(zip(NODES, sizes, strict=True))
    for pair, route in layout.edges.items():
        for node, end in zip(pair, (route[0], route[-1]), strict=True):
            place, (wide, deep) = layout.nodes[node], extent[node]
            assert abs(end.breadth - place.breadth) <= wide / 2
            assert abs(abs(end.depth - place.depth) - deep / 2) < 1e-6


def test_a_chain_stands_in_one_line() -> None:
    layout = layered({n: Size(50, 20) for n in "abc"}, [("a", "b"), ("b", "c")])
    assert len({layout.nodes[n].breadth for n in "abc"}) == 1
    assert layout.nodes["a"].depth < layout.nodes["b"].depth < layout.nodes["c"].depth


def drawn(ran: list[str]) -> ElementTree.Element:
    graph = StateGraph(State)
    for name in ("ask", "an_<answer>"):
        graph.add_node(name, lambda state: state)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", lambda state: END, ["an_<answer>", END])
    graph.add_edge("an_<answer>", "ask")
    return ElementTree.fromstring(draw(graph.compile().get_graph(), "quiz", ran))  # noqa: S314


def classes(svg: ElementTree.Element) -> dict[str, str]:
    return {
        node.attrib["data-node"]: node.attrib["class"]
        for node in svg.iter("{http://www.w3.org/2000/svg}g")
    }


def test_every_node_is_drawn_and_the_last_that_ran_is_lit() -> None:
    found = classes(drawn(["ask", "an_<answer>"]))
    assert found == {
        "__start__": "node terminal",
        "ask": "node ran",
        "an_<answer>": "node lit",
        "__end__": "node terminal",
    }


def test_a_drawing_says_in_words_where_the_conversation_is() -> None:
    assert drawn(["ask"]).attrib["aria-label"] == "Graph quiz, last at ask"
    assert drawn([]).attrib["aria-label"] == "Graph quiz"


def test_a_choice_is_dashed_and_a_fixed_way_is_not() -> None:
    kinds = [path.attrib["class"] for path in drawn([]).iter("{http://www.w3.org/2000/svg}path")]
    assert "edge conditional" in kinds
    assert "edge" in kinds


def test_a_drawing_names_no_colour_so_that_the_page_can_be_dark_or_light() -> None:
    assert not re.search(
        r"(fill|stroke)=|#[0-9a-f]{3,6}\b", ElementTree.tostring(drawn([])).decode()
    )
