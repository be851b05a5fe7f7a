"""The pool that tells the other services and finds somebody for waiting reviews."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis.errors import FailedPrecondition, ServiceError, Unavailable
from chassis.personal import Name
from chassis.pool import Pool
from deploy.processes import wait_until
from los.loan.v1 import loan_pb2
from los.notification.v1 import notification_pb2
from review_service import usecases, worker
from review_service.domain import Choice, State
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.peers import Peers, Status

RESTING = text("SELECT 1 FROM jobs WHERE key = 'assign_waiting' AND state = 'READY' AND run_at > now()")
PERIODIC = [usecases.ASSIGN_WAITING, usecases.ESCALATE, usecases.APPLY_COVERS]


@contextmanager
def working(office: Office, peers: Peers) -> Iterator[Pool]:
    """A pool at work while the block lasts."""
    office.jobs_are_taken = True
    handlers = worker.handlers(
        peers.loans, peers.notifications, office.policy, assign_every_s=0.1, escalate_every_s=0.1
    )
    pool = Pool(office.engine, handlers, name="test", size=4)
    pool.start()
    try:
        yield pool
    finally:
        pool.stop(10)


def told(office: Office) -> bool:
    """Whether nothing is left to tell."""
    return not office.rows(text("SELECT 1 FROM jobs WHERE kind <> ALL (:periodic)"), periodic=PERIODIC)


def parked(office: Office) -> list[str]:
    return [row.key for row in office.rows(text("SELECT key FROM jobs WHERE state = 'PARKED' ORDER BY key"))]


def hasten(office: Office) -> None:
    """Do not wait for jobs that were put off."""
    with office.engine.begin() as tx:
        tx.execute(text("UPDATE jobs SET run_at = now() WHERE state = 'READY'"))


def test_assignments_are_told_once_to_the_loan_service_the_agent_and_the_manager(office: Office, peers: Peers) -> None:
    manager = office.hire()
    agent, loner = office.hire(manager), office.hire()
    loan_ids = office.open(*(application() for _ in range(50)))
    with working(office, peers):
        wait_until(lambda: told(office), "everything to be told", 30)
    told_of = {
        UUID(each.loan_id): [(step.assigned_agent_id, step.number) for step in each.steps] for each in peers.reviews
    }
    assert told_of == {loan_id: [(office.holder(loan_id), 1)] for loan_id in loan_ids}
    assert len(peers.reviews) == 50
    assert Counter((message.recipient, message.template) for message in peers.messages) == {
        (f"agent:{agent.agent_id}", "LOAN_ASSIGNED"): 25,
        (f"agent:{manager.agent_id}", "LOAN_ASSIGNED_TO_REPORT"): 25,
        (f"agent:{loner.agent_id}", "LOAN_ASSIGNED"): 25,
    }
    assert len({message.dedupe_key for message in peers.messages}) == 75
    (sample,) = (each for each in peers.messages if each.dedupe_key == f"push:{loan_ids[0]}:step-1:agent")
    assert (sample.channel, dict(sample.values)) == (
        notification_pb2.Notification.PUSH,
        {"customer_name": "Ada Lovelace", "loan_amount": "20000.00", "currency_code": "USD", "loan_type": "HOME"},
    )


def test_a_message_names_who_people_are_when_it_is_sent(office: Office, peers: Peers) -> None:
    agent = office.hire(office.hire())
    (loan_id,) = office.open()
    office.change(agent, {"name": Name("Grace Hopper")})
    with working(office, peers):
        wait_until(lambda: told(office), "everything to be told", 30)
    (to_manager,) = (each for each in peers.messages if each.template == "LOAN_ASSIGNED_TO_REPORT")
    assert (to_manager.loan_id, to_manager.values["agent_name"]) == (str(loan_id), "Grace Hopper")


def test_a_message_that_an_earlier_release_has_left_behind_is_sent_as_it_was(office: Office, peers: Peers) -> None:
    office.hire()
    (loan_id,) = office.open()
    as_it_was = {"customer_name": "Ada Byron", "loan_amount": "1.00", "currency_code": "USD", "loan_type": "HOME"}
    statement = """UPDATE jobs SET args = args - 'named_agent_id' || jsonb_build_object('values', CAST(:said AS jsonb))
        WHERE kind = 'notify_staff'"""
    with office.engine.begin() as tx:
        tx.execute(text(statement), {"said": json.dumps(as_it_was)})
    with working(office, peers):
        wait_until(lambda: told(office), "everything to be told", 30)
    assert [(each.loan_id, dict(each.values)) for each in peers.messages] == [(str(loan_id), as_it_was)]


def test_a_decision_is_applied_although_nobody_waits_for_it(office: Office, peers: Peers) -> None:
    agent = office.hire()
    (loan_id,) = office.open()
    peers.put_under_review(loan_id)
    office.decide(loan_id, agent, Choice.REJECT, why=["INCOME_INSUFFICIENT"], comment="too little")
    hasten(office)
    with working(office, peers):
        wait_until(lambda: told(office), "the decision to be told", 30)
    assert peers.statuses[str(loan_id)] == Status.REJECTED_BY_AGENT
    assert peers.decisions == [
        loan_pb2.RecordReviewDecisionRequest(
            loan_id=str(loan_id),
            agent_id=agent.agent_id,
            approved=False,
            reason_codes=["INCOME_INSUFFICIENT"],
            comment="too little",
            right=loan_pb2.LoanEvent.RIGHT_OF_ASSIGNEE,
            steps=[step for each in peers.reviews for step in each.steps],
        )
    ]


def test_a_decision_that_comes_too_late_is_void(office: Office, peers: Peers) -> None:
    agent = office.hire()
    late, timely = office.open(application(), application())
    peers.put_under_review(timely)
    peers.statuses[str(late)] = Status.EXPIRED
    for loan_id in (late, timely):
        office.decide(loan_id, agent)
    hasten(office)
    with working(office, peers):
        wait_until(lambda: told(office), "the decisions to be told", 30)
    assert (office.review(late).state, office.review(timely).state) == (State.CANCELLED, State.DECIDED)


def test_an_outage_of_the_others_costs_time_and_nothing_else(office: Office, peers: Peers) -> None:
    agent = office.hire()
    loan_ids = office.open(*(application() for _ in range(20)))
    peers.put_under_review(*loan_ids)
    for loan_id in loan_ids:
        office.decide(loan_id, agent)
    hasten(office)
    refused: list[str] = []

    def away(method: str) -> None:
        refused.append(method)
        raise Unavailable("away")

    peers.refuse = away
    with working(office, peers):
        methods = {"RecordReviewDecision", "RecordReviewSteps", "SendNotification"}
        wait_until(lambda: methods <= set(refused), "everything to be refused", 30)
        peers.come_back()
        wait_until(lambda: told(office), "everything to be told", 30)
    assert set(peers.statuses.values()) == {Status.APPROVED_BY_AGENT}
    assert len(peers.reviews) == len(peers.messages) == 20


@pytest.mark.parametrize(
    ("error", "kept"),
    [(ServiceError("a defect"), True), (FailedPrecondition("not under review"), False)],
    ids=["a defect", "the loan is not under review any more"],
)
def test_a_step_that_is_refused_does_not_hold_up_the_others(
    office: Office, peers: Peers, error: ServiceError, *, kept: bool
) -> None:
    office.hire()
    bad, *good = office.open(*(application() for _ in range(5)))

    def refuse(item: object) -> None:
        if isinstance(item, loan_pb2.RecordReviewStepsRequest.Review) and item.loan_id == str(bad):
            raise error

    peers.refuse_item = refuse

    def only_the_bad_is_left() -> bool:
        left = office.rows(text("SELECT key FROM jobs WHERE kind <> ALL (:periodic)"), periodic=PERIODIC)
        return [row.key for row in left] == ([f"record_steps:{bad}:1"] if kept else [])

    with working(office, peers):
        wait_until(only_the_bad_is_left, "the others to be told", 30)
    assert {each.loan_id for each in peers.reviews} == {str(loan_id) for loan_id in good}


def test_what_is_refused_again_and_again_is_parked_with_its_reason(office: Office, peers: Peers) -> None:
    office.hire()
    (loan_id,) = office.open()

    def refuse(item: object) -> None:
        if isinstance(item, notification_pb2.SendNotificationRequest.Message):
            raise ServiceError("unknown template")

    peers.refuse_item = refuse
    key = f"push:{loan_id}:step-1:agent"
    with office.engine.begin() as tx:
        tx.execute(text("UPDATE jobs SET attempt = 9 WHERE key = :key"), {"key": key})
    with working(office, peers):
        wait_until(lambda: parked(office) == [key], "the message to be parked", 30)


def test_reviews_that_wait_although_somebody_could_take_them_are_found(office: Office, peers: Peers) -> None:
    agent = office.hire(available=False)
    loan_ids = office.open(*(application() for _ in range(1_500)))
    with office.engine.begin() as tx:  # as if it had happened beside every use case
        tx.execute(text("UPDATE agents SET is_available = TRUE"))
    with working(office, peers):
        wait_until(lambda: office.open_count(agent) == len(loan_ids), "all to be assigned", 30)


def test_what_happens_in_a_review_is_told_in_order_however_late(office: Office, peers: Peers) -> None:
    manager = office.hire()
    agent = office.hire(manager, limit=10_000)
    (loan_id,) = office.open()
    office.decide(loan_id, agent)
    with working(office, peers):
        wait_until(lambda: told(office), "everything to be told", 30)
    (review,) = peers.reviews
    assert [(step.number, step.kind) for step in review.steps] == [
        (1, loan_pb2.LoanEvent.ASSIGNED),
        (2, loan_pb2.LoanEvent.RECOMMENDED),
        (3, loan_pb2.LoanEvent.ASSIGNED),
    ]
    assert (review.steps[1].actor, review.steps[1].approval_limit) == (f"agent:{agent.agent_id}", "10000.00")
    assert review.steps[2].assigned_agent_id == manager.agent_id


def test_a_freed_slot_is_filled_at_once(office: Office, peers: Peers) -> None:
    agent = office.hire(most=1)
    first, second = office.open(application(), application())
    peers.put_under_review(first)
    office.jobs_are_taken = True
    handlers = worker.handlers(
        peers.loans, peers.notifications, office.policy, assign_every_s=3_600, escalate_every_s=3_600
    )
    pool = Pool(office.engine, handlers, name="test", size=4)
    pool.start()
    try:
        wait_until(lambda: bool(office.rows(RESTING)), "the first look at what waits", 30)
        office.decide(first, agent)
        wait_until(lambda: office.holder(second) == agent.agent_id, "the second to be assigned", 30)
    finally:
        pool.stop(10)


def test_an_overdue_review_moves_up_once_although_two_services_look_for_it(office: Office, peers: Peers) -> None:
    head = office.hire(available=False)
    manager = office.hire(head, available=False)
    office.hire(manager)
    loan_ids = office.open(*(application() for _ in range(20)))
    office.make_overdue(*loan_ids)
    with working(office, peers), working(office, peers):
        wait_until(lambda: office.open_count(manager) == 20, "all to move up", 30)
        wait_until(lambda: told(office), "everything to be told", 30)
    assert {tuple(office.kinds(loan_id)) for loan_id in loan_ids} == {("ASSIGNED", "ESCALATED")}
    templates = Counter(message.template for message in peers.messages)
    assert templates["LOAN_ESCALATED"] == templates["LOAN_ESCALATED_TO_MANAGER"] == 20
    assert len({message.dedupe_key for message in peers.messages}) == len(peers.messages)
