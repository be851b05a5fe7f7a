"""Somebody who watches every loan through it all, resuming after each break: nothing skipped, nothing repeated."""

import json
import threading
import time
from decimal import Decimal
from typing import Any, Self

import httpx

from tests.system.chaos.checker import Answers

SILENCE_MOST_S = 5  # after which the watcher takes the stream for dead
PAUSE_S = 0.3  # before it resumes
PHONE = "+14155550000"  # of the loan whose first event is where the watching begins


class Watcher:
    """Watches on a thread of its own, from entering the `with` until its end.

    Args:
        url: Where the gateway is; it must serve when the watching begins.
        answers: Gets the loan with which the watching begins.

    Attributes:
        first: The id of the event after which the watching begins.
        seen: The ids of all events that came, in their order.
        resumed: How often the stream was taken up again.
    """

    def __init__(self, url: str, answers: Answers) -> None:
        self.first = ""
        self.seen: list[str] = []
        self.resumed = -1
        self._http = httpx.Client(base_url=url, timeout=SILENCE_MOST_S)
        self._answers = answers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        form = {"customer_name": "First", "customer_phone": PHONE, "loan_amount": "1", "loan_type": "AUTO"}
        loan = self._http.post("/api/v1/loans", json=form, timeout=60).raise_for_status().json()
        self._answers.asked[PHONE] = Decimal(form["loan_amount"])
        self._answers.accepted[PHONE] = loan["loan_id"]
        history = self._http.get(f"/api/v1/loans/{loan['loan_id']}/events", timeout=60).raise_for_status().json()
        self.first = history["events"][0]["event_id"]
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()
        self._http.close()

    def broken(self, happened: list[str], patience_s: float) -> list[str]:
        """Wait until the last of what happened has been seen; answer what is wrong with what was seen.

        Args:
            happened: The ids of all events after the first, in their order.
            patience_s: How long to wait.
        """
        deadline = time.monotonic() + patience_s
        while len(self.seen) < len(happened) and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        seen = self.seen[: len(happened)]
        wrong = [(place, *pair) for place, pair in enumerate(zip(happened, seen, strict=False)) if pair[0] != pair[1]]
        if wrong:
            place, expected, came = wrong[0]
            return [f"the watcher saw {came} as event {place}, where {expected} had happened"]
        if missing := len(happened) - len(seen):
            return [f"the watcher never saw the last {missing} of {len(happened)} events"]
        return []

    def _watch(self) -> None:
        """Watch, and resume after the last event seen whatever ends the stream."""
        while not self._over.is_set():
            self.resumed += 1
            after = self.seen[-1] if self.seen else self.first
            try:
                self._follow(after)
            except httpx.TransportError:
                self._over.wait(PAUSE_S)

    def _follow(self, after: str) -> None:
        asked = {"params": {"after_event_id": after}, "headers": {"accept": "application/x-ndjson"}}
        with self._http.stream("GET", "/api/v1/loans:watch", **asked) as answer:  # type: ignore[arg-type]  # one type for all
            if answer.status_code != 200:
                self._over.wait(PAUSE_S)
                return
            for line in answer.iter_lines():
                event: dict[str, Any] = json.loads(line)
                if "error" in event or self._over.is_set():
                    return
                self.seen.append(event["event_id"])
