"""What customers and staff see and may do by their token: their own loans, and none besides."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import grpc
import pytest

from chassis.access.admission import Admission
from loan_service import bootstrap
from loan_service.bootstrap import LoanSettings
from loan_service.domain import Loan
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from tests.integration.chassis.desk import Refusal, refusal
from tests.integration.issuing import Issuer, Metadata, bearing
from tests.integration.loan_service.loans import Loans, step
from tests.integration.serving import serving

Code = grpc.StatusCode
OWN, OTHER = "+14155550123", "+14155550199"
CUSTOMER = bearing("CUSTOMER", subject="ada", phone=OWN)
AGENT = bearing("AGENT", agent_id=7)
COLLEAGUE = bearing("AGENT", agent_id=8)
MANAGER = bearing("MANAGER", agent_id=3)
OTHER_MANAGER = bearing("MANAGER", agent_id=4)
OPERATOR = bearing("OPERATOR")
BRANCHES = {3: [3, 7, 8], 4: [4, 9]}


@pytest.fixture
def service(loans: Loans) -> Iterator[Any]:
    """The service of a system that is not open."""
    settings = LoanSettings.model_validate({"database_url": loans.url})
    feed = bootstrap._feed(settings, loans.engine)
    register = partial(
        bootstrap._register,
        settings=settings,
        engine=loans.engine,
        feed=feed,
        wake_pools=lambda: None,
        branch_of=lambda agent_id: BRANCHES.get(agent_id, []),
    )
    with serving(register, Admission(Issuer(), lambda _: "")) as channel:
        yield loan_pb2_grpc.LoanServiceStub(channel)


@pytest.fixture
def reviewed(loans: Loans) -> Loan:
    """A loan of the customer's, which agent 7 reviews."""
    (loan,) = loans.submit("20000", customer_phone=OWN)
    return loans.record_steps(loans.referred(loan), step(1))


def form(**fields: Any) -> loan_pb2.SubmitLoanRequest:
    filled = {"customer_name": "Ada", "customer_phone": OWN, "loan_amount": "5000.50", "loan_type": "HOME"}
    return loan_pb2.SubmitLoanRequest(**{**filled, **fields})


def get(service: Any, loan_id: object, caller: Metadata) -> Any:
    return service.GetLoan(loan_pb2.GetLoanRequest(loan_id=str(loan_id)), metadata=caller).loan


def history(service: Any, loan_id: object, caller: Metadata) -> Any:
    return service.ListLoanEvents(loan_pb2.ListLoanEventsRequest(loan_id=str(loan_id)), metadata=caller).events


def withdraw(service: Any, loan_id: object, caller: Metadata) -> Any:
    return service.WithdrawLoan(loan_pb2.WithdrawLoanRequest(loan_id=str(loan_id)), metadata=caller).loan


def listed(service: Any, caller: Metadata, **filters: Any) -> tuple[list[str], int]:
    answer = service.ListLoans(loan_pb2.ListLoansRequest(**filters), metadata=caller)
    return [loan.loan_id for loan in answer.loans], answer.total_size


def looks(refused: Refusal, loan_id: object) -> tuple[object, ...]:
    """A refusal without what the caller sent."""
    return (refused.code, refused.reason, refused.message.replace(str(loan_id), "..."))


def test_a_customer_submits_sees_lists_and_withdraws_their_own_loan(service: Any, loans: Loans) -> None:
    loan = service.SubmitLoan(form(), metadata=CUSTOMER).loan
    loans.submit("1", customer_phone=OTHER)
    assert get(service, loan.loan_id, CUSTOMER) == loan
    assert listed(service, CUSTOMER) == ([loan.loan_id], 1)
    assert withdraw(service, loan.loan_id, CUSTOMER).application_status == loan_pb2.Loan.WITHDRAWN


def test_nobody_applies_in_the_name_of_another_customer(service: Any, loans: Loans) -> None:
    refused = refusal(lambda: service.SubmitLoan(form(customer_phone=OTHER), metadata=CUSTOMER))
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "PHONE_NOT_VERIFIED")
    assert OTHER not in refused.message
    assert loans.statuses() == {}


def test_an_operator_applies_for_any_customer(service: Any) -> None:
    loan = service.SubmitLoan(form(customer_phone=OTHER), metadata=OPERATOR).loan
    assert loan.customer_phone == OTHER


def test_a_history_says_that_somebody_acted_for_the_customer(service: Any) -> None:
    loan = service.SubmitLoan(form(), metadata=bearing("OPERATOR", subject="oscar")).loan
    withdraw(service, loan.loan_id, CUSTOMER)
    events = history(service, loan.loan_id, OPERATOR)
    assert [(event.actor, event.subject) for event in events] == [("operator", "oscar"), ("customer", "ada")]


def test_a_customers_number_may_be_written_in_another_way_than_in_the_token(service: Any) -> None:
    assert service.SubmitLoan(form(customer_phone="(415) 555-0123"), metadata=CUSTOMER).loan.customer_phone == OWN


def test_an_idempotency_key_is_its_callers_alone(service: Any, loans: Loans) -> None:
    first = service.SubmitLoan(form(idempotency_key="k"), metadata=CUSTOMER).loan
    assert service.SubmitLoan(form(idempotency_key="k"), metadata=CUSTOMER).loan == first
    stranger = bearing("CUSTOMER", subject="eve", phone=OTHER)
    assert service.SubmitLoan(form(customer_phone=OTHER, idempotency_key="k"), metadata=stranger).loan != first
    assert len(loans.statuses()) == 2


@pytest.mark.parametrize("call", [get, withdraw], ids=["get", "withdraw"])
def test_a_loan_of_another_customer_is_as_one_that_does_not_exist(service: Any, loans: Loans, call: Any) -> None:
    (theirs,) = loans.submit("20000", customer_phone=OTHER)
    unknown = uuid4()
    forbidden = refusal(lambda: call(service, theirs.loan_id, CUSTOMER))
    assert (forbidden.code, forbidden.reason) == (Code.NOT_FOUND, "LOAN_NOT_FOUND")
    nothing = refusal(lambda: call(service, unknown, CUSTOMER))
    assert looks(forbidden, theirs.loan_id) == looks(nothing, unknown)
    assert loans.get(theirs.loan_id) == theirs


def test_a_customer_who_lists_everything_gets_their_own_whatever_they_ask_for(service: Any, loans: Loans) -> None:
    loans.submit("1", "2", "3", customer_phone=OTHER)
    own = [str(loan.loan_id) for loan in reversed(loans.submit("1", "2", "3", customer_phone=OWN))]
    assert listed(service, CUSTOMER) == (own, 3)
    assert listed(service, CUSTOMER, customer_phone=OTHER) == ([], 0)
    assert listed(service, CUSTOMER, customer_phone=OWN) == (own, 3)
    assert listed(service, CUSTOMER, page=2, size=2) == (own[2:], 3)
    token = service.ListLoans(loan_pb2.ListLoansRequest(size=1), metadata=OPERATOR).next_page_token
    assert set(listed(service, CUSTOMER, page_token=token)[0]) <= set(own)
    assert listed(service, CUSTOMER, status=loan_pb2.Loan.UNDER_REVIEW) == ([], 0)


@pytest.mark.parametrize(
    ("caller", "sees"),
    [(CUSTOMER, True), (AGENT, True), (MANAGER, True), (OPERATOR, True), (COLLEAGUE, False), (OTHER_MANAGER, False)],
    ids=["customer", "agent", "manager", "operator", "colleague", "manager of another branch"],
)
def test_a_loan_under_review_is_shown_to_whom_it_concerns(
    service: Any, reviewed: Loan, caller: Metadata, sees: bool
) -> None:
    expected = ([str(reviewed.loan_id)], 1) if sees else ([], 0)
    assert listed(service, caller) == expected
    if sees:
        assert get(service, reviewed.loan_id, caller).loan_id == str(reviewed.loan_id)
    else:
        assert refusal(lambda: get(service, reviewed.loan_id, caller)).code is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("caller", "code"),
    [(COLLEAGUE, Code.NOT_FOUND), (OTHER_MANAGER, Code.NOT_FOUND), (CUSTOMER, Code.PERMISSION_DENIED)],
    ids=["colleague", "manager of another branch", "customer"],
)
def test_a_history_with_the_words_of_staff_is_for_staff_whom_it_concerns(
    service: Any, reviewed: Loan, caller: Metadata, code: grpc.StatusCode
) -> None:
    assert refusal(lambda: history(service, reviewed.loan_id, caller)).code is code
    for concerned in (AGENT, MANAGER, OPERATOR):
        assert len(history(service, reviewed.loan_id, concerned)) == reviewed.version


def test_somebody_who_is_an_agent_and_a_customer_sees_both(service: Any, loans: Loans, reviewed: Loan) -> None:
    (own,) = loans.submit("1", customer_phone=OTHER)
    loans.submit("1")
    both = bearing("AGENT", "CUSTOMER", agent_id=7, phone=OTHER)
    assert listed(service, both) == ([str(own.loan_id), str(reviewed.loan_id)], 2)


def test_a_manager_whose_branch_cannot_be_learnt_sees_nothing(service: Any, reviewed: Loan) -> None:
    nobody = bearing("MANAGER", agent_id=5)
    assert listed(service, nobody) == ([], 0)
    assert refusal(lambda: get(service, reviewed.loan_id, nobody)).code is Code.NOT_FOUND
