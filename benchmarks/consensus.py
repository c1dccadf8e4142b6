"""How long a run of the stocks graph takes beside the slowest of its analysts.

Run `python -m benchmarks.consensus`. Twelve language models behind a local server judge five stocks
each, at once; they take from a second to `--slowest` seconds, which is what the large ones take.
A run is the whole turn, from the words to the briefing: evidence, votes, weights, sizes, journal.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from tests.stocks.language_models import Models, analyst, judges
from tests.stocks.running import owner
from tests.wire.servers import served

MODELS = 12


async def measure(rounds: int, slowest: float) -> list[float]:
    """Return how long each run took, in seconds."""
    secs = np.linspace(1.0, slowest, MODELS)
    names = [f"m{i}" for i in range(MODELS)]
    models = Models(
        {name: judges(40 + i % 3 * 10 + i) for i, name in enumerate(names)},
        secs=dict(zip(names, secs, strict=True)),
    )
    took = []
    with tempfile.TemporaryDirectory() as folder:
        async with served(models.app) as url:
            analysts = [analyst(name, url, most_usd="0.01") for name in names]
            for n in range(rounds + 1):  # the first warms up: clients are imported
                async with owner(Path(folder) / str(n), stock_analysts=analysts) as someone:
                    await someone.desk.trading()
                    await someone.say(None)
                    asked = len(models.asked)
                    began = time.perf_counter()
                    await someone.say("What should I buy?")
                    took.append(time.perf_counter() - began)
                    assert len(models.asked) - asked == MODELS * len(
                        (await someone.desk.trading()).symbols
                    )
                    assert not any(a["state"] == "failure" for a in someone.values["answers"])
    return took[1:]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slowest", type=float, default=12.0, help="in seconds")
    args = parser.parse_args()
    took = asyncio.run(measure(args.rounds, args.slowest))
    median = statistics.median(took)
    Console().print(
        f"{MODELS} models on 5 stocks, the slowest {args.slowest:g} s: median {median:.2f} s, "
        f"longest {max(took):.2f} s; ratio {median / args.slowest:.3f}, "
        f"longest {max(took) / args.slowest:.3f} (target 1.1)"
    )


if __name__ == "__main__":
    main()
