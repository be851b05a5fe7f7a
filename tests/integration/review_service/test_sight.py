"""What staff see and may do by their token: themselves, their branch, and nothing that is not theirs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import grpc
import pytest
from sqlalchemy import event

from chassis.access.admission import Admission
from los.loan.v1 import loan_pb2
from los.review.v1 import review_pb2
from review_service import store
from review_service.domain import Agent
from tests.integration.chassis.desk import Refusal, refusal
from tests.integration.issuing import Issuer, Metadata, bearing
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.peers import Peers
from tests.integration.review_service.reception import Service
from tests.integration.serving import serving

APPROVE = review_pb2.DecideLoanRequest.APPROVE
Code = grpc.StatusCode


class Branch:
    """Two branches: a manager with two agents, one of whom has a loan to review; and another manager with an agent."""

    def __init__(self, office: Office, peers: Peers) -> None:
        self.manager = office.hire(available=False)
        self.agent = office.hire(self.manager)
        (self.loan_id,) = office.open(application())
        self.colleague = office.hire(self.manager)
        self.stranger_manager = office.hire(available=False)
        self.stranger = office.hire(self.stranger_manager)
        peers.put_under_review(self.loan_id)


@pytest.fixture
def branch(office: Office, peers: Peers) -> Branch:
    return Branch(office, peers)


@pytest.fixture
def secured(office: Office, peers: Peers) -> Iterator[Service]:
    """The service of a system that is not open."""
    found = Service(office, peers)
    with serving(found.register, Admission(Issuer(), lambda _: "")) as channel:
        found.connect(channel)
        yield found


def as_agent(agent: Agent) -> Metadata:
    return bearing("AGENT", subject=f"user-{agent.agent_id}", agent_id=agent.agent_id)


def as_manager(agent: Agent) -> Metadata:
    return bearing("MANAGER", subject=f"user-{agent.agent_id}", agent_id=agent.agent_id)


def decided(service: Service, loan_id: UUID, agent: Agent, caller: Metadata) -> loan_pb2.Loan:
    request = review_pb2.DecideLoanRequest(agent_id=agent.agent_id, loan_id=str(loan_id), decision=APPROVE)
    loan: loan_pb2.Loan = service.outside.DecideLoan(request, metadata=caller).loan
    return loan


def undecided(service: Service, loan_id: UUID, agent: Agent, caller: Metadata) -> Refusal:
    return refusal(lambda: decided(service, loan_id, agent, caller))


def test_an_agent_decides_what_is_theirs_and_the_history_names_their_subject(
    secured: Service, branch: Branch, peers: Peers
) -> None:
    decided(secured, branch.loan_id, branch.agent, as_agent(branch.agent))
    (told,) = peers.decisions
    assert (told.agent_id, told.subject) == (branch.agent.agent_id, f"user-{branch.agent.agent_id}")


def test_a_manager_decides_within_their_branch_as_themself(secured: Service, branch: Branch, peers: Peers) -> None:
    decided(secured, branch.loan_id, branch.manager, as_manager(branch.manager))
    assert [told.agent_id for told in peers.decisions] == [branch.manager.agent_id]


@pytest.mark.parametrize("other", ["colleague", "manager", "stranger", "stranger_manager"])
def test_nobody_decides_in_the_name_of_another(
    secured: Service, branch: Branch, peers: Peers, office: Office, other: str
) -> None:
    caller = getattr(branch, other)
    for metadata in (as_agent(caller), as_manager(caller)):
        refused = undecided(secured, branch.loan_id, branch.agent, metadata)
        assert (refused.code, refused.reason) == (Code.NOT_FOUND, "AGENT_NOT_FOUND")
    assert peers.decisions == []
    assert office.holder(branch.loan_id) == branch.agent.agent_id


@pytest.mark.parametrize("other", ["colleague", "stranger", "stranger_manager"])
def test_a_loan_of_others_is_to_an_agent_or_manager_as_one_that_does_not_exist(
    secured: Service, branch: Branch, peers: Peers, office: Office, other: str
) -> None:
    caller, unknown = getattr(branch, other), uuid4()
    peers.refuse = lambda method: pytest.fail(f"the loan service was asked: {method}")
    statements: list[str] = []
    event.listen(office.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    forbidden = undecided(secured, branch.loan_id, caller, as_manager(caller))
    of_forbidden, statements[:] = list(statements), []
    nothing = undecided(secured, unknown, caller, as_manager(caller))
    assert (forbidden.code, forbidden.reason) == (Code.NOT_FOUND, "LOAN_NOT_FOUND")
    assert (nothing.code, nothing.reason) == (forbidden.code, forbidden.reason)
    assert nothing.message.replace(str(unknown), str(branch.loan_id)) == forbidden.message
    assert statements == of_forbidden, "how long it takes would tell them apart"


def test_who_has_said_something_of_a_review_still_sees_it_when_it_has_moved_on(
    secured: Service, branch: Branch, office: Office, peers: Peers
) -> None:
    limited = office.hire(branch.manager, limit=10_000)
    for other in (branch.agent, branch.colleague, branch.stranger):
        office.change(other, {"is_available": False})
    (loan_id,) = office.open(application())
    peers.put_under_review(loan_id)
    assert office.holder(loan_id) == limited.agent_id
    first = decided(secured, loan_id, limited, as_agent(limited))
    assert office.holder(loan_id) == branch.manager.agent_id
    assert decided(secured, loan_id, limited, as_agent(limited)) == first


def test_a_substitute_sees_the_reviews_of_whom_they_stand_in_for(
    secured: Service, branch: Branch, office: Office
) -> None:
    assert undecided(secured, branch.loan_id, branch.stranger, as_agent(branch.stranger)).code is Code.NOT_FOUND
    office.cover(branch.manager, branch.stranger)
    decided(secured, branch.loan_id, branch.stranger, as_agent(branch.stranger))


def test_a_manager_reassigns_within_their_branch_and_learns_of_nobody_outside(
    secured: Service, branch: Branch, office: Office
) -> None:
    def reassigned(to_agent_id: int, manager: Agent) -> object:
        request = review_pb2.ReassignLoanRequest(
            agent_id=manager.agent_id, loan_id=str(branch.loan_id), to_agent_id=to_agent_id
        )
        return secured.outside.ReassignLoan(request, metadata=as_manager(manager))

    outside = refusal(lambda: reassigned(branch.stranger.agent_id, branch.manager))
    unknown = refusal(lambda: reassigned(2_000_000_000, branch.manager))
    assert (outside.code, outside.reason) == (unknown.code, unknown.reason) == (Code.NOT_FOUND, "AGENT_NOT_FOUND")
    assert refusal(lambda: reassigned(branch.stranger.agent_id, branch.stranger_manager)).reason == "LOAN_NOT_FOUND"
    reassigned(branch.colleague.agent_id, branch.manager)
    assert office.holder(branch.loan_id) == branch.colleague.agent_id
    assert office.steps(branch.loan_id)[-1].subject == f"user-{branch.manager.agent_id}"


def test_agents_are_listed_to_whoever_may_see_them(secured: Service, branch: Branch, office: Office) -> None:
    below = office.hire(branch.colleague)

    def listed(caller: Metadata) -> list[int]:
        agents = secured.outside.ListAgents(review_pb2.ListAgentsRequest(), metadata=caller).agents
        return [agent.agent_id for agent in agents]

    everybody = listed(bearing("OPERATOR"))
    team = [branch.manager, branch.agent, branch.colleague, below]
    assert {agent.agent_id for agent in team} < set(everybody)
    assert listed(as_manager(branch.manager)) == [agent.agent_id for agent in team]
    assert listed(as_agent(branch.manager)) == [branch.manager.agent_id]
    assert listed(bearing("MANAGER", agent_id=2_000_000_000)) == []


@pytest.mark.parametrize("other", ["stranger", "stranger_manager", "manager"])
def test_what_is_read_of_an_agent_out_of_sight_is_not_found(secured: Service, branch: Branch, other: str) -> None:
    agent_id, caller = getattr(branch, other).agent_id, as_agent(branch.agent)
    outside = secured.outside
    for read, request in (
        (outside.GetAgent, review_pb2.GetAgentRequest(agent_id=agent_id)),
        (outside.ListApprovalLimits, review_pb2.ListApprovalLimitsRequest(agent_id=agent_id)),
        (outside.ListCovers, review_pb2.ListCoversRequest(agent_id=agent_id)),
        (outside.ListAssignments, review_pb2.ListAssignmentsRequest(agent_id=agent_id)),
    ):
        refused = refusal(partial(read, request, metadata=caller))
        assert (refused.code, refused.reason) == (Code.NOT_FOUND, "AGENT_NOT_FOUND")


def test_a_queue_of_a_branch_shows_an_agent_what_is_theirs_and_a_manager_all_of_it(
    secured: Service, branch: Branch, office: Office
) -> None:
    office.open(application(), application())  # one for each of the agents who have none
    request = review_pb2.ListAssignmentsRequest(agent_id=branch.manager.agent_id, include_subtree=True)
    of_branch = secured.outside.ListAssignments(request, metadata=as_manager(branch.manager))
    of_self = secured.outside.ListAssignments(request, metadata=as_agent(branch.manager))
    assert (len(of_branch.assignments), of_branch.total_size) == (2, 2)
    assert (len(of_self.assignments), of_self.total_size) == (0, 0)


def test_an_agent_is_covered_by_themself_or_a_manager_above_and_nobody_else(secured: Service, branch: Branch) -> None:
    def covered(agent: Agent, caller: Metadata) -> review_pb2.Cover:
        now = datetime.now(UTC)
        request = review_pb2.CreateCoverRequest(
            agent_id=agent.agent_id,
            substitute_agent_id=branch.colleague.agent_id,
            starts_at=now + timedelta(days=1),
            ends_at=now + timedelta(days=2),
        )
        cover: review_pb2.Cover = secured.outside.CreateCover(request, metadata=caller).cover
        return cover

    def ended(cover: review_pb2.Cover, caller: Metadata) -> object:
        request = review_pb2.EndCoverRequest(agent_id=cover.agent_id, cover_id=cover.cover_id)
        return secured.outside.EndCover(request, metadata=caller)

    for stranger in (as_agent(branch.colleague), as_manager(branch.stranger_manager)):
        assert refusal(partial(covered, branch.agent, stranger)).reason == "AGENT_NOT_FOUND"
    cover = covered(branch.agent, as_agent(branch.agent))
    for stranger in (as_agent(branch.colleague), as_manager(branch.stranger_manager)):
        assert refusal(partial(ended, cover, stranger)).reason == "COVER_NOT_FOUND"
    ended(cover, as_manager(branch.manager))


def test_who_has_left_sees_nothing_any_more_whatever_their_token_says(
    secured: Service, branch: Branch, office: Office
) -> None:
    decided(secured, branch.loan_id, branch.agent, as_agent(branch.agent))
    office.dismiss(branch.agent)
    own = review_pb2.GetAgentRequest(agent_id=branch.agent.agent_id)
    refused = refusal(lambda: secured.outside.GetAgent(own, metadata=as_agent(branch.agent)))
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "AGENT_NOT_FOUND")
    again = undecided(secured, branch.loan_id, branch.agent, as_agent(branch.agent))
    assert (again.code, again.reason) == (Code.NOT_FOUND, "LOAN_NOT_FOUND")
    assert secured.outside.GetAgent(own, metadata=as_manager(branch.manager)).agent.agent_id == own.agent_id
    office.rehire(branch.agent)
    assert secured.outside.GetAgent(own, metadata=as_agent(branch.agent)).agent.is_active


def test_a_manager_who_has_left_has_no_branch(secured: Service, branch: Branch, office: Office) -> None:
    def seen() -> tuple[list[int], list[int]]:
        agents = secured.outside.ListAgents(review_pb2.ListAgentsRequest(), metadata=as_manager(branch.manager)).agents
        with office.engine.connect() as tx:
            return [agent.agent_id for agent in agents], store.list_branch_ids(tx, branch.manager.agent_id)

    team = [branch.manager.agent_id, branch.agent.agent_id, branch.colleague.agent_id]
    assert seen() == (team, team)
    office.dismiss(branch.manager, branch.stranger_manager)
    assert seen() == ([], [])
