"""The graphs that are served, each with what is known of its speech."""

from collections.abc import Mapping

from graphs.contract import Contract
from graphs.turn import Graph
from store.checkpoints import Checkpoints


class UnknownGraph(LookupError):
    """No graph of that name is served."""


class Served:
    """The graphs that are served, by name.

    Args:
        graphs: compiled, without a checkpointer, so that LangGraph Studio can bring its own.
        checkpointer: where every thread is kept.
    """

    def __init__(self, graphs: Mapping[str, Graph], checkpointer: Checkpoints) -> None:
        self.bare = dict(graphs)
        """The graphs as they were given."""
        self._kept = {
            name: graph.copy(update={"checkpointer": checkpointer})
            for name, graph in graphs.items()
        }
        self.contracts = {name: _contract(graph) for name, graph in graphs.items()}
        """What is known of the speech of each."""

    @property
    def names(self) -> list[str]:
        """Names of the graphs, in the order given."""
        return list(self.bare)

    def __contains__(self, name: str) -> bool:
        return name in self.bare

    def graph(self, name: str) -> Graph:
        """Return the graph of that name, with the checkpointer.

        Raises:
            UnknownGraph: no graph of that name is served.
        """
        try:
            return self._kept[name]
        except KeyError:
            known = ", ".join(self.bare)
            raise UnknownGraph(f"There is no graph {name!r}. Served here: {known}.") from None


def _contract(graph: Graph) -> Contract:
    nodes = graph.builder.nodes.items()
    return Contract({node: (spec.metadata or {}).get("speech") for node, spec in nodes})
