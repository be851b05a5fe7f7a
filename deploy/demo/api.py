"""What the demonstration asks of the gateway."""

from typing import Any

import httpx

from deploy.issuer import Issuer

Json = dict[str, Any]


class DemoFailed(Exception):
    """The system did not do what it promises, or is not there; the text says which."""


class Api:
    """The HTTP interface of a running system.

    Args:
        url: Where the gateway is.
        issuer: Who issues the tokens that it wants; None if it wants none.
    """

    def __init__(self, url: str, issuer: Issuer | None = None) -> None:
        self.url = url
        self._issuer = issuer
        self._client = httpx.Client(base_url=url, timeout=30)

    def get(self, path: str, **query: str | int) -> Json:
        """GET a resource."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Json, **headers: str) -> Json:
        """POST a body."""
        return self._ask("POST", path, json=body, headers=headers)

    def put(self, path: str, body: Json, agent_id: int) -> Json:
        """PUT a body, as an agent."""
        return self._ask("PUT", path, json=body, headers=self.authorization(agent_id))

    def authorization(self, agent_id: int | None = None) -> dict[str, str]:
        """The header that says who asks: an agent, or an operator."""
        if self._issuer is None:
            return {}
        roles = ("operator",) if agent_id is None else ("agent", "manager")
        return {"Authorization": f"Bearer {self._issuer.token(*roles, agent_id=agent_id)}"}

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, **rest: Any) -> Json:  # noqa: ANN401 -- what httpx takes
        """Send a request, as an operator unless its headers say otherwise, and read its answer.

        Raises:
            DemoFailed: Nothing answers, or the answer is no success.
        """
        try:
            answer = self._client.request(method, path, headers={**self.authorization(), **(headers or {})}, **rest)
        except httpx.TransportError as error:
            raise DemoFailed(f"nothing answers at {self.url} ({error}): start the system with `make run`") from None
        if not answer.is_success:
            raise DemoFailed(f"{method} {path} answered {answer.status_code}: {answer.text}")
        body: Json = answer.json()
        return body
