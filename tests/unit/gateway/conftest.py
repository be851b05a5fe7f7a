"""Descriptor sets and the OpenAPI documents made of them, each once for all tests."""

import pytest
from google.protobuf.message import Message

from tests.unit.gateway import documents, protos
from tests.unit.gateway.documents import Document


@pytest.fixture(scope="session")
def library() -> bytes:
    """The descriptor set of library.proto."""
    return protos.compiled(protos.LIBRARY, "library.proto")


@pytest.fixture(scope="session")
def books(library: bytes) -> Document:
    """The document of the library."""
    return documents.document_of(library)


@pytest.fixture(scope="session")
def loans() -> Document:
    """The document of the set that is served by default."""
    return documents.document_of(protos.LOANS)


@pytest.fixture(scope="session")
def kinds() -> dict[str, type[Message]]:
    """The messages of kinds.proto."""
    return protos.messages(protos.compiled(protos.KINDS, "kinds.proto"))
