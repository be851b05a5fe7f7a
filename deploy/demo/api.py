"""What the demonstration asks of the gateway."""

from typing import Any

import httpx

Json = dict[str, Any]


class DemoFailed(Exception):
    """The system did not do what it promises, or is not there; the text says which."""


class Api:
    """The HTTP interface of a running system.

    Args:
        url: Where the gateway is.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=30)

    def get(self, path: str, **query: str | int) -> Json:
        """GET a resource."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Json, **headers: str) -> Json:
        """POST a body."""
        return self._ask("POST", path, json=body, headers=headers)

    def put(self, path: str, body: Json) -> Json:
        """PUT a body."""
        return self._ask("PUT", path, json=body)

    def _ask(self, method: str, path: str, **rest: Any) -> Json:  # noqa: ANN401 -- what httpx takes
        """Send a request and read its answer.

        Raises:
            DemoFailed: Nothing answers, or the answer is no success.
        """
        try:
            answer = self._client.request(method, path, **rest)
        except httpx.TransportError as error:
            raise DemoFailed(f"nothing answers at {self.url} ({error}): start the system with `make run`") from None
        if not answer.is_success:
            raise DemoFailed(f"{method} {path} answered {answer.status_code}: {answer.text}")
        body: Json = answer.json()
        return body
