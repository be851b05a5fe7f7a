"""The OpenAPI 3.1 document of the bindings that the router serves.

It is made of nothing but descriptors: paths from google.api.http, constraints from the rules of protovalidate, words
and examples from the comments.
"""

from collections.abc import Iterable
from typing import Any

from gateway.openapi import access, comments, edges
from gateway.openapi.operations import Operations
from gateway.rules import Binding

# The methods for which a path of OpenAPI 3.1 has a place; 3.2 puts the others where the extension puts them.
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_OTHER_METHODS = "x-additionalOperations"


def document(bindings: Iterable[Binding], descriptor_set: bytes, *, title: str, version: str) -> dict[str, Any]:
    """Describe what is served.

    Args:
        bindings: What the router serves.
        descriptor_set: The set that the bindings come from, for its comments; without source info there are none.
        title: The name of the whole.
        version: Of the whole.
    """
    texts = comments.read(descriptor_set)
    operations = Operations(texts)
    paths: dict[str, Any] = {}
    for binding in bindings:
        path, operation = operations.add(binding)
        item = paths.setdefault(path, {})
        method = binding.verb.lower()
        if method in _METHODS:
            item[method] = operation
        else:
            item.setdefault(_OTHER_METHODS, {})[binding.verb] = operation
    tags = [{"name": service} | comments.described(texts, service) for service in operations.services]
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": edges.INTRODUCTION},
        "servers": [{"url": "/"}],
        "tags": [*tags, edges.TAG],
        "paths": paths | edges.PATHS,
        "components": {
            "schemas": dict(sorted((operations.schemas.components | edges.SCHEMAS).items())),
            "responses": edges.RESPONSES,
            "securitySchemes": access.SECURITY_SCHEMES,
        },
    }
