"""The queue that an agent sees, and reassigning, over gRPC."""

from typing import Any
from uuid import UUID, uuid4

from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service.domain import Agent
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.peers import Peers
from tests.integration.review_service.reception import Code, Service, refusal


def listed(service: Service, agent: Agent, **options: Any) -> review_pb2.ListAssignmentsResponse:
    request = review_pb2.ListAssignmentsRequest(agent_id=agent.agent_id, **options)
    answer: review_pb2.ListAssignmentsResponse = service.outside.ListAssignments(request)
    return answer


def ids(answer: review_pb2.ListAssignmentsResponse) -> list[str]:
    return [assignment.loan_id for assignment in answer.assignments]


def test_a_manager_sees_the_queues_of_all_below_only_if_asked_for(service: Service, office: Office) -> None:
    head = office.hire()
    manager = office.hire(head)
    first, second = office.hire(manager), office.hire(manager)
    stranger = office.hire()
    loan_ids = [office.open()[0] for _ in range(9)]
    shown = [str(each) for each in loan_ids if office.holder(each) != stranger.agent_id]
    below = listed(service, head, include_subtree=True, size=100)
    assert ids(below) == shown
    assert below.total_size == len(shown) == 6
    assert {assignment.agent_id for assignment in below.assignments} == {first.agent_id, second.agent_id}
    assert (listed(service, head).total_size, ids(listed(service, head))) == (0, [])


def test_the_pages_of_a_subtree_are_walked_by_tokens_of_their_own(service: Service, office: Office) -> None:
    manager = office.hire()
    agents = [office.hire(manager) for _ in range(3)]
    loan_ids = sorted(str(loan_id) for loan_id in office.open(*(application() for _ in range(10))))
    walked, token = [], ""
    while True:
        page = listed(service, manager, include_subtree=True, size=3, page_token=token)
        walked += ids(page)
        if not (token := page.next_page_token):
            break
    assert walked == loan_ids
    whole = listed(service, manager, include_subtree=True, size=3).next_page_token
    for agent, options in ((manager, {}), (agents[0], {"include_subtree": True})):
        request = review_pb2.ListAssignmentsRequest(agent_id=agent.agent_id, page_token=whole, **options)
        code, _, fields = refusal(service.outside.ListAssignments, request)
        assert (code, fields) == (Code.INVALID_ARGUMENT, ["page_token"])


def reassign(loan_id: UUID, manager: Agent, to: Agent) -> review_pb2.ReassignLoanRequest:
    return review_pb2.ReassignLoanRequest(agent_id=manager.agent_id, loan_id=str(loan_id), to_agent_id=to.agent_id)


def test_a_review_is_reassigned_and_answered_as_it_now_stands(service: Service, office: Office) -> None:
    manager = office.hire()
    agent = office.hire(manager)
    (loan_id,) = office.open()
    colleague = office.hire(manager)
    answer = service.outside.ReassignLoan(reassign(loan_id, manager, colleague)).assignment
    assert answer == listed(service, colleague).assignments[0]
    assert answer.state == review_pb2.Assignment.AWAITING_DECISION
    assert ids(listed(service, agent)) == []
    assert service.outside.ReassignLoan(reassign(loan_id, manager, colleague)).assignment == answer


def test_what_cannot_be_reassigned_is_refused(service: Service, office: Office, peers: Peers) -> None:
    manager = office.hire()
    agent, other = office.hire(manager), office.hire(manager, available=False)
    stranger = office.hire(available=False)
    (loan_id,) = office.open()
    assert office.holder(loan_id) == agent.agent_id
    call = service.outside.ReassignLoan
    assert refusal(call, reassign(loan_id, stranger, other)) == (Code.PERMISSION_DENIED, "NOT_ASSIGNED_TO_AGENT", [])
    assert refusal(call, reassign(loan_id, manager, stranger)) == (Code.PERMISSION_DENIED, "AGENT_NOT_IN_BRANCH", [])
    assert refusal(call, reassign(loan_id, manager, other)) == (Code.FAILED_PRECONDITION, "AGENT_NOT_AVAILABLE", [])
    assert refusal(call, reassign(uuid4(), manager, agent)) == (Code.NOT_FOUND, "LOAN_NOT_FOUND", [])
    decided = uuid4()
    peers.statuses[str(decided)] = loan_pb2.Loan.APPROVED_BY_SYSTEM
    assert refusal(call, reassign(decided, manager, agent)) == (Code.FAILED_PRECONDITION, "LOAN_NOT_UNDER_REVIEW", [])
