"""Who may call what: every method of every service, by everybody, on the real system.

yes    the call is let in: whatever becomes of it then, it is no question of who calls
own    it is let in, and only what belongs to the caller is found; for a stranger of the same role it does not exist
401    without a token there is no answer
403    the role, or the service, may not
"""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, message_factory

from tests.system.closed.house import OWNER, STRANGER, House, methods

TABLE = """
                                             nobody customer agent manager operator admin | loan review notification gateway
LoanService.SubmitLoan                       401    own      403   403     yes      yes   | 401  401    401          401
LoanService.BatchSubmitLoans                 401    403      403   403     yes      yes   | 401  401    401          401
LoanService.GetLoan                          401    own      own   own     yes      yes   | 401  yes    401          401
LoanService.ListLoans                        401    own      own   own     yes      yes   | 401  401    401          401
LoanService.CountLoansByStatus               401    403      403   yes     yes      yes   | 401  401    401          401
LoanService.ListTopCustomers                 401    403      403   403     yes      yes   | 401  401    401          401
LoanService.ListLoanEvents                   401    403      own   own     yes      yes   | 401  401    401          401
LoanService.WithdrawLoan                     401    own      403   403     yes      yes   | 401  401    401          401
LoanService.ListReasonCodes                  401    yes      yes   yes     yes      yes   | 401  401    401          401
LoanService.WatchLoans                       401    403      403   403     yes      yes   | 401  401    401          401
LoanInternalService.RecordReviewDecision     403    403      403   403     403      403   | 403  yes    403          403
LoanInternalService.RecordReviewSteps        403    403      403   403     403      403   | 403  yes    403          403
LoanInternalService.GetCustomerExposure      403    403      403   403     403      403   | 403  yes    403          403
ReviewService.CreateAgent                    401    403      403   403     403      yes   | 401  401    401          401
ReviewService.GetAgent                       401    403      own   own     yes      yes   | 401  401    401          401
ReviewService.ListAgents                     401    403      own   own     yes      yes   | 401  401    401          401
ReviewService.UpdateAgent                    401    403      403   403     403      yes   | 401  401    401          401
ReviewService.DeactivateAgent                401    403      403   403     403      yes   | 401  401    401          401
ReviewService.ActivateAgent                  401    403      403   403     403      yes   | 401  401    401          401
ReviewService.SetApprovalLimit               401    403      403   403     403      yes   | 401  401    401          401
ReviewService.ListApprovalLimits             401    403      own   own     yes      yes   | 401  401    401          401
ReviewService.CreateCover                    401    403      own   own     403      yes   | 401  401    401          401
ReviewService.ListCovers                     401    403      own   own     yes      yes   | 401  401    401          401
ReviewService.EndCover                       401    403      own   own     403      yes   | 401  401    401          401
ReviewService.ListAssignments                401    403      own   own     yes      yes   | 401  401    401          401
ReviewService.ReassignLoan                   401    403      403   own     403      403   | 401  401    401          401
ReviewService.DecideLoan                     401    403      own   own     403      403   | 401  401    401          401
ReviewInternalService.OpenReview             403    403      403   403     403      403   | yes  403    403          403
ReviewInternalService.CancelReview           403    403      403   403     403      403   | yes  403    403          403
ReviewInternalService.ListBranch             403    403      403   403     403      403   | yes  403    403          403
ReviewInternalService.EraseLoans             403    403      403   403     403      403   | yes  403    403          403
NotificationService.ListNotifications        401    403      403   403     yes      yes   | 401  401    401          401
NotificationService.ListNotices              401    403      403   403     yes      yes   | 401  401    401          401
NotificationService.RetryNotification        401    403      403   403     yes      yes   | 401  401    401          401
NotificationInternalService.SendNotification 403    403      403   403     403      403   | yes  yes    403          403
NotificationInternalService.EraseLoans       403    403      403   403     403      403   | yes  403    403          403
"""  # noqa: E501 -- a table

HEADER, *LINES = [line.replace("|", "").split() for line in TABLE.strip().splitlines()]
ROWS = {name: dict(zip(HEADER, cells, strict=True)) for name, *cells in LINES}
LAST = ("ReviewService.DecideLoan", "LoanService.WithdrawLoan")
"""They end the review."""

PEERS = ("loan", "review", "notification", "gateway")
UNKNOWN_AGENT = 2_000_000_000
OUTCOMES = {
    grpc.StatusCode.UNAUTHENTICATED: "401",
    grpc.StatusCode.PERMISSION_DENIED: "403",
    grpc.StatusCode.NOT_FOUND: "404",
    grpc.StatusCode.INVALID_ARGUMENT: "yes",
    grpc.StatusCode.FAILED_PRECONDITION: "yes",
    grpc.StatusCode.ALREADY_EXISTS: "yes",
}
IN_THE_FUTURE = {"starts_at": "2099-01-01T00:00:00Z", "ends_at": "2099-02-01T00:00:00Z"}


@pytest.fixture(scope="module")
def cover_id(house: House) -> Iterator[int]:
    """A cover of the agent who has the review, far in the future."""
    with house.client("admin") as admin:
        body = {"substitute_agent_id": house.manager_id, **IN_THE_FUTURE}
        cover = admin.ok("POST", f"/api/v1/agents/{house.agent_id}/covers", 201, json=body)
        yield cover["cover_id"]


def fields(house: House, name: str, cover_id: int, agent_id: int) -> dict[str, Any]:
    """What a method is asked: about the loan under review and the agent who has it, as the agent who asks."""
    loan, agent = {"loan_id": house.loan_id}, {"agent_id": house.agent_id}
    unknown = {"agent_id": UNKNOWN_AGENT}
    customer = {"customer_name": "Ada", "customer_phone": OWNER, "loan_amount": "1.00", "loan_type": "HOME"}
    asked: dict[str, dict[str, Any]] = {
        "SubmitLoan": customer,
        "CreateCover": {**agent, "substitute_agent_id": house.manager_id, **IN_THE_FUTURE},
        "EndCover": {**agent, "cover_id": cover_id},
        "DecideLoan": {**loan, "agent_id": agent_id, "decision": "APPROVE"},
        "ReassignLoan": {**loan, "agent_id": agent_id, "to_agent_id": house.agent_id},
        "ListAssignments": agent,
        **dict.fromkeys(("GetLoan", "ListLoanEvents", "WithdrawLoan", "GetCustomerExposure"), loan),
        **dict.fromkeys(("GetAgent", "ListApprovalLimits", "ListCovers"), agent),
        **dict.fromkeys(("DeactivateAgent", "ActivateAgent", "SetApprovalLimit"), unknown),
        "ListBranch": agent,
    }
    return asked.get(name.partition(".")[2], {})


class Asker:
    """Calls methods as everybody, and says what came of it."""

    def __init__(self, house: House, cover_id: int) -> None:
        self.house = house
        self._cover_id = cover_id
        self._claims: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
            "customer": ({"phone": OWNER}, {"phone": STRANGER}),
            "agent": ({"agent_id": house.agent_id}, {"agent_id": house.stranger_id}),
            "manager": ({"agent_id": house.manager_id}, {"agent_id": house.stranger_manager_id}),
        }

    def outcome(self, name: str, caller: str) -> str:
        """What a method answers to somebody."""
        if caller in PEERS:
            return self._asked(name, certificate=caller)[0]
        if caller == "nobody":
            return self._asked(name)[0]
        own, others = self._claims.get(caller, ({}, {}))
        strange, of_stranger = self._asked(name, caller, others) if others else ("", "")
        outcome, of_own = self._asked(name, caller, own)
        if outcome != "yes" or not others:
            return "yes" if outcome == "404" else outcome
        is_list = name.partition(".")[2].startswith("List")
        return "own" if strange in {"403", "404"} or (is_list and of_own != of_stranger) else "yes"

    def _asked(
        self, name: str, role: str = "", claims: dict[str, Any] | None = None, certificate: str = "gateway"
    ) -> tuple[str, str]:
        method, claims = methods()[name], claims or {}
        asked = fields(self.house, name, self._cover_id, claims.get("agent_id", self.house.agent_id))
        request = json_format.ParseDict(asked, message_factory.GetMessageClass(method.input_type)())
        token = self.house.token(role, **claims) if role else ""
        try:
            return "yes", str(self.house.call(method, request, token=token, certificate=certificate))
        except grpc.RpcError as error:
            return OUTCOMES.get(error.code(), "broken"), ""


@pytest.fixture(scope="module")
def asker(house: House, cover_id: int) -> Asker:
    return Asker(house, cover_id)


def test_the_table_has_every_method_of_every_contract_and_no_other() -> None:
    assert ROWS.keys() == methods().keys()


@pytest.mark.parametrize("name", [*(name for name in ROWS if name not in LAST), *LAST])
def test_a_method_answers_those_who_may_call_it_and_nobody_else(asker: Asker, name: str) -> None:
    assert {caller: asker.outcome(name, caller) for caller in HEADER} == ROWS[name]
