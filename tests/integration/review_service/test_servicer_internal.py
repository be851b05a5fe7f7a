"""What the other services tell this one over gRPC."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, text

from chassis import rpc
from chassis.errors import ServiceError
from los.review.v1 import review_pb2
from review_service.domain import State
from tests.integration.review_service.office import Office
from tests.integration.review_service.reception import Service


def review(loan_id: UUID | None = None, **fields: Any) -> review_pb2.OpenReviewRequest.Review:
    return review_pb2.OpenReviewRequest.Review(
        **{
            "loan_id": str(loan_id or uuid4()),
            "customer_name": "Ada Lovelace",
            "customer_phone": "+14155550123",
            "loan_amount": "20000",
            "currency_code": "USD",
            "loan_type": "HOME",
            "reason_codes": ["AMOUNT_REQUIRES_REVIEW"],
            "customer_exposure": "20000",
            **fields,
        }
    )


def test_each_review_to_be_opened_gets_its_verdict(service: Service, office: Office) -> None:
    agent = office.hire()
    good, again = review(), uuid4()
    request = review_pb2.OpenReviewRequest(
        reviews=[good, review(customer_phone="none"), review(again), review(again), review(customer_name=" ")]
    )
    verdicts = service.inside.OpenReview(request).verdicts
    failed = [rpc.error_of(verdict) for verdict in verdicts]
    assert [error and type(error) for error in failed] == [None, ServiceError, None, None, ServiceError]
    assert [verdict.code for verdict in verdicts] == [0, 3, 0, 0, 3]
    assert office.open_count(agent) == 2
    assert service.woken == 1


def test_one_review_that_cannot_be_stored_does_not_stand_in_the_way_of_the_others(
    service: Service, office: Office, owner_engine: Engine
) -> None:
    agent = office.hire()
    request = review_pb2.OpenReviewRequest(reviews=[review(), review(customer_name="Unstorable"), review()])
    with owner_engine.begin() as tx:
        tx.execute(text("ALTER TABLE review.reviews ADD CONSTRAINT odd CHECK (customer_name <> 'Unstorable')"))
    try:
        verdicts = service.inside.OpenReview(request).verdicts
    finally:
        with owner_engine.begin() as tx:
            tx.execute(text("ALTER TABLE review.reviews DROP CONSTRAINT odd"))
    assert [(verdict.code, verdict.message) for verdict in verdicts] == [(0, ""), (13, rpc.UNFORESEEN), (0, "")]
    assert office.open_count(agent) == 2


def test_reviews_are_cancelled_whether_they_were_opened_or_not(service: Service, office: Office) -> None:
    agent = office.hire()
    (loan_id,) = office.open()
    never = uuid4()
    request = review_pb2.CancelReviewRequest(loan_ids=[str(loan_id), str(never), str(loan_id)])
    assert [verdict.code for verdict in service.inside.CancelReview(request).verdicts] == [0, 0, 0]
    assert {office.review(each).state for each in (loan_id, never)} == {State.CANCELLED}
    assert office.open_count(agent) == 0
