"""Who may call what, as the document says it: read from the contracts, which carry it."""

from importlib import resources
from typing import Any

import pytest
from openapi_spec_validator import validate

from gateway import openapi, rules
from tests.unit.gateway import protos

DESCRIPTORS = (resources.files("los") / "descriptors.binpb").read_bytes()


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    bindings = rules.bindings(rules.load(DESCRIPTORS))
    return openapi.document(bindings, DESCRIPTORS, title="API", version="1")


def test_the_document_is_valid_and_names_the_scheme(document: dict[str, Any]) -> None:
    validate(document)
    scheme = document["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")


def test_an_operation_says_who_may_call_it_and_how_it_refuses_others(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/loans/{loan_id}"]["get"]
    assert operation["security"] == [{"token": []}, {}]  # an open system wants none
    assert operation["x-roles"] == ["customer", "agent", "manager", "operator", "admin"]
    assert "`customer` (what is theirs by the claim `phone`)" in operation["description"]
    assert "`manager` (what is theirs by the claim `agent_id` or belongs to those below)" in operation["description"]
    assert {"401", "403"} <= operation["responses"].keys()


def test_every_operation_says_it(document: dict[str, Any]) -> None:
    operations = [
        operation for path, item in document["paths"].items() if path.startswith("/api/") for operation in item.values()
    ]
    assert len(operations) > 20
    assert [operation["operationId"] for operation in operations if not operation.get("x-roles")] == []


def test_a_contract_that_does_not_say_it_promises_nothing() -> None:
    descriptor_set = protos.compiled(protos.LIBRARY)
    bindings = rules.bindings(rules.load(descriptor_set))
    found = openapi.document(bindings, descriptor_set, title="Library", version="1")
    operations = [operation for item in found["paths"].values() for operation in item.values()]
    operations = [operation for operation in operations if "responses" in operation]
    assert operations
    assert [operation for operation in operations if "security" in operation or "401" in operation["responses"]] == []
