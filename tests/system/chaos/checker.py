"""Proves the promises: nothing lost, nothing twice, nobody stuck.

Reads the three schemas with the login that owns them, and the provider's log, once nothing is left to do; what callers
were answered comes from whoever asked. Everything that breaks a promise becomes a sentence; no sentence is good.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from chassis import db
from loan_service import audit
from loan_service.domain import CreditPolicy
from tests.system.chaos import promises

SHOWN_MOST = 5
"""How many violations of one promise are shown one by one."""

_SENT = re.compile(r"(?:sms|push) sent\s.*\bdedupe_key=(\S+)")

UNFINISHED = text(f"SELECT count(*) {promises.UNFINISHED}")
WAITING = text(f"SELECT count(*) {promises.WAITING}")
PARKED = text(f"SELECT service, key, last_error FROM {promises.JOBS} WHERE state = 'PARKED'")
LOANS = text("SELECT customer_phone, loan_id::text, loan_amount, status FROM loan.loans")
KEYS = text("SELECT dedupe_key FROM notification.notifications")

# In the order in which watchers see them.
HAPPENED = text("""
SELECT transaction || '-' || replace(loan_id::text, '-', '') || '-' || version FROM loan.loan_events
WHERE (transaction, loan_id, version) > (CAST(:transaction AS xid8), CAST(:loan_id AS uuid), CAST(:version AS int))
ORDER BY transaction, loan_id, version
""")

# An attempt that ended without success, or without a word, may have reached the provider all the same.
ATTEMPTS = text("""
SELECT dedupe_key, state, count(number) FILTER (WHERE finished_at IS NULL OR error <> '')
FROM notification.notifications LEFT JOIN notification.delivery_attempts USING (notification_id)
GROUP BY notification_id
""")


@dataclass(slots=True)
class Answers:
    """What those who asked know; every customer asks for one loan.

    Attributes:
        asked: The amount of every submit that was ever sent, by the customer's phone.
        accepted: The loan that a submit was answered with, by the customer's phone.
        finals: The final states that callers were told, by loan.
    """

    asked: dict[str, Decimal] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    finals: dict[str, set[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Findings:
    """What the checker found.

    Attributes:
        violations: A sentence for everything that breaks a promise.
        parked: A line for each parked job, with its reason.
        loans: How many loans there are, by status.
        repeated_sends: How often a message reached the provider once more because an attempt had been cut off.
    """

    violations: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    loans: Counter[str] = field(default_factory=Counter)
    repeated_sends: int = 0


def find(
    owner_url: str,
    provider_logs: Iterable[Path],
    answers: Answers | None = None,
    *,
    patience_s: float = 120,
    policy: CreditPolicy | None = None,
) -> Findings:
    """Wait until nothing is left to do, then look for everything that breaks a promise.

    Args:
        owner_url: The login that owns the database.
        provider_logs: Where the processes of the notification service write what they send.
        answers: What callers were answered, if somebody has kept it.
        patience_s: How long to wait; what is left after it is a violation.
        policy: The credit policy of the system.
    """
    engine = _engine(owner_url)
    deadline = time.monotonic() + patience_s
    while True:
        with engine.begin() as tx:  # everything is read in the snapshot in which nothing was left to do
            if _is_done(tx) or time.monotonic() > deadline:
                found = _examine(tx, answers, policy or CreditPolicy())
                attempts = {row[0]: (row[1], int(row[2])) for row in tx.execute(ATTEMPTS)}
                break
        time.sleep(0.1)
    found.violations += _broken_chain(owner_url)
    handed_over = Counter(key for log in provider_logs for key in _sent(log))
    with engine.begin() as tx:
        known = set(tx.scalars(KEYS))
    _hold_against_provider(found, attempts, handed_over, known)
    return found


def list_events_after(owner_url: str, event_id: str) -> list[str]:
    """The ids of all events after one, in the order in which watchers see them."""
    transaction, loan_id, version = event_id.split("-")
    with _engine(owner_url).begin() as tx:
        return list(tx.scalars(HAPPENED, {"transaction": transaction, "loan_id": loan_id, "version": version}))


def _engine(owner_url: str) -> Engine:
    url = make_url(owner_url).set(drivername="postgresql+psycopg2")
    return create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")


def _broken_chain(owner_url: str) -> list[str]:
    """The first history whose events are not what was written, as an auditor finds it."""
    engine = db.engine(owner_url, schema="loan", name="checker", pool_size=1)
    try:
        broken = audit.verify(engine).broken
    finally:
        engine.dispose()
    return [] if broken is None else [f"loan {broken[0]}: event {broken[1].version} {broken[1].finding}"]


def _is_done(tx: Connection) -> bool:
    """Whether nothing is left to do."""
    left = int(tx.execute(UNFINISHED).scalar_one()) + int(tx.execute(WAITING).scalar_one())
    return left == 0


def _examine(tx: Connection, answers: Answers | None, policy: CreditPolicy) -> Findings:
    """Hold the schemas against the promises, and against what callers were told."""
    found = Findings()
    values = promises.values(policy)
    for sentence, query in promises.PROMISES.items():
        needed = {name: value for name, value in values.items() if f":{name}" in query}
        _add(found, (sentence.format(*row) for row in tx.execute(text(query), needed)))
    found.parked = [f"{service}: {key}: {error}" for service, key, error in tx.execute(PARKED)]
    loans = [tuple(row) for row in tx.execute(LOANS)]
    found.loans = Counter(status for _, _, _, status in loans)
    if answers is not None:
        _add(found, _broken_answers(loans, answers))
    return found


def _broken_answers(loans: Iterable[tuple[Any, ...]], answers: Answers) -> Iterator[str]:
    """What was acknowledged and is not there, or is there and was not asked for."""
    of_customer: dict[str, list[tuple[Any, ...]]] = {}
    status_of = {}
    for phone, loan_id, amount, status in loans:
        of_customer.setdefault(phone, []).append((loan_id, amount))
        status_of[loan_id] = status
    for phone, stored in of_customer.items():
        if phone not in answers.asked:
            yield f"loan {stored[0][0]} was asked for by nobody"
        elif len(stored) > 1:
            yield f"customer {phone} asked for one loan and has {len(stored)}"
        elif stored[0][1] != answers.asked[phone]:
            yield f"loan {stored[0][0]} is over {stored[0][1]}, but was asked for over {answers.asked[phone]}"
    for phone, loan_id in answers.accepted.items():
        if loan_id not in {stored_id for stored_id, _ in of_customer.get(phone, [])}:
            yield f"loan {loan_id} of customer {phone} was acknowledged and is lost"
    for loan_id, told in answers.finals.items():
        if told != {status_of.get(loan_id)}:
            yield f"loan {loan_id} was said to be {' and '.join(sorted(told))}, but is {status_of.get(loan_id)}"


def _hold_against_provider(
    found: Findings, attempts: Mapping[str, tuple[str, int]], handed_over: Counter[str], known: set[str]
) -> None:
    """Every message that is SENT reached the provider once, and once more at most for every attempt cut off."""
    _add(
        found,
        (
            f"message {key} is SENT, but never reached the provider"
            for key, (state, _) in attempts.items()
            if state == "SENT" and not handed_over[key]
        ),
    )
    _add(found, (f"the provider got message {key}, which nobody knows" for key in handed_over if key not in known))
    for key, (_, cut_off) in attempts.items():
        again = handed_over[key] - 1
        if again > cut_off:
            _add(found, [f"message {key} reached the provider {again + 1} times, but {cut_off} attempts were cut off"])
        found.repeated_sends += max(0, again)


def _sent(log: Path) -> Iterator[str]:
    """The keys of the messages that the provider was given, as its log tells them."""
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{"):
            event = json.loads(line)
            if event.get("event") in {"sms sent", "push sent"}:
                yield event["dedupe_key"]
        elif match := _SENT.search(line):
            yield match[1]


def _add(found: Findings, sentences: Iterable[str]) -> None:
    """Add violations of one promise, the first ones in full."""
    listed = list(sentences)
    found.violations += listed[:SHOWN_MOST]
    if len(listed) > SHOWN_MOST:
        found.violations.append(f"... and {len(listed) - SHOWN_MOST} more of the last kind")
