"""Which model is left alone after failures."""

from graphs.models import Failures, Llm


def test_a_wrong_key_of_one_agent_leaves_the_model_to_the_others() -> None:
    """Two agents of two customers name one model, each with a key of its own."""
    shared = {"provider": "openai", "model": "gpt", "base_url": "https://models.example/v1"}
    wrong, right = (Llm.model_validate(shared | {"api_key_secret": key}) for key in ("a", "b"))
    failures = Failures()
    failures.failed(wrong.key, 0.0)
    failures.failed(wrong.key, 0.0)
    assert failures.paused(wrong.key, 1.0)
    assert not failures.paused(right.key, 1.0)
