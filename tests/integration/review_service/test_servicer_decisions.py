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
    request = decide(loan_id, agent, REJECT, reason_codes=["INCOME_INSUFFICIENT"], comment="too little")
    first = service.outside.DecideLoan(request).loan
    assert first.application_status == Status.REJECTED_BY_AGENT
    assert service.outside.DecideLoan(request).loan == first
    told = loan_pb2.RecordReviewDecisionRequest(
        loan_id=str(loan_id),
        agent_id=agent.agent_id,
        approved=False,
        reason_codes=["INCOME_INSUFFICIENT"],
        comment="too little",
        right=loan_pb2.LoanEvent.RIGHT_OF_ASSIGNEE,
    )
    for decision in peers.decisions:
        assert [step.kind for step in decision.steps] == [loan_pb2.LoanEvent.ASSIGNED]
        decision.ClearField("steps")
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
    assert refusal(service.outside.DecideLoan, decide(loan_id, agent, REJECT, reason_codes=["OTHER"])) == (
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


@pytest.mark.parametrize("failure", [Unavailable("away"), DeadlineExceeded("slow")], ids=["away", "too slow"])
def test_while_the_loan_service_is_away_nobody_with_a_limit_approves_but_everybody_rejects(
    service: Service, office: Office, peers: Peers, failure: ServiceError
) -> None:
    agent = office.hire(limit=50_000)
    loan_id = opened(office, peers)
    before = office.review(loan_id)
    peers.fail_with(failure)
    code, reason, _ = refusal(service.outside.DecideLoan, decide(loan_id, agent))
    assert (code, reason) == (Code.UNAVAILABLE, "EXPOSURE_NOT_AVAILABLE")
    assert office.review(loan_id) == before
    assert not office.jobs("record_decision")
    request = decide(loan_id, agent, REJECT, reason_codes=["OTHER"])
    assert refusal(service.outside.DecideLoan, request)[1] == "DECISION_NOT_APPLIED_YET"
    assert office.review(loan_id).state is State.DECIDED


def test_the_limit_is_held_against_what_the_loan_service_says_of_the_customer(
    service: Service, office: Office, peers: Peers
) -> None:
    agent = office.hire(office.hire(), limit=50_000)
    within, above = opened(office, peers), opened(office, peers)
    peers.exposures = {str(within): "50000.00", str(above): "50000.01"}
    assert service.outside.DecideLoan(decide(within, agent)).loan.application_status == Status.APPROVED_BY_AGENT
    assert service.outside.DecideLoan(decide(above, agent)).loan.application_status == Status.UNDER_REVIEW
    (told,) = peers.decisions
    assert (told.approval_limit, told.customer_exposure) == ("50000.00", "50000.00")
    recommended = office.steps(above)[1]
    assert (recommended.kind, f"{recommended.customer_exposure}") == ("RECOMMENDED", "50000.01")


def test_the_loan_service_is_told_by_which_right_and_of_all_steps_before(
    service: Service, office: Office, peers: Peers
) -> None:
    manager, substitute = office.hire(), office.hire(available=False)
    agent = office.hire(manager)
    loan_id = opened(office, peers)
    assert office.holder(loan_id) == agent.agent_id
    office.cover(agent, substitute)
    service.outside.DecideLoan(decide(loan_id, substitute, reason_codes=["INCOME_VERIFIED"]))
    (told,) = peers.decisions
    assert (told.right, told.on_behalf_of_agent_id) == (loan_pb2.LoanEvent.RIGHT_OF_SUBSTITUTE, agent.agent_id)
    assert [(step.number, step.kind, step.assigned_agent_id) for step in told.steps] == [
        (1, loan_pb2.LoanEvent.ASSIGNED, agent.agent_id),
        (2, loan_pb2.LoanEvent.COVERED, substitute.agent_id),
    ]
    assert told.steps[1].on_behalf_of_agent_id == agent.agent_id


def test_reasons_that_are_not_in_the_catalogue_are_refused(service: Service, office: Office, peers: Peers) -> None:
    agent = office.hire()
    loan_id = opened(office, peers)
    for request, field in (
        (decide(loan_id, agent, REJECT), "reason_codes"),
        (decide(loan_id, agent, REJECT, reason_codes=["OTHER", "BAD_HAIR"]), "reason_codes[1]"),
        (decide(loan_id, agent, reason_codes=["OTHER"]), "reason_codes[0]"),
    ):
        code, _, fields = refusal(service.outside.DecideLoan, request)
        assert (code, fields) == (Code.INVALID_ARGUMENT, [field])
    assert office.review(loan_id).state is State.OPEN


def test_who_has_left_decides_nothing(service: Service, office: Office, peers: Peers) -> None:
    agent = office.hire()
    loan_id = opened(office, peers)
    office.dismiss(agent, reassign=True)
    expected: tuple[Code, str, list[str]] = (Code.FAILED_PRECONDITION, "AGENT_NOT_ACTIVE", [])
    assert refusal(service.outside.DecideLoan, decide(loan_id, agent)) == expected


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
    servicer = ReviewServicer(office.engine, peers.loans, lambda: None, office.policy, phone_region="US")
    server = grpc_testing.server_from_dictionary({descriptor: servicer}, grpc_testing.strict_real_time())

    def invoke(name: str, request: object) -> tuple[Any, Code, str]:
        call = server.invoke_unary_unary(descriptor.methods_by_name[name], (), request, 30)
        answer, _, code, said = call.termination()
        return answer, code, said

    agent = office.hire()
    loan_id = opened(office, peers)
    answer, code, _ = invoke("DecideLoan", decide(loan_id, agent))
    assert (answer.loan.application_status, code) == (Status.APPROVED_BY_AGENT, Code.OK)
    _, code, said = invoke("DecideLoan", decide(loan_id, agent, REJECT, reason_codes=["OTHER"]))
    assert (code, said) == (Code.ALREADY_EXISTS, f"loan {loan_id} was decided by agent {agent.agent_id}")
    _, code, said = invoke("GetAgent", review_pb2.GetAgentRequest(agent_id=2**31 - 1))
    assert (code, said) == (Code.NOT_FOUND, "there is no agent 2147483647")
