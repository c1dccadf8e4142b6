"""Spoken amounts: how fast one is read, and whether every number up to a million comes back.

python -m benchmarks.amounts          # latency on the held-out corpus, and a sample of numbers
python -m benchmarks.amounts --all    # every number from 0 to 1,000,000, English and Hindi
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import yaml
from num2words import num2words
from num_to_words import num_to_word

from graphs.eligibility.amounts import parse_amount
from graphs.eligibility.readings import Reading

TARGET_MS = 0.05
MOST = 1_000_000
CORPUS = Path(__file__).parents[1] / "tests" / "unit" / "amounts_corpus.yaml"
ROUNDS = 200

SPELLERS: dict[str, Callable[[int], str]] = {
    "English, num2words en_IN": lambda n: str(num2words(n, lang="en_IN")),
    "English, indic_num2words": lambda n: num_to_word(n, lang="en"),
    "Hindi, indic_num2words": lambda n: num_to_word(n, lang="hi"),
}


def wrong_numbers(speller: str, numbers: Iterable[int]) -> list[int]:
    """The numbers that do not come back from "<words> rupees"."""
    spell = SPELLERS[speller]
    wrong = []
    for number in numbers:
        heard = parse_amount(spell(number) + " rupees")
        if not isinstance(heard, Reading) or heard.value.rupees != number:
            wrong.append(number)
    return wrong


def latencies() -> list[float]:
    """Milliseconds a call, least first: of each phrase of the corpus its median over the rounds."""
    phrases = [entry[0] for entry in yaml.safe_load(CORPUS.read_text(encoding="utf-8"))]
    taken: list[list[float]] = [[] for _ in phrases]
    for _ in range(ROUNDS):
        for at, phrase in enumerate(phrases):
            start = time.perf_counter_ns()
            parse_amount(phrase)
            taken[at].append((time.perf_counter_ns() - start) / 1e6)
    return sorted(statistics.median(times) for times in taken)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--all", action="store_true", help="every number up to 1,000,000")
    options.add_argument("--processes", type=int, default=2)
    arguments = options.parse_args()
    stride = 1 if arguments.all else 97

    taken = latencies()
    p50, p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
    print(
        f"one call, {len(taken)} phrases: p50 {p50:.4f} ms, p99 {p99:.4f} ms; "
        f"target: p50 under {TARGET_MS} ms"
    )

    failed = p50 > TARGET_MS
    with ProcessPoolExecutor(arguments.processes) as pool:
        for speller in SPELLERS:
            start = time.perf_counter()
            step = arguments.processes * stride
            parts = [range(first * stride, MOST + 1, step) for first in range(arguments.processes)]
            results = pool.map(wrong_numbers, [speller] * len(parts), parts)
            wrong = sorted(number for part in results for number in part)
            count = sum(len(part) for part in parts)
            seconds = time.perf_counter() - start
            print(f"{speller}: {count - len(wrong):,} of {count:,} come back ({seconds:.0f} s)")
            if wrong:
                print(f"  wrong: {', '.join(map(str, wrong[:20]))}")
            failed |= bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
