"""What the running call may see, in the words of this context."""

from chassis import access
from review_service.domain import ALL, AgentNotFound, Sight


def current() -> Sight:
    """What the caller may see."""
    scope = access.scope()
    if scope.everything:
        return ALL
    return Sight(_agent_id(scope), scope.with_subtree)


def of_actor(agent_id: int) -> Sight:
    """What an agent may see who acts, and is the caller.

    Raises:
        AgentNotFound: The caller is somebody else: nobody acts in the name of another.
    """
    scope = access.scope()
    if scope.everything:
        return ALL
    if _agent_id(scope) != agent_id:
        raise AgentNotFound(f"there is no agent {agent_id}")
    return Sight(agent_id)


def _agent_id(scope: access.Scope) -> int:
    """Who the caller is among the agents; 0, whom there is not, if that is unknown: None would mean everything."""
    agent_id = scope.own.get("agent_id")
    return agent_id if isinstance(agent_id, int) else 0
