"""What a graph is told of a call is what the API says of it."""

import pytest

from store.conversations import conversation_id
from voice.reception import about_the_call


@pytest.mark.parametrize("thread_id", ["analysis-1f", "5d6f5c5e-7b5e-4b0a-9a53-0a4c6a6f5f0a"])
def test_a_conversation_has_one_name(thread_id: str) -> None:
    """A graph, and the webhook of a failed call, told one that the API answered with 404."""
    told = about_the_call(thread_id, "inbound", None, None)["conversation_id"]
    assert told == conversation_id(thread_id)
