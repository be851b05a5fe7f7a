"""What staff may ask of agents, their limits and their covers."""

from collections.abc import Callable

import grpc
from sqlalchemy import Engine

from chassis import db, rpc
from los.review.v1 import review_pb2, review_pb2_grpc
from review_service import store, usecases
from review_service.domain import ReviewPolicy
from review_service.servicer import people, sights, terms


class StaffServicer(review_pb2_grpc.ReviewServiceServicer):
    """The part of the public service that is about agents.

    Args:
        engine: The database.
        wake: Called after a commit that left jobs behind.
        policy: How reviews are done.
        phone_region: Where phone numbers without a country code belong.
    """

    def __init__(self, engine: Engine, wake: Callable[[], None], policy: ReviewPolicy, *, phone_region: str) -> None:
        self._engine = engine
        self._wake = wake
        self._phone_region = phone_region
        self._policy = policy

    @rpc.rpc
    def CreateAgent(
        self,
        request: review_pb2.CreateAgentRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.CreateAgentResponse:
        """Add an agent."""
        profile, approval_limit = people.new_agent(request, self._phone_region)
        with db.transaction(self._engine) as tx:
            agent = usecases.create_agent(tx, profile, self._policy, approval_limit)
        self._wake()
        return review_pb2.CreateAgentResponse(agent=people.agent(agent))

    @rpc.rpc
    def GetAgent(
        self,
        request: review_pb2.GetAgentRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.GetAgentResponse:
        """Get one agent."""
        with db.transaction(self._engine) as tx:
            agent = store.get_agent(tx, request.agent_id, sights.current())
        return review_pb2.GetAgentResponse(agent=people.agent(agent))

    @rpc.rpc
    def ListAgents(
        self,
        request: review_pb2.ListAgentsRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.ListAgentsResponse:
        """List agents by ascending id."""
        size = request.size or 100
        with db.transaction(self._engine) as tx:
            agents = store.list_agents(tx, after=int(request.page_token or 0), size=size + 1, sight=sights.current())
        page = agents[:size]
        return review_pb2.ListAgentsResponse(
            agents=[people.agent(agent) for agent in page],
            next_page_token=str(page[-1].agent_id) if len(agents) > size else "",
        )

    @rpc.rpc
    def UpdateAgent(
        self,
        request: review_pb2.UpdateAgentRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.UpdateAgentResponse:
        """Change the named fields of an agent."""
        changes = people.changes(request, self._phone_region)
        with db.transaction(self._engine) as tx:
            agent = usecases.update_agent(tx, request.agent_id, changes, self._policy)
        self._wake()
        return review_pb2.UpdateAgentResponse(agent=people.agent(agent))

    @rpc.rpc
    def DeactivateAgent(
        self,
        request: review_pb2.DeactivateAgentRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.DeactivateAgentResponse:
        """End an agent's work."""
        successor_id = people.successor_id(request)
        with db.transaction(self._engine) as tx:
            agent = usecases.deactivate_agent(tx, request.agent_id, successor_id, reassign=request.reassign)
        self._wake()
        return review_pb2.DeactivateAgentResponse(agent=people.agent(agent))

    @rpc.rpc
    def ActivateAgent(
        self,
        request: review_pb2.ActivateAgentRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.ActivateAgentResponse:
        """Let an inactive agent work again."""
        with db.transaction(self._engine) as tx:
            agent = usecases.activate_agent(tx, request.agent_id, self._policy)
        self._wake()
        return review_pb2.ActivateAgentResponse(agent=people.agent(agent))

    @rpc.rpc
    def SetApprovalLimit(
        self,
        request: review_pb2.SetApprovalLimitRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.SetApprovalLimitResponse:
        """Set an agent's approval limit from a time on."""
        wanted = terms.limit_wanted(request)
        with db.transaction(self._engine) as tx:
            limit = usecases.set_approval_limit(
                tx, request.agent_id, wanted.loan_type, wanted.amount, wanted.valid_from
            )
        return review_pb2.SetApprovalLimitResponse(approval_limit=terms.limit(limit))

    @rpc.rpc
    def ListApprovalLimits(
        self,
        request: review_pb2.ListApprovalLimitsRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.ListApprovalLimitsResponse:
        """List all approval limits of an agent, the earliest first."""
        with db.transaction(self._engine) as tx:
            store.get_agent(tx, request.agent_id, sights.current())
            limits = store.list_limits(tx, request.agent_id)
        return review_pb2.ListApprovalLimitsResponse(approval_limits=[terms.limit(limit) for limit in limits])

    @rpc.rpc
    def CreateCover(
        self,
        request: review_pb2.CreateCoverRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.CreateCoverResponse:
        """Name a substitute for a time."""
        wanted = terms.cover_wanted(request)
        with db.transaction(self._engine) as tx:
            cover = usecases.create_cover(
                tx, request.agent_id, wanted.substitute_id, wanted.starts_at, wanted.ends_at, sight=sights.current()
            )
        self._wake()
        return review_pb2.CreateCoverResponse(cover=terms.cover(cover))

    @rpc.rpc
    def ListCovers(
        self,
        request: review_pb2.ListCoversRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.ListCoversResponse:
        """List all covers of an agent, the earliest first."""
        with db.transaction(self._engine) as tx:
            store.get_agent(tx, request.agent_id, sights.current())
            covers = store.list_covers(tx, request.agent_id)
        return review_pb2.ListCoversResponse(covers=[terms.cover(cover) for cover in covers])

    @rpc.rpc
    def EndCover(
        self,
        request: review_pb2.EndCoverRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.EndCoverResponse:
        """End a cover now, or take it back if it has not begun."""
        with db.transaction(self._engine) as tx:
            cover = usecases.end_cover(tx, request.agent_id, request.cover_id, sights.current())
        self._wake()
        return review_pb2.EndCoverResponse(cover=terms.cover(cover))
