"""Many clients who submit loans over HTTP as fast as they are let, each on a connection of its own.

Written on bare streams: a client library would be slower than what it is to overload.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from urllib.parse import urlsplit

from tests.system.chaos.checker import Answers

AMOUNT = "100"
REFUSED = {429, 503}
RECONNECT_S = 0.05


@dataclass(slots=True)
class Tally:
    """What clients were answered.

    Attributes:
        statuses: How often each status came; 0 is a connection that broke.
        took_s: How long the answers of each status took.
        dishonest: Refusals that did not say when to come back.
        served: The clients that got at least one loan.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    took_s: dict[int, list[float]] = field(default_factory=dict)
    dishonest: list[bytes] = field(default_factory=list)
    served: set[int] = field(default_factory=set)

    def count(self, status: int, took_s: float) -> None:
        """Note an answer."""
        self.statuses[status] += 1
        self.took_s.setdefault(status, []).append(took_s)


class Horde:
    """Clients of one gateway.

    Args:
        url: Where it is.
        answers: What was asked and answered, for the checker.
        heeds: Whether clients come back when they were told to; otherwise they come back at once.
    """

    def __init__(self, url: str, answers: Answers, *, heeds: bool) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "", place.port or 0
        self._answers = answers
        self._heeds = heeds
        self._phones: Iterator[str] = (
            f"+1{201 + 2 * (number // 8_000_000)}{2_000_000 + number % 8_000_000}"
            for number in count(random.randrange(2_000_000_000))  # noqa: S311 -- guards nothing
        )
        self.tally = Tally()

    async def submit(self, clients: int, lasts_s: float, *, each_once: bool = False, per_s: float = 0) -> Tally:
        """Submit for so long, or until every client has one loan.

        Args:
            clients: How many.
            lasts_s: For how long.
            each_once: Each client has enough with one loan.
            per_s: How many requests there are a second, whatever becomes of them; as fast as it goes if 0.
        """
        until = time.monotonic() + lasts_s
        await asyncio.gather(
            *(self._client(number, until, clients / per_s if per_s else 0, each_once) for number in range(clients))
        )
        return self.tally

    async def _client(self, number: int, until: float, every_s: float, is_modest: bool) -> None:
        due = time.monotonic() + random.random() * every_s  # noqa: S311 -- as above
        phone = next(self._phones)
        while time.monotonic() < until and not (is_modest and number in self.tally.served):
            try:
                reader, writer = await asyncio.open_connection(self._host, self._port)
            except OSError:
                self.tally.count(0, 0)
                await asyncio.sleep(RECONNECT_S)
                continue
            try:
                while time.monotonic() < until and not (is_modest and number in self.tally.served):
                    await asyncio.sleep(max(0, due - time.monotonic()))
                    due = max(due + every_s, time.monotonic())
                    if await self._ask(reader, writer, phone, until):
                        self.tally.served.add(number)
                        phone = next(self._phones)
            except (OSError, asyncio.IncompleteReadError):
                self.tally.count(0, 0)
                await asyncio.sleep(RECONNECT_S)
            finally:
                writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, phone: str, until: float) -> bool:
        """Submit a loan once; tell whether it was accepted. Its key is its customer's number."""
        self._answers.asked[phone] = Decimal(AMOUNT)
        started = time.monotonic()
        writer.write(_request(phone))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(_header(head, b"content-length")))
        status = int(head[9:12])
        self.tally.count(status, time.monotonic() - started)
        if status == 201:
            self._answers.accepted[phone] = json.loads(body)["loan_id"]
            return True
        wait = _header(head, b"retry-after")
        if status not in REFUSED or not wait.isdigit():
            self.tally.dishonest.append(head + body)
        elif self._heeds:
            pause_s = int(wait) * random.uniform(0.5, 1.5)  # noqa: S311 -- as above
            await asyncio.sleep(max(0, min(pause_s, until - time.monotonic())))
        return False


def _request(phone: str) -> bytes:
    body = json.dumps(
        {"customer_name": "Ada", "customer_phone": phone, "loan_amount": AMOUNT, "loan_type": "AUTO"}
    ).encode()
    head = f"POST /api/v1/loans HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: {phone}\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


def _header(head: bytes, name: bytes) -> bytes:
    """A header's value; empty without."""
    _, found, rest = head.partition(b"\r\n" + name + b": ")
    return rest.partition(b"\r\n")[0] if found else b""
