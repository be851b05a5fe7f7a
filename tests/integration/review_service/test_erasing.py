"""Erasing a customer from reviews: who decided stays, whom it was about goes."""

from uuid import UUID, uuid4

from sqlalchemy import text

from los.review.v1 import review_pb2
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.reception import Code, Service, refusal

PSEUDONYM = "erased:" + "0a" * 16
PHONE = "+14155550177"
COMMENT = "known to us for years"


def erase(service: Service, *loan_ids: UUID) -> list[int]:
    """The codes of the verdicts."""
    loans = [review_pb2.EraseLoansRequest.Loan(loan_id=str(loan_id), pseudonym=PSEUDONYM) for loan_id in loan_ids]
    return [verdict.code for verdict in service.inside.EraseLoans(review_pb2.EraseLoansRequest(loans=loans)).verdicts]


def settle(office: Office) -> None:
    """Others have been told of everything."""
    office.jobs_are_taken = True
    office.rows(text("DELETE FROM jobs WHERE kind <> key RETURNING 1"))


def said(office: Office) -> str:
    """Every row about reviews."""
    reviews = office.rows(text("SELECT row_to_json(reviews)::text AS said FROM reviews"))
    steps = office.rows(text("SELECT row_to_json(review_steps)::text AS said FROM review_steps"))
    return "\n".join(row.said for row in (*reviews, *steps))


def test_whose_the_loan_was_goes_and_who_decided_stays(service: Service, office: Office) -> None:
    manager = office.hire(limit=1_000_000)
    agent = office.hire(manager, limit=1_000)
    (loan_id,) = office.open(application(20_000, phone=PHONE))
    office.decide(loan_id, agent, comment=COMMENT)
    office.decide(loan_id, manager, comment=COMMENT)
    settle(office)
    decided = office.review(loan_id).decision
    assert decided is not None
    before = said(office)
    assert [mark for mark in (PHONE, "Lovelace", COMMENT) if mark not in before] == []
    assert erase(service, loan_id) == [0]
    once = said(office)
    assert not [mark for mark in (PHONE, "Lovelace", COMMENT) if mark in once]
    after = office.review(loan_id)
    assert after.known_application.customer_phone.shown == PSEUDONYM
    assert after.decision is not None
    assert (after.decision.agent_id, after.decision.choice) == (decided.agent_id, decided.choice)
    assert erase(service, loan_id) == [0]
    assert said(office) == once


def test_an_open_review_and_one_that_others_are_to_be_told_of_wait_and_hold_up_no_other(
    service: Service, office: Office
) -> None:
    agent = office.hire(limit=1_000_000)
    being_told, still_open, cancelled = office.open(*(application(phone=PHONE) for _ in range(3)))
    office.cancel(cancelled)
    settle(office)
    office.decide(being_told, agent)
    aborted = 10
    assert erase(service, being_told, still_open, cancelled, uuid4()) == [aborted, aborted, 0, 0]
    assert office.review(being_told).known_application.customer_phone == PHONE
    assert office.review(cancelled).known_application.customer_phone.shown == PSEUDONYM


def test_a_review_that_was_never_opened_has_nothing_to_be_erased(service: Service, office: Office) -> None:
    loan_id = uuid4()
    office.cancel(loan_id)
    assert erase(service, loan_id) == [0]
    assert office.review(loan_id).application is None


def test_an_erasure_that_breaks_the_contract_is_refused_with_its_fields(service: Service) -> None:
    loans = [review_pb2.EraseLoansRequest.Loan(loan_id="one", pseudonym=PHONE)]
    code, _, complained_of = refusal(service.inside.EraseLoans, review_pb2.EraseLoansRequest(loans=loans))
    assert (code, complained_of) == (Code.INVALID_ARGUMENT, ["loans[0].loan_id", "loans[0].pseudonym"])
