"""Speakable text: time that a token costs on the event loop.

    python -m benchmarks.speakable

Messages of several kinds are fed token by token, as a model streams them (about four characters a
token). Each round is of words never seen before, so that no sentence is remembered.
"""

import itertools
import re
import statistics
import time

from voice.speakable import Speakable

TARGET_US = 50.0
"""Mean time a token may take, in microseconds."""
ROUNDS = 200
MESSAGES = {
    "talk": "Thank you, {n}. You are eligible for this loan. Shall I go on? We ring you.",
    "money and dates": "EMI {n} is ₹12,{n}.50 from 15/08/2027, at 12.5 %, 5:30 pm.",
    "markdown": "## Plan {n}\n\n1. **Open** the [app](https://x.com/a?b={n})\n2. Tap *Pay*\n",
    "hindi": "आपकी सैलरी {n} ₹45,{n} है। ठीक है? मीटिंग 10:30 बजे है।",
    "table": "| a | b |\n|---|---|\n" + "| {n} | 2 |\n" * 40 + "\nDone.",
    "code": "```py\n" + "x{n} = [1, 2, 3]  # a comment\n" * 60 + "```\nDone.",
    "json": '{{"rows": [' + '{{"id": {n}, "name": "Asha"}}, ' * 60 + "0]}}",
}


def tokens(text: str) -> list[str]:
    return re.findall(r"\s*\S{1,4}|\s+$", text)


def measure(template: str) -> tuple[float, float, float]:
    """Return mean, 99th percentile and median of the time a token takes, in microseconds."""
    numbers = itertools.count(100)
    times = []
    for _ in range(ROUNDS):
        speakable = Speakable()
        for token in tokens(template.format(n=next(numbers))):
            began = time.perf_counter()
            speakable.feed(token)
            times.append(time.perf_counter() - began)
        began = time.perf_counter()
        speakable.flush()
        times[-1] += time.perf_counter() - began  # the end of a message is part of its last token
    times.sort()
    return (
        statistics.fmean(times) * 1e6,
        times[int(len(times) * 0.99)] * 1e6,
        statistics.median(times) * 1e6,
    )


def main() -> None:
    print(f"{'':16} {'mean':>8} {'p50':>8} {'p99':>8}   microseconds a token")
    slow = []
    for name, template in MESSAGES.items():
        mean, p99, p50 = measure(template)
        print(f"{name:16} {mean:8.1f} {p50:8.1f} {p99:8.1f}")
        if mean > TARGET_US:
            slow.append(name)
    print(f"target: mean under {TARGET_US:g}: " + (f"missed by {slow}" if slow else "kept"))


if __name__ == "__main__":
    main()
