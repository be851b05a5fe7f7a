"""The loan service over gRPC: codes, reasons and violations, and nothing stored of what is refused."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import uuid4

import grpc
import grpc_testing
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status
from sqlalchemy import text

from loan_service import bootstrap, usecases
from loan_service.bootstrap import LoanSettings
from loan_service.domain import Status
from loan_service.servicer import LoanInternalServicer
from los.loan.v1 import loan_pb2, loan_pb2_grpc
from tests.integration.loan_service.loans import Loans
from tests.integration.serving import serving

PHONE = "+14155550123"
UNKNOWN = str(uuid4())
PHONE_FIELD = "customer_phone"


@pytest.fixture
def channel(loans: Loans) -> Iterator[grpc.Channel]:
    """The whole service, wired as the process wires it, but for its pools."""
    settings = LoanSettings.model_validate({"database_url": loans.url})
    engine = loans.engine
    feed = bootstrap._feed(settings, engine)
    register = partial(
        bootstrap._register,
        settings=settings,
        engine=engine,
        feed=feed,
        wake_pools=lambda: None,
        branch_of=lambda _: (),
    )
    with serving(register) as channel:
        yield channel


@pytest.fixture
def service(channel: grpc.Channel) -> Any:
    return loan_pb2_grpc.LoanServiceStub(channel)


@pytest.fixture
def internal(channel: grpc.Channel) -> Any:
    return loan_pb2_grpc.LoanInternalServiceStub(channel)


def form(**fields: Any) -> loan_pb2.SubmitLoanRequest:
    filled = {"customer_name": "Ada", "customer_phone": PHONE, "loan_amount": "5000.50", "loan_type": "HOME"}
    return loan_pb2.SubmitLoanRequest(**{**filled, **fields})


def refusal(call: Any, request: Any, **options: Any) -> tuple[grpc.StatusCode, str, list[str]]:
    """The code, reason and violated fields that a call is refused with."""
    with pytest.raises(grpc.RpcError) as raised:
        call(request, **options)
    status = rpc_status.from_call(raised.value)  # type: ignore[arg-type]  # it is the call
    assert status is not None
    why, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        _ = detail.Unpack(why) or detail.Unpack(bad)
    assert why.domain == "los.loan.v1"
    return raised.value.code(), why.reason, [violation.field for violation in bad.field_violations]


def test_a_submitted_loan_can_be_read(service: Any) -> None:
    loan = service.SubmitLoan(form()).loan
    assert (loan.loan_amount, loan.currency_code, loan.customer_phone) == ("5000.50", "USD", PHONE)
    assert loan.application_status == loan_pb2.Loan.APPLIED
    assert not loan.HasField("assigned_agent_id")
    assert not loan.HasField("decided_at")
    assert service.GetLoan(loan_pb2.GetLoanRequest(loan_id=loan.loan_id)).loan == loan
    (event,) = service.ListLoanEvents(loan_pb2.ListLoanEventsRequest(loan_id=loan.loan_id)).events
    assert (event.kind, event.version, event.actor) == (loan_pb2.LoanEvent.SUBMITTED, 1, "customer")


@pytest.mark.parametrize("inside", [True, False])
def test_a_repeated_key_is_answered_with_the_same_loan_and_says_so(service: Any, inside: bool) -> None:
    request = form(idempotency_key="k") if inside else form()
    metadata = () if inside else (("idempotency-key", "k"),)
    first, call = service.SubmitLoan.with_call(request, metadata=metadata)
    assert ("idempotent-replayed", "true") not in call.trailing_metadata()
    again, call = service.SubmitLoan.with_call(request, metadata=metadata)
    assert ("idempotent-replayed", "true") in call.trailing_metadata()
    assert first == again


def test_a_key_for_other_content_is_refused(service: Any, loans: Loans) -> None:
    service.SubmitLoan(form(idempotency_key="k"))
    refused = refusal(service.SubmitLoan, form(idempotency_key="k", loan_amount="1"))
    assert refused == (grpc.StatusCode.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", [])
    assert len(loans.statuses()) == 1


def test_every_violation_is_listed_and_nothing_is_stored(service: Any, loans: Loans) -> None:
    code, reason, fields = refusal(service.SubmitLoan, form(customer_name="", loan_amount="NaN", loan_type=0))
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT")
    assert set(fields) == {"customer_name", "loan_amount", "loan_type"}
    assert loans.statuses() == {}


def test_submits_at_once_share_transactions(service: Any, loans: Loans) -> None:
    start = threading.Barrier(64)

    def submit(number: int) -> str:
        start.wait()
        loan_id: str = service.SubmitLoan(form(loan_amount=str(number + 1))).loan.loan_id
        return loan_id

    with ThreadPoolExecutor(64) as threads:
        loan_ids = list(threads.map(submit, range(64)))
    assert sorted(loan_ids) == sorted(str(loan_id) for loan_id in loans.statuses())
    ((transactions,),) = loans.rows("SELECT count(DISTINCT transaction) FROM loan_events")
    assert transactions < 64


def test_a_batch_answers_row_by_row_in_order(service: Any, loans: Loans) -> None:
    rows = [
        form(loan_amount="1"),
        form(customer_name="", loan_amount="0"),
        form(customer_phone="none"),
        form(loan_amount="2", idempotency_key="k"),
        form(loan_amount="3", idempotency_key="k"),
        form(loan_amount="2", idempotency_key="k"),
    ]
    results = service.BatchSubmitLoans(loan_pb2.BatchSubmitLoansRequest(loans=rows)).results
    kinds = [result.WhichOneof("outcome") for result in results]
    assert kinds == ["loan", "error", "error", "loan", "error", "loan"]
    codes = [code_pb2.Code.Name(result.error.code) for result in results if result.HasField("error")]
    assert codes == ["INVALID_ARGUMENT", "INVALID_ARGUMENT", "ALREADY_EXISTS"]
    assert results[3].loan.loan_id == results[5].loan.loan_id
    assert len(loans.statuses()) == 2


def test_a_batch_with_a_key_can_be_repeated(service: Any, loans: Loans) -> None:
    request = loan_pb2.BatchSubmitLoansRequest(loans=[form(loan_amount=str(number + 1)) for number in range(20)])
    first = service.BatchSubmitLoans(request, metadata=(("idempotency-key", "k"),))
    assert service.BatchSubmitLoans(request, metadata=(("idempotency-key", "k"),)) == first
    assert len(loans.statuses()) == 20


@pytest.mark.parametrize("count", [0, 1001])
def test_a_batch_of_impossible_size_is_refused(service: Any, count: int) -> None:
    request = loan_pb2.BatchSubmitLoansRequest(loans=[form()] * count)
    code, _, fields = refusal(service.BatchSubmitLoans, request)
    assert (code, fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["loans"])


def test_pages_hold_what_they_say(service: Any) -> None:
    for number in range(5):
        service.SubmitLoan(form(loan_amount=str(number + 1)))
    first = service.ListLoans(loan_pb2.ListLoansRequest(size=2, status="APPLIED"))
    assert (len(first.loans), first.page, first.size, first.total_size) == (2, 1, 2, 5)
    walked, token = list(first.loans), first.next_page_token
    while token:
        page = service.ListLoans(loan_pb2.ListLoansRequest(size=2, status="APPLIED", page_token=token))
        assert not page.HasField("page")
        walked, token = [*walked, *page.loans], page.next_page_token
    assert [loan.loan_amount for loan in walked] == ["5.00", "4.00", "3.00", "2.00", "1.00"]
    third = service.ListLoans(loan_pb2.ListLoansRequest(size=2, page=3))
    assert ([loan.loan_amount for loan in third.loans], third.next_page_token) == (["1.00"], "")


def test_a_customer_is_found_in_any_spelling(service: Any) -> None:
    service.SubmitLoan(form())
    service.SubmitLoan(form(customer_phone="+14155550199"))
    found = service.ListLoans(loan_pb2.ListLoansRequest(customer_phone="(415) 555-0123"))
    assert (len(found.loans), found.total_size) == (1, 1)


def test_counts_name_every_status(service: Any) -> None:
    service.SubmitLoan(form())
    counted = service.CountLoansByStatus(loan_pb2.CountLoansByStatusRequest())
    assert [entry.status for entry in counted.status_counts] == loan_pb2.Loan.Status.values()[1:]
    assert counted.total_loans == 1


def test_what_comes_too_late_for_its_caller_is_not_done(service: Any, loans: Loans) -> None:
    (loan,) = loans.submit("5000")
    look = text("SELECT status FROM loans WHERE loan_id = :loan_id FOR UPDATE").bindparams(loan_id=loan.loan_id)
    with loans.engine.begin() as holder:
        holder.execute(look)
        with pytest.raises(grpc.RpcError) as raised:
            service.WithdrawLoan(loan_pb2.WithdrawLoanRequest(loan_id=str(loan.loan_id)), timeout=0.2)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    with loans.engine.begin() as behind:  # the call, which has waited for longer, has had its turn
        assert behind.scalar(look) == "APPLIED"


def test_a_withdrawn_loan_stays_withdrawn(service: Any) -> None:
    loan = service.SubmitLoan(form()).loan
    request = loan_pb2.WithdrawLoanRequest(loan_id=loan.loan_id)
    withdrawn = service.WithdrawLoan(request).loan
    assert withdrawn.application_status == loan_pb2.Loan.WITHDRAWN
    assert withdrawn.HasField("decided_at")
    assert service.WithdrawLoan(request).loan == withdrawn


@pytest.mark.parametrize(
    ("method", "request_", "expected"),
    [
        ("GetLoan", {"loan_id": UNKNOWN}, (grpc.StatusCode.NOT_FOUND, "LOAN_NOT_FOUND", [])),
        ("GetLoan", {"loan_id": "1"}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["loan_id"])),
        ("GetLoan", {}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["loan_id"])),
        ("ListLoanEvents", {"loan_id": UNKNOWN}, (grpc.StatusCode.NOT_FOUND, "LOAN_NOT_FOUND", [])),
        ("WithdrawLoan", {"loan_id": UNKNOWN}, (grpc.StatusCode.NOT_FOUND, "LOAN_NOT_FOUND", [])),
        ("ListLoans", {"page": 0}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["page"])),
        ("ListLoans", {"page": -1}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["page"])),
        ("ListLoans", {"size": 0}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["size"])),
        ("ListLoans", {"size": 101}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["size"])),
        ("ListLoans", {"status": 77}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["status"])),
        ("ListLoans", {"page_token": "x"}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["page_token"])),
        ("ListLoans", {"customer_phone": "x"}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", [PHONE_FIELD])),
        ("ListLoans", {"page": 2, "page_token": "x"}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", [""])),
        ("ListTopCustomers", {"limit": 0}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["limit"])),
        ("ListTopCustomers", {"limit": 101}, (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["limit"])),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_with_code_reason_and_field(
    service: Any, method: str, request_: dict[str, Any], expected: tuple[grpc.StatusCode, str, list[str]]
) -> None:
    request = getattr(loan_pb2, f"{method}Request")(**request_)
    assert refusal(getattr(service, method), request) == expected


def test_bytes_that_are_no_message_are_the_callers_mistake(channel: grpc.Channel) -> None:
    call = channel.unary_unary("/los.loan.v1.LoanService/GetLoan", None, None)
    code, _, _ = refusal(call, b"\xff\xff\xff")
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_decided_loan_cannot_be_withdrawn(service: Any, internal: Any, loans: Loans) -> None:
    loan = loans.submit_to_review()
    decision = loan_pb2.RecordReviewDecisionRequest(loan_id=str(loan.loan_id), agent_id=7, approved=True)
    answer = internal.RecordReviewDecision(decision).loan
    assert answer.application_status == loan_pb2.Loan.APPROVED_BY_AGENT
    assert internal.RecordReviewDecision(decision).loan == answer
    refused = refusal(service.WithdrawLoan, loan_pb2.WithdrawLoanRequest(loan_id=str(loan.loan_id)))
    assert refused == (grpc.StatusCode.FAILED_PRECONDITION, "LOAN_ALREADY_FINAL", [])
    decision.approved = False
    refused = refusal(internal.RecordReviewDecision, decision)
    assert refused == (grpc.StatusCode.FAILED_PRECONDITION, "LOAN_NOT_UNDER_REVIEW", [])


def test_steps_of_reviews_get_a_verdict_each_and_only_those_that_are_in_order_are_recorded(
    internal: Any, service: Any, loans: Loans
) -> None:
    first, second = loans.submit_to_review(), loans.submit_to_review()
    given: dict[str, Any] = {"number": 1, "kind": "ASSIGNED", "occurred_at": Timestamp(seconds=60), "actor": "system"}
    step = loan_pb2.ReviewStep(**given, assigned_agent_id=7, on_behalf_of_agent_id=4)
    review = loan_pb2.RecordReviewStepsRequest.Review
    acted = {"number": 2, "kind": "RECOMMENDED", "actor": "agent:7", "right": "RIGHT_OF_SUBSTITUTE"}
    recommended = {**given, **acted, "approval_limit": "15000", "customer_exposure": "20000"}
    request = loan_pb2.RecordReviewStepsRequest(
        reviews=[
            review(loan_id=UNKNOWN, steps=[step]),
            review(loan_id=str(first.loan_id), steps=[step, loan_pb2.ReviewStep(**recommended)]),
            review(loan_id=str(second.loan_id), steps=[step, step]),
        ]
    )
    verdicts = internal.RecordReviewSteps(request).verdicts
    assert [verdict.code for verdict in verdicts] == [code_pb2.NOT_FOUND, code_pb2.OK, code_pb2.INVALID_ARGUMENT]
    assert (loans.get(first.loan_id).assigned_agent_id, loans.get(second.loan_id).assigned_agent_id) == (7, None)
    events = service.ListLoanEvents(loan_pb2.ListLoanEventsRequest(loan_id=str(first.loan_id))).events
    assigned, recommendation = events[-2:]
    assert (assigned.kind, assigned.assigned_agent_id, assigned.on_behalf_of_agent_id) == (5, 7, 4)
    assert (assigned.occurred_at.seconds, assigned.right, assigned.HasField("approval_limit")) == (60, 0, False)
    assert recommendation.right == loan_pb2.LoanEvent.RIGHT_OF_SUBSTITUTE
    assert (recommendation.approval_limit, recommendation.customer_exposure) == ("15000.00", "20000.00")
    assert not recommendation.HasField("assigned_agent_id")


def test_a_decision_tells_by_which_right_it_was_made_and_what_came_before(
    internal: Any, service: Any, loans: Loans
) -> None:
    loan_id = str(loans.submit_to_review().loan_id)
    step = loan_pb2.ReviewStep(
        number=1, kind="ASSIGNED", occurred_at=Timestamp(seconds=60), actor="system", assigned_agent_id=7
    )
    decision = loan_pb2.RecordReviewDecisionRequest(
        loan_id=loan_id,
        agent_id=9,
        approved=True,
        right="RIGHT_OF_SUBSTITUTE",
        on_behalf_of_agent_id=7,
        approval_limit="50000",
        customer_exposure="20000",
        steps=[step],
    )
    assert internal.RecordReviewDecision(decision).loan.assigned_agent_id == 7
    *_, assigned, decided = service.ListLoanEvents(loan_pb2.ListLoanEventsRequest(loan_id=loan_id)).events
    assert (assigned.kind, decided.kind) == (loan_pb2.LoanEvent.ASSIGNED, loan_pb2.LoanEvent.DECIDED)
    assert (decided.actor, decided.right, decided.on_behalf_of_agent_id) == ("agent:9", 3, 7)
    assert (decided.approval_limit, decided.customer_exposure) == ("50000.00", "20000.00")
    decision.steps.add().CopyFrom(step)
    refused = refusal(internal.RecordReviewDecision, decision)
    assert refused == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", ["steps[1].number"])


def test_what_a_customer_owes_is_told_of_each_of_their_loans(internal: Any, loans: Loans) -> None:
    first, second = loans.submit("100", "20000.50", customer_phone=PHONE)
    for loan in (first, second):
        answer = internal.GetCustomerExposure(loan_pb2.GetCustomerExposureRequest(loan_id=str(loan.loan_id)))
        assert (answer.amount, answer.currency_code) == ("20100.50", "USD")
    unknown = loan_pb2.GetCustomerExposureRequest(loan_id=UNKNOWN)
    assert refusal(internal.GetCustomerExposure, unknown) == (grpc.StatusCode.NOT_FOUND, "LOAN_NOT_FOUND", [])
    unreadable = loan_pb2.GetCustomerExposureRequest(loan_id="1")
    code, _, fields = refusal(internal.GetCustomerExposure, unreadable)
    assert (code, fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["loan_id"])


def test_the_catalogue_of_reasons_can_be_read(service: Any) -> None:
    reasons = {reason.code: reason for reason in service.ListReasonCodes(loan_pb2.ListReasonCodesRequest()).reasons}
    assert list(reasons) == loan_pb2.Reason.Code.values()[1:]
    reason = reasons[loan_pb2.Reason.DEBT_TO_INCOME]
    assert (reason.use, reason.regulatory_code) == (loan_pb2.Reason.REJECTION, "HMDA-1")
    assert reason.customer_text == "Your obligations are too high for your income."


def test_a_watcher_sees_every_event_from_the_moment_the_stream_is_open(service: Any) -> None:
    stream = service.WatchLoans(loan_pb2.WatchLoansRequest(), timeout=60)
    stream.initial_metadata()  # arrives once nothing is missed any more
    loan_id = service.SubmitLoan(form()).loan.loan_id
    first = next(stream).event
    assert (first.loan_id, first.kind) == (loan_id, loan_pb2.LoanEvent.SUBMITTED)
    stream.cancel()
    service.WithdrawLoan(loan_pb2.WithdrawLoanRequest(loan_id=loan_id))
    resumed = service.WatchLoans(loan_pb2.WatchLoansRequest(after_event_id=first.event_id), timeout=60)
    assert next(resumed).event.kind == loan_pb2.LoanEvent.WITHDRAWN
    resumed.cancel()


def test_a_stream_that_has_shown_nothing_yet_can_be_resumed_from_where_it_began(service: Any) -> None:
    stream = service.WatchLoans(loan_pb2.WatchLoansRequest(), timeout=60)
    (began,) = [value for key, value in stream.initial_metadata() if key == "resume-after"]
    stream.cancel()
    loan_id = service.SubmitLoan(form()).loan.loan_id
    resumed = service.WatchLoans(loan_pb2.WatchLoansRequest(after_event_id=began), timeout=60)
    assert next(resumed).event.loan_id == loan_id
    resumed.cancel()


def test_a_stream_cannot_resume_after_what_is_no_event(service: Any) -> None:
    code, _, fields = refusal(
        lambda request: next(service.WatchLoans(request)), loan_pb2.WatchLoansRequest(after_event_id="x")
    )
    assert (code, fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["after_event_id"])


def test_the_internal_servicer_works_behind_a_testing_server_too(loans: Loans) -> None:
    loan = loans.submit_to_review()
    woken: list[bool] = []
    descriptor = loan_pb2.DESCRIPTOR.services_by_name["LoanInternalService"]
    server = grpc_testing.server_from_dictionary(
        {descriptor: LoanInternalServicer(loans.engine, lambda: woken.append(True))}, grpc_testing.strict_real_time()
    )
    request = loan_pb2.RecordReviewDecisionRequest(loan_id=str(loan.loan_id), agent_id=7, approved=False)
    method = descriptor.methods_by_name["RecordReviewDecision"]
    answer, _, code, _ = server.invoke_unary_unary(method, (), request, 60).termination()
    assert code is grpc.StatusCode.OK
    assert answer.loan.application_status == loan_pb2.Loan.REJECTED_BY_AGENT
    assert loans.get(loan.loan_id).status is Status.REJECTED_BY_AGENT
    assert loans.job_keys(usecases.NOTIFY_CUSTOMER) == [f"notify_customer:{loan.loan_id}"]
    assert woken == [True]
