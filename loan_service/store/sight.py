"""The condition that keeps statements to the loans that somebody may see; its parameters are `values(sight)`."""

from typing import Any

from loan_service.domain import Sight

IS_SEEN = """(:sees_all OR customer_phone = :seen_phone
    OR assigned_agent_id = ANY (CAST(:seen_agents AS int[])))"""


def values(sight: Sight) -> dict[str, Any]:
    """The parameters of the condition."""
    return {"sees_all": sight.everything, "seen_phone": sight.phone, "seen_agents": list(sight.agent_ids)}
