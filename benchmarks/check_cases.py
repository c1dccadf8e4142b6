"""Hold every case of `dialgraph check` with the graphs that have to pass them.

python -m benchmarks.check_cases
python -m benchmarks.check_cases --graph sdr
"""

import argparse
import time
from collections.abc import Callable, Mapping

from graphs.catalogue import load_graph
from graphs.threads import Graph
from tests.phone import strangers
from voice.phonelab.check import Check

GRAPHS: Mapping[str, Callable[[], Graph]] = {
    "agent": strangers.react,
    "question": lambda: strangers.approves({"question": "May I book it?", "kind": "yes_no"}),
    "eligibility": lambda: load_graph("graphs/eligibility/graph.py:graph"),
    "sdr": lambda: load_graph("graphs/sdr/graph.py:graph"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graph", choices=GRAPHS, action="append")
    for name in parser.parse_args().graph or GRAPHS:
        began, held, check = time.perf_counter(), 0, Check(GRAPHS[name]())
        for at in check.run():
            held += at.held
            print(f"{name}: {at.case.name}", flush=True)
        print(f"{name}: {held} calls in {time.perf_counter() - began:.0f} s", flush=True)
        for found in check.findings:
            print(f"{name}: {found.severity} {found.kind} ({found.case or 'structure'})")


if __name__ == "__main__":
    main()
