"""Generated requests against the running system: no fault, and no answer that its own description does not know."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.system.conftest import RunningSystem
from tests.unit.gateway.documents import document_of
from tests.unit.gateway.protos import LOANS

EXAMPLES = 25
ENDLESS = "/api/v1/loans:watch"
METHODS = {"get", "put", "post", "patch", "delete"}


def cases() -> Iterator[tuple[str, str, GenerationMode]]:
    """Every operation that ends, with sense; and, where anything can be given to it, with nonsense."""
    for path, methods in document_of(LOANS)["paths"].items():
        for method in METHODS & methods.keys():
            if path != ENDLESS:
                yield method, path, GenerationMode.POSITIVE
                if {"parameters", "requestBody"} & methods[method].keys():
                    yield method, path, GenerationMode.NEGATIVE


@pytest.fixture(scope="session")
def described(running_system: RunningSystem) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{running_system.gateway_url}/openapi.json")


@pytest.mark.parametrize(("method", "path", "mode"), sorted(cases()))
def test_every_answer_is_described(
    described: schemathesis.BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    @given(case=described[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), phases=[Phase.generate], database=None)
    def ask(case: schemathesis.Case[Any]) -> None:
        # What JSON Schema cannot say (a phone number, a page token) may be refused although the schema admits it.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    ask()
