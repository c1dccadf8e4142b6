"""The graphs that are served: those in `langgraph.json`, and any from outside by its file."""

import hashlib
import importlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from langgraph.graph.state import CompiledStateGraph

from graphs.threads import Graph

ROOT = Path(__file__).parent.parent


class GraphNotLoaded(ValueError):
    """A graph's address is wrong, or its file does not load; says which and why."""


def load_catalogue(extra: Mapping[str, str] | None = None) -> dict[str, Graph]:
    """Load the graphs of `langgraph.json` and then those in `extra`, which win.

    Args:
        extra: addresses by name, as `path.py:graph`, relative to the working directory.

    Raises:
        GraphNotLoaded: one of them does not load.
    """
    return {name: load_graph(address) for name, address in addresses(extra).items()}


def addresses(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the address of each graph that is served, as `path.py:graph`, by its name."""
    listed = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    ours = {
        name: str(ROOT / (entry["path"] if isinstance(entry, dict) else entry))
        for name, entry in listed.items()
    }
    return ours | dict(extra or {})


def load_graph(address: str) -> Graph:
    """Load a compiled graph from `path.py:attribute`, as `langgraph.json` names it.

    A function is called for it once, with an empty configuration where it takes one.

    Raises:
        GraphNotLoaded: the address is malformed, the file is missing or fails to import, or what
            it names is not a compiled graph with `messages` in its state.
    """
    path, _, attribute = address.rpartition(":")
    if not path or not attribute.isidentifier():
        raise GraphNotLoaded(f"{address!r} is not of the form path.py:graph.")
    file = Path(path).resolve()
    if not file.is_file():
        raise GraphNotLoaded(f"There is no file {path!r} to load the graph {attribute!r} from.")
    try:
        module = _import(file)
    except Exception as error:
        raise GraphNotLoaded(f"{path} does not import: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        raise GraphNotLoaded(f"There is no {attribute!r} in {path}.")
    graph = getattr(module, attribute)
    if inspect.isfunction(graph):  # one that makes the graph, as `langgraph.json` allows
        try:
            graph = graph({}) if inspect.signature(graph).parameters else graph()
        except Exception as error:
            raise GraphNotLoaded(f"{attribute!r} in {path} makes no graph: {error}") from error
    if not isinstance(graph, CompiledStateGraph):
        raise GraphNotLoaded(
            f"{attribute!r} in {path} is {type(graph).__name__}; expected a compiled StateGraph "
            "(builder.compile()), or a function that returns one."
        )
    if "messages" not in graph.channels:
        raise GraphNotLoaded(f"{attribute!r} in {path} has no `messages` in its state.")
    return graph


def _import(file: Path) -> ModuleType:
    """Import a file: ours under its package name, a stranger's under a name of its own."""
    if file.is_relative_to(ROOT / "graphs"):
        return importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    name = f"graph_{hashlib.sha256(bytes(file)).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError("it is not a Python file")
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
