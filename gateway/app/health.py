"""How the gateway is, and how everything is that it needs."""

from collections.abc import Mapping

from gateway import codec
from gateway.app.exchange import Message, Receive, Send
from gateway.upstream import Upstreams

SERVING = "SERVING"


class Health:
    """The page that tells whether every upstream can serve, by their own health checks."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def __call__(self, _scope: Message, _receive: Receive, send: Send) -> None:
        """Answer 200 if all of them can, else 503."""
        states = await self._upstreams.health()
        await _tell(send, states, is_well=all(state == SERVING for state in states.values()))


async def alive(_scope: Message, _receive: Receive, send: Send) -> None:
    """Answer 200, whatever the upstreams do: the process is up."""
    await _tell(send, {}, is_well=True)


async def _tell(send: Send, upstreams: Mapping[str, str], *, is_well: bool) -> None:
    status, word = (200, SERVING) if is_well else (503, "NOT_SERVING")
    payload = codec.write({"status": word, "upstreams": dict(upstreams)}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(payload)),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})
