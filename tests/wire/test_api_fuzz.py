"""Whatever is sent to the API, nothing but what its OpenAPI lists is answered, and never a 5xx.

A longer run by hand: `DIALGRAPH_FUZZ=200 python -m pytest tests/wire/test_api_fuzz.py`, with more
examples for each operation and other ones each time.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import FlakyStrategyDefinition, Unsatisfiable
from hypothesis.internal.conjecture.utils import many
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import status_code_conformance

from tests.wire.api_server import Running


def _more(self: Any) -> bool:
    """Go on as `many` did up to hypothesis 6.15x, which hypothesis-jsonschema still asks for."""
    if not self._iterated:
        self.__enter__()
        self.steps = iter(self)
    if next(self.steps, self) is None:
        return True
    self.__exit__(None)
    return False


if not hasattr(many, "more"):
    many.more = _more  # type: ignore[attr-defined]

EXAMPLES = int(os.environ.get("DIALGRAPH_FUZZ", "0"))


@pytest.mark.timeout(EXAMPLES * 60 or 120)
def test_nothing_that_fits_the_schema_breaks_the_server(server: Running) -> None:
    schema = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
    wrong = []
    for found in schema.include(path_regex=r"^/(v1|api)/").get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        @settings(
            max_examples=EXAMPLES or 2,
            derandomize=not EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def answers_what_is_listed(case: schemathesis.Case) -> None:
            case.call_and_validate(
                checks=[schemathesis.checks.not_a_server_error, status_code_conformance],
                timeout=60,
            )

        try:
            answers_what_is_listed()
        except (Unsatisfiable, FlakyStrategyDefinition):  # nothing was sent
            continue
        except Exception as error:
            wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)


NASTY = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b'{"a": NaN}',
    b'{"text": "\\ud800", "name": "\\u0000", "agent_id": 7, "url": [], "tool_config": {"a": []}}',
    b'{"conversation_config": ' + b'{"a":' * 200 + b"1" + b"}" * 201,
    b'{"text": ' + b"9" * 5000 + b"}",
]
ODD = ["", "x", "-1", "1e9", "\u0000", "\u202e", "é" * 3000, "9" * 30, "null", "../../etc"]


def test_nothing_that_does_not_fit_breaks_the_server(server: Running) -> None:
    """What schemathesis does by its negative mode, which the hypothesis of today breaks."""
    wrong = []
    with httpx.Client(base_url=server.address, timeout=60) as http:
        paths = http.get("/openapi.json").json()["paths"]
        for path, operations in paths.items():
            if not path.startswith(("/v1/", "/api/")):
                continue
            for method, operation in operations.items():
                for request in _requests(path, method, operation):
                    answer = http.send(http.build_request(**request))
                    listed = {str(status) for status in operation["responses"]}
                    if answer.status_code >= 500 or str(answer.status_code) not in listed:
                        wrong.append(f"{method} {path}: {answer.status_code} to {request}"[:400])
    assert not wrong, "\n".join(wrong)


def _requests(path: str, method: str, operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    base = {"method": method.upper(), "url": re.sub(r"\{\w+\}", "nosuch", path)}
    if "requestBody" in operation:
        headers = {"content-type": next(iter(operation["requestBody"]["content"]))}
        for body in NASTY:
            yield {**base, "content": body, "headers": headers}
    names = [p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"]
    for name in names:
        for value in ODD:
            yield {**base, "params": {name: value}}
    if "{" in path:
        for value in ("%00", "%ED%A0%80", "a" * 3000, "%F0%9F%98%80", "."):
            yield {**base, "url": re.sub(r"\{\w+\}", value, path)}
