"""Conditions that keep statements to what somebody may see; their parameters are `values(sight)`.

Who has left sees nothing, whatever their token says until it expires.
"""

from review_service.domain import Sight

# For whom an agent stands in now, also as the substitute of a substitute.
_ABSENT = """
WITH RECURSIVE now AS MATERIALIZED (
    SELECT agent_id, substitute_id FROM covers
    WHERE starts_at <= statement_timestamp() AND statement_timestamp() < ends_at
), absent (agent_id) AS (
    SELECT agent_id FROM now WHERE substitute_id = {agent_id}
    UNION
    SELECT now.agent_id FROM now JOIN absent ON now.substitute_id = absent.agent_id
)
SELECT agent_id FROM absent"""

ABSENT = _ABSENT.format(agent_id=":agent_id")

AGENT_IS_SEEN = """(CAST(:seer_id AS int) IS NULL OR agents.agent_id IN (
    WITH RECURSIVE seen (agent_id) AS (
        SELECT agent_id FROM agents AS seer WHERE agent_id = :seer_id AND is_active
        UNION
        SELECT below.agent_id FROM agents AS below JOIN seen ON below.manager_id = seen.agent_id WHERE :sees_subtree
    )
    SELECT agent_id FROM seen
))"""

# Whoever may have a say in a review, or has had one: the holder and whom they stand in for, the managers above, the
# substitutes of all these, and whoever took a step of it. What they may do is the domain's to say.
REVIEW_IS_SEEN = f"""(CAST(:seer_id AS int) IS NULL OR EXISTS (
    SELECT FROM agents AS seer WHERE seer.agent_id = :seer_id AND seer.is_active
) AND (
    :seer_id = decided_by_agent_id
    OR EXISTS (
        SELECT FROM review_steps WHERE review_steps.loan_id = reviews.loan_id AND actor = 'agent\\:' || :seer_id
    )
    OR EXISTS (
        WITH RECURSIVE above (id, manager) AS (
            SELECT agent_id, manager_id FROM agents
            WHERE agent_id IN (reviews.assigned_agent_id, reviews.on_behalf_of_agent_id)
            UNION
            SELECT agent_id, manager_id FROM agents JOIN above ON agent_id = manager
        )
        SELECT FROM above WHERE id = :seer_id OR id IN ({_ABSENT.format(agent_id=":seer_id")})
    )
))"""  # noqa: S608 -- constants of this module


def values(sight: Sight) -> dict[str, int | bool | None]:
    """The parameters of these conditions."""
    return {"seer_id": sight.agent_id, "sees_subtree": sight.with_subtree}
