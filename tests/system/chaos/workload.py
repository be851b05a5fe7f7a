"""Customers and agents who keep their own record of what they asked and what they were answered.

Customers arrive at random times, whatever the system does (an open loop). Each asks for one loan, with a key, and
repeats until the answer is known. Loans under review are decided by whom they are assigned to, some twice at once;
some customers withdraw, at any moment. Meanwhile staff come and go: they are absent, leave and return, are covered, get
other limits, and are given one another's reviews. A request's outcome is one of

    ok          it is done
    refused     it is not done, and will not be
    busy        it is not done, and may be tried again
    unknown     it may be done or not; it is repeated
"""

import asyncio
import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Self

import httpx

from tests.system.chaos.checker import Answers
from tests.system.client import FINAL

PER_S = 5.0
TIMEOUT_S = 12.0  # of a request; longer than what the gateway allows a call
PAUSE_MOST_S = 1.5  # before a request is repeated
LOOK_EVERY_S = 0.4
MANAGERS = 4  # who each change something about somebody every so many seconds
STAFF_CHANGE_EVERY_S = 2.0
ABSENT_S = 4.0
ABORTED = 10  # the gRPC code for a lost race, which HTTP calls a conflict as well

AMOUNTS = ("12.50", "9999.99", "10000", "25000", "80000", "180000", "300000", "500000", "500000.01", "750000")

Json = dict[str, Any]


class Workload:
    """Runs on a thread of its own, from entering the `with` until `finish`.

    Args:
        url: Where the gateway is.
        seed: Of all chance.

    Attributes:
        answers: What was asked and answered, for the checker.
        outcomes: How many requests of each kind had each outcome.
        never_known: The kinds of requests whose outcome nobody knew in the end.
    """

    def __init__(self, url: str, seed: int) -> None:
        self.answers = Answers()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.never_known: list[str] = []
        self._url = url
        self._chance = random.Random(seed)  # noqa: S311 -- guards nothing
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="workload", daemon=True)
        self._closing = asyncio.Event()
        self._patience_s = 0.0
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.finish(patience_s=0)

    def finish(self, patience_s: float) -> None:
        """Let nobody new arrive, and wait until every outcome is known, but not for ever.

        Raises:
            BaseException: What went wrong with the workload itself, such as an answer that makes no sense.
        """
        if self._thread.is_alive():
            self._patience_s = patience_s
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._work())
        except BaseException as failure:  # noqa: BLE001 -- raised by `finish`, on the thread of who started this
            self._failure = failure
        finally:
            self._loop.close()

    async def _work(self) -> None:
        limits = httpx.Limits(max_connections=500, max_keepalive_connections=50)
        async with httpx.AsyncClient(base_url=self._url, timeout=TIMEOUT_S, limits=limits) as self._http:
            stories = {asyncio.create_task(self._manage()) for _ in range(MANAGERS)}
            while not self._closing.is_set():
                stories.add(asyncio.create_task(self._story(len(stories))))
                await self._pause(self._chance.expovariate(PER_S))
            _, unfinished = await asyncio.wait(stories, timeout=self._patience_s)
            for story in unfinished:
                story.cancel()
            for ended in await asyncio.gather(*stories, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the time at which nobody new arrives."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    async def _story(self, number: int) -> None:
        """One customer, from the submit to the end or to the closing time."""
        phone = f"+1415{200 + number // 10_000}{number % 10_000:04}"
        amount = self._chance.choice(AMOUNTS)
        changes_mind, is_left_alone = self._chance.random() < 0.15, self._chance.random() < 0.1
        form = {"customer_name": f"Customer {number}", "customer_phone": phone, "loan_type": "HOME"}
        self.answers.asked[phone] = Decimal(amount)
        headers = {"Idempotency-Key": f"chaos-{number}"}
        loan = await self._until_known(
            "submit", "POST", "/api/v1/loans", json={**form, "loan_amount": amount}, headers=headers
        )
        if loan is None:
            return
        self.answers.accepted[phone] = loan["loan_id"]
        both = [self._withdraw(loan["loan_id"])] if changes_mind else []
        if Decimal(10_000) <= Decimal(amount) <= Decimal(500_000) and not is_left_alone:
            both.append(self._review(loan["loan_id"]))
        await asyncio.gather(*both)

    async def _withdraw(self, loan_id: str) -> None:
        """Change one's mind, at once or while others are at it."""
        await self._pause(self._chance.choice([0, 0.2, 2.0, 6.0]))
        await self._until_known("withdraw", "POST", f"/api/v1/loans/{loan_id}:withdraw", json={})

    async def _review(self, loan_id: str) -> None:
        """Have a loan decided by whoever it is assigned to, higher and higher up if need be."""
        while (agent_id := await self._assigned_agent(loan_id)) is not None:
            choices = [self._chance.choice(["APPROVE", "REJECT"])]
            if self._chance.random() < 0.2:
                choices = ["APPROVE", "REJECT"]
            await asyncio.gather(*(self._decide(loan_id, agent_id, choice) for choice in choices))
            await self._pause(LOOK_EVERY_S)

    async def _decide(self, loan_id: str, agent_id: int, choice: str) -> None:
        path = f"/api/v1/agents/{agent_id}/loans/{loan_id}/decision"
        reasons = {"APPROVE": [], "REJECT": ["DEBT_TO_INCOME"]}
        await self._until_known("decide", "PUT", path, json={"decision": choice, "reason_codes": reasons[choice]})

    async def _assigned_agent(self, loan_id: str) -> int | None:
        """Look until a loan is with somebody; None if it is decided, or nobody looks any more."""
        while not self._closing.is_set():
            loan = await self._until_known("look", "GET", f"/api/v1/loans/{loan_id}")
            if loan is None or loan["application_status"] in FINAL:
                return None
            if loan["application_status"] == "UNDER_REVIEW" and "assigned_agent_id" in loan:
                agent_id: int = loan["assigned_agent_id"]
                return agent_id
            await self._pause(LOOK_EVERY_S)
        return None

    async def _manage(self) -> None:
        """Change something about somebody, time and again."""
        changes = (self._be_absent, self._leave, self._be_covered, self._change_limit, self._reassign)
        while not self._closing.is_set():
            await self._pause(self._chance.expovariate(1 / STAFF_CHANGE_EVERY_S))
            if found := await self._ask_staff("GET", "/api/v1/agents"):
                one, other = self._chance.sample([agent["agent_id"] for agent in found["agents"]], 2)
                await self._chance.choice(changes)(one, other)

    async def _be_absent(self, agent_id: int, _other: int) -> None:
        """Take nothing new for a while."""
        path = f"/api/v1/agents/{agent_id}"
        await self._ask_staff("PATCH", path, json={"is_available": False})
        await self._pause(ABSENT_S)
        await self._until_known("staff", "PATCH", path, json={"is_available": True})

    async def _leave(self, agent_id: int, _other: int) -> None:
        """Leave the company for a while; those who have work take it over."""
        await self._ask_staff("POST", f"/api/v1/agents/{agent_id}:deactivate", json={"reassign": True})
        await self._pause(ABSENT_S)
        await self._until_known("staff", "POST", f"/api/v1/agents/{agent_id}:activate", json={})

    async def _be_covered(self, agent_id: int, substitute_id: int) -> None:
        until = (datetime.now(UTC) + timedelta(seconds=2 * ABSENT_S)).isoformat()
        absence = {"substitute_agent_id": substitute_id, "ends_at": until}
        await self._ask_staff("POST", f"/api/v1/agents/{agent_id}/covers", json=absence)

    async def _change_limit(self, agent_id: int, _other: int) -> None:
        limit = self._chance.choice([{}, {"amount": "50000"}, {"amount": "200000"}, {"amount": "600000"}])
        await self._ask_staff("POST", f"/api/v1/agents/{agent_id}/approval-limits", json=limit)

    async def _reassign(self, manager_id: int, agent_id: int) -> None:
        """Give away the first of all reviews in a branch, mostly to somebody who may not have it."""
        queue = await self._ask_staff("GET", f"/api/v1/agents/{manager_id}/loans", params={"include_subtree": True})
        for each in (queue or {"assignments": []})["assignments"][:1]:
            path = f"/api/v1/agents/{manager_id}/loans/{each['loan_id']}:reassign"
            await self._ask_staff("POST", path, json={"to_agent_id": agent_id})

    async def _ask_staff(self, method: str, path: str, **rest: Any) -> Json | None:
        """Send a request about staff once; answer what it answers, None if that is no success."""
        outcome, answer = await self._once(method, path, **rest)
        self.outcomes["staff", outcome] += 1
        return answer

    async def _until_known(self, kind: str, method: str, path: str, **rest: Any) -> Json | None:
        """Repeat a request until its outcome is known; answer what it answers, or None if it is refused."""
        try:
            while True:
                outcome, answer = await self._once(method, path, **rest)
                self.outcomes[kind, outcome] += 1
                if answer is not None:
                    self._remember(answer)
                    return answer
                if outcome.startswith("refused"):
                    return None
                await asyncio.sleep(self._chance.uniform(0.1, PAUSE_MOST_S))
        except asyncio.CancelledError:
            self.never_known.append(kind)
            raise

    async def _once(self, method: str, path: str, **rest: Any) -> tuple[str, Json | None]:
        """Send a request; answer its outcome, and what it answers if it is done."""
        try:
            answer = await self._http.request(method, path, **rest)
        except httpx.TransportError as error:
            return f"unknown: {type(error).__name__}", None
        try:
            body: Json = answer.json()
        except ValueError:
            raise AssertionError(f"{method} {path} was answered {answer.status_code}: {answer.text[:200]!r}") from None
        if answer.is_success:
            return "ok", body
        reason = next((detail["reason"] for detail in body["details"] if "reason" in detail), "")
        said = f"{answer.status_code} {reason}".strip()
        if answer.status_code >= 500:
            return f"unknown: {said}", None
        if answer.status_code == 429 or body["code"] == ABORTED:
            return f"busy: {said}", None
        return f"refused: {said}", None

    def _remember(self, answer: Json) -> None:
        """Keep the final state of a loan that somebody was told."""
        if (status := answer.get("application_status")) in FINAL:
            self.answers.finals.setdefault(answer["loan_id"], set()).add(status)
