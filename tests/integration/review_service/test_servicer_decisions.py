"""Deciding loans over gRPC, and what the loan service has to do with it."""

from typing import Any
from uuid import UUID, uuid4

import grpc_testing
import pytest

from chassis import rpc
from chassis.errors import DeadlineExceeded, ServiceError, Unavailable
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import Agent, State
from review_service.servicer import ReviewServicer
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.peers import Peers, Status
from tests.integration.review_service.reception import Code, Service, refusal

APPROVE, REJECT = review_pb2.DecideLoanRequest.APPROVE, review_pb2.DecideLoanRequest.REJECT


def decide(loan_id: UUID, agent: Agent, decision: Any = APPROVE, **fields: Any) -> review_pb2.DecideLoanRequest:
    return review_pb2.DecideLoanRequest(agent_id=agent.agent_id, loan_id=str(loan_id), decision=decision, **fields)


def opened(office: Office, peers: Peers, amount: int = 20_000) -> UUID:
    """A loan under review, here and at the loan service."""
    (loan_id,) = office.open(application(amount))
    peers.put_under_review(loan_id)
    return loan_id


def test_a_decision_is_recorded_applied_at_once_and_answered_with_the_loan(
    service: Service, office: Office, peers: Peers
) -> None:
    agent = office.hire()
    loan_id = opened(office, peers)
    request = decide(loan_id, agent, REJECT, reason_codes=["INSUFFICIENT_INCOME"], comment="too little")
    first = service.outside.DecideLoan(request).loan
    assert first.application_status == Status.REJECTED_BY_AGENT
    assert service.outside.DecideLoan(request).loan == first
    told = loan_pb2.RecordReviewDecisionRequest(
        loan_id=str(loan_id),
        agent_id=agent.agent_id,
        approved=False,
        reason_codes=["INSUFFICIENT_INCOME"],
        comment="too little",
    )
    assert peers.decisions == [told, told]
    assert len(office.jobs("record_decision")) == 1


def test_a_recommendation_answers_the_loan_still_under_review(service: Service, office: Office, peers: Peers) -> None:
    manager = office.hire()
    agent = office.hire(manager, limit=10_000)
    loan_id = opened(office, peers)
    for _ in range(2):
        assert service.outside.DecideLoan(decide(loan_id, agent)).loan.application_status == Status.UNDER_REVIEW
    assert peers.decisions == []
    assert office.holder(loan_id) == manager.agent_id
    assert service.outside.DecideLoan(decide(loan_id, manager)).loan.application_status == Status.APPROVED_BY_AGENT
    assert service.outside.DecideLoan(decide(loan_id, agent)).loan.application_status == Status.APPROVED_BY_AGENT


def test_decisions_that_others_stand_in_the_way_of_are_refused(service: Service, office: Office, peers: Peers) -> None:
    agent = office.hire()
    loan_id = opened(office, peers)
    stranger = office.hire()
    assert refusal(service.outside.DecideLoan, decide(loan_id, stranger)) == (
        Code.PERMISSION_DENIED,
        "NOT_ASSIGNED_TO_AGENT",
        [],
    )
    service.outside.DecideLoan(decide(loan_id, agent))
    assert refusal(service.outside.DecideLoan, decide(loan_id, agent, REJECT)) == (
        Code.ALREADY_EXISTS,
        "DECISION_ALREADY_MADE",
        [],
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, (Code.NOT_FOUND, "LOAN_NOT_FOUND", [])),
        (Status.APPROVED_BY_SYSTEM, (Code.FAILED_PRECONDITION, "LOAN_NOT_UNDER_REVIEW", [])),
        (Status.APPLIED, (Code.FAILED_PRECONDITION, "LOAN_NOT_UNDER_REVIEW", [])),
        (Status.UNDER_REVIEW, (Code.PERMISSION_DENIED, "NOT_ASSIGNED_TO_AGENT", [])),
    ],
    ids=["no such loan", "decided by the system", "not assessed yet", "on its way here"],
)
def test_without_a_review_the_loan_service_says_why(
    service: Service,
    office: Office,
    peers: Peers,
    status: Any,
    expected: object,
) -> None:
    agent, loan_id = office.hire(), uuid4()
    if status is not None:
        peers.statuses[str(loan_id)] = status
    assert refusal(service.outside.DecideLoan, decide(loan_id, agent)) == expected


def test_a_cancelled_review_is_not_under_review(service: Service, office: Office, peers: Peers) -> None:
    agent = office.hire()
    loan_id = opened(office, peers)
    office.cancel(loan_id)
    assert refusal(service.outside.DecideLoan, decide(loan_id, agent)) == (
        Code.FAILED_PRECONDITION,
        "LOAN_NOT_UNDER_REVIEW",
        [],
    )


def test_an_unknown_agent_is_said(service: Service, office: Office, peers: Peers) -> None:
    office.hire()
    loan_id = opened(office, peers)
    request = review_pb2.DecideLoanRequest(agent_id=2**31 - 1, loan_id=str(loan_id), decision=APPROVE)
    assert refusal(service.outside.DecideLoan, request) == (Code.NOT_FOUND, "AGENT_NOT_FOUND", [])


@pytest.mark.parametrize("failure", [Unavailable("away"), DeadlineExceeded("slow")], ids=["away", "too slow"])
def test_while_the_loan_service_is_away_the_decision_is_kept_and_may_be_repeated(
    service: Service, office: Office, peers: Peers, failure: ServiceError
) -> None:
    agent = office.hire()
    loan_id = opened(office, peers)

    peers.fail_with(failure)
    for _ in range(2):
        code, reason, _ = refusal(service.outside.DecideLoan, decide(loan_id, agent))
        assert (code, reason) == (Code.UNAVAILABLE, "DECISION_NOT_APPLIED_YET")
    assert office.review(loan_id).state is State.DECIDED
    assert len(office.jobs("record_decision")) == 1
    peers.come_back()
    assert service.outside.DecideLoan(decide(loan_id, agent)).loan.application_status == Status.APPROVED_BY_AGENT


def test_a_decision_that_comes_too_late_is_void(service: Service, office: Office, peers: Peers) -> None:
    agent = office.hire()
    loan_id = opened(office, peers)
    peers.statuses[str(loan_id)] = Status.WITHDRAWN
    for _ in range(2):
        assert refusal(service.outside.DecideLoan, decide(loan_id, agent)) == (
            Code.FAILED_PRECONDITION,
            "LOAN_NOT_UNDER_REVIEW",
            [],
        )
    assert office.review(loan_id).state is State.CANCELLED
    assert len(peers.decisions) == 1


def test_what_the_loan_service_cannot_do_at_all_is_passed_on(service: Service, office: Office) -> None:
    agent = office.hire()
    (loan_id,) = office.open()
    assert refusal(service.outside.DecideLoan, decide(loan_id, agent)) == (Code.NOT_FOUND, "LOAN_NOT_FOUND", [])


def test_the_loan_service_is_asked_under_the_callers_request_id(service: Service, office: Office, peers: Peers) -> None:
    agent = office.hire()
    loan_id = opened(office, peers)
    service.outside.DecideLoan(decide(loan_id, agent), metadata=((rpc.REQUEST_ID, "from-the-caller"),))
    assert peers.request_ids == ["from-the-caller"]


def test_the_servicers_work_behind_a_testing_server_too(office: Office, peers: Peers) -> None:
    descriptor = review_pb2.DESCRIPTOR.services_by_name["ReviewService"]
    servicer = ReviewServicer(office.engine, peers.loans, lambda: None, phone_region="US")
    server = grpc_testing.server_from_dictionary({descriptor: servicer}, grpc_testing.strict_real_time())

    def invoke(name: str, request: object) -> tuple[Any, Code, str]:
        call = server.invoke_unary_unary(descriptor.methods_by_name[name], (), request, 30)
        answer, _, code, said = call.termination()
        return answer, code, said

    agent = office.hire()
    loan_id = opened(office, peers)
    answer, code, _ = invoke("DecideLoan", decide(loan_id, agent))
    assert (answer.loan.application_status, code) == (Status.APPROVED_BY_AGENT, Code.OK)
    _, code, said = invoke("DecideLoan", decide(loan_id, agent, REJECT))
    assert (code, said) == (Code.ALREADY_EXISTS, f"loan {loan_id} was decided by agent {agent.agent_id}")
    _, code, said = invoke("GetAgent", review_pb2.GetAgentRequest(agent_id=2**31 - 1))
    assert (code, said) == (Code.NOT_FOUND, "there is no agent 2147483647")
