"""Hold random calls in virtual time and look for one that breaks a promise.

python -m benchmarks.random_calls --calls 1000
python -m benchmarks.random_calls --seed 1234
python -m benchmarks.random_calls --calls 100 --tally
"""

import argparse
import secrets
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.phone.random_calls import RandomCall, calls
from voice.phonelab.invariants import CHECKS

TELL_EVERY = 20
"""Calls between two lines that tell how far it has come."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seed", type=int, help="of a run that failed")
    parser.add_argument("--tally", action="store_true", help="count broken promises, go on")
    args = parser.parse_args()
    chosen = secrets.randbelow(2**32) if args.seed is None else args.seed
    ended: Counter[str] = Counter()
    tally: Counter[str] = Counter()
    examples: dict[str, RandomCall] = {}

    @seed(chosen)
    @settings(
        max_examples=args.calls,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(calls)
    def hold(call: RandomCall) -> None:
        ended[type(call.script[-1]).__name__] += 1
        if ended.total() % TELL_EVERY == 0:
            secs = time.perf_counter() - began
            print(f"{ended.total()} calls, {secs:.0f} s, {tally.total()} broken", flush=True)
        broken = call.violations()
        for name in {sentence.partition(":")[0] for sentence in broken}:
            tally[name] += 1
            examples.setdefault(name, call)
        assert args.tally or not broken, "\n".join(broken)

    began = time.perf_counter()
    print(f"seed {chosen}, {len(CHECKS)} checks a call", flush=True)
    try:
        hold()
    except AssertionError:
        print(f"A call breaks a promise: python -m benchmarks.random_calls --seed {chosen}")
        raise
    for name, count in tally.most_common():
        print(f"{count:5}  {name}\n       such as {examples[name]}")
    took = time.perf_counter() - began
    count, broken = sum(ended.values()), sum(tally.values())
    print(f"{count} calls in {took:.0f} s ({dict(ended)}): {broken} broken promises")


if __name__ == "__main__":
    main()
