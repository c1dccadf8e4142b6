"""Hundreds of calls by chance, and in each of them everything that must be true is.

`python -m benchmarks.random_calls` holds as many as you like, each time others.
"""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.phone.random_calls import RandomCall, calls

CALLS = 150


@pytest.mark.timeout(600)
@settings(
    max_examples=CALLS,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
@given(calls)
def test_no_call_breaks_a_promise(call: RandomCall) -> None:
    assert call.violations() == []
