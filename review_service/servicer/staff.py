"""What staff may ask of agents, their limits and their covers."""

from collections.abc import Callable

import grpc
from sqlalchemy import Engine

from chassis import db, rpc
from los.review.v1 import review_pb2, review_pb2_grpc
from review_service import store, usecases
from review_service.servicer import people


class StaffServicer(review_pb2_grpc.ReviewServiceServicer):
    """The part of the public service that is about agents.

    Args:
        engine: The database.
        wake: Called after a commit that left jobs behind.
        phone_region: Where phone numbers without a country code belong.
    """

    def __init__(self, engine: Engine, wake: Callable[[], None], *, phone_region: str) -> None:
        self._engine = engine
        self._wake = wake
        self._phone_region = phone_region

    @rpc.rpc
    def CreateAgent(
        self,
        request: review_pb2.CreateAgentRequest,
        context: grpc.ServicerContext,
    ) -> review_pb2.CreateAgentResponse:
        """Add an agent."""
        profile, approval_limit = people.new_agent(request, self._phone_region)
        with db.transaction(self._engine) as tx:
            agent = usecases.create_agent(tx, profile, approval_limit)
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
            agent = store.get_agent(tx, request.agent_id)
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
            agents = store.list_agents(tx, after=int(request.page_token or 0), size=size + 1)
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
            agent = usecases.update_agent(tx, request.agent_id, changes)
        self._wake()
        return review_pb2.UpdateAgentResponse(agent=people.agent(agent))
