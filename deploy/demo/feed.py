"""Every loan's latest status, as the system streams it."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection

import httpx

from deploy.demo.api import Api, DemoFailed


class Feed:
    """Watches all loans over Server-Sent Events; a stream that breaks is resumed after the last event seen.

    Args:
        api: Where they are.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._url = f"{api.url}/api/v1/loans:watch"
        self._status: dict[str, str] = {}
        self._last_event_id = ""
        self._changed = threading.Condition()
        self._is_open = threading.Event()
        threading.Thread(target=self._follow, name="feed", daemon=True).start()
        if not self._is_open.wait(timeout=10):
            raise DemoFailed(f"{self._url} does not begin to stream")

    def counts(self, loan_ids: Collection[str]) -> Counter[str]:
        """How many of these loans are in which status."""
        with self._changed:
            return Counter(self._status[loan_id] for loan_id in loan_ids if loan_id in self._status)

    def wait_until(
        self,
        done: Callable[[Counter[str]], bool],
        loan_ids: Collection[str],
        on_change: Callable[[Counter[str]], None] = lambda _: None,
        patience_s: float = 60,
    ) -> None:
        """Wait until the counts of these loans are as they should be.

        Args:
            done: Whether they are.
            loan_ids: The loans.
            on_change: Called with the counts at first, and whenever they have changed.
            patience_s: How long nothing may change.

        Raises:
            DemoFailed: Nothing has changed for too long.
        """
        seen: Counter[str] | None = None
        since = time.monotonic()
        while True:
            now = self.counts(loan_ids)
            if now != seen:
                seen, since = now, time.monotonic()
                on_change(now)
            if done(now):
                return
            if time.monotonic() - since > patience_s:
                raise DemoFailed(f"no loan has moved for {patience_s:g} s: {dict(now)}")
            with self._changed:
                self._changed.wait(timeout=0.2)

    def _follow(self) -> None:
        """Read the stream for as long as the demonstration lasts."""
        headers = {"Accept": "text/event-stream", **self._api.authorization()}
        while True:
            if self._last_event_id:
                headers["Last-Event-ID"] = self._last_event_id
            try:
                with httpx.stream("GET", self._url, headers=headers, timeout=httpx.Timeout(5, read=60)) as answer:
                    answer.raise_for_status()
                    self._is_open.set()
                    for line in answer.iter_lines():
                        self._take(line)
            except httpx.HTTPError:
                time.sleep(0.5)

    def _take(self, line: str) -> None:
        """Take in one line of the stream: the id comes before the event."""
        name, _, value = line.partition(": ")
        if name == "id":
            self._last_event_id = value
        elif name == "data":
            event = json.loads(value)
            with self._changed:
                self._status[event["loan_id"]] = event["to_status"]
                self._changed.notify_all()
