"""What the servicer makes of requests."""

from decimal import Decimal

import pytest

from chassis import rules
from chassis.errors import InvalidArgument
from loan_service.domain import LoanType, Status
from loan_service.servicer import wire
from loan_service.servicer.wire import Reader
from los.loan.v1 import loan_pb2

READER = Reader("US", "USD")


def request_with(**fields: object) -> loan_pb2.SubmitLoanRequest:
    request = loan_pb2.SubmitLoanRequest(
        customer_name="Ada Lovelace", customer_phone="+14155550123", loan_amount="5000.50", loan_type="HOME"
    )
    for name, value in fields.items():
        setattr(request, name, value)
    return request


def refused_fields(request: loan_pb2.SubmitLoanRequest, key: str = "") -> list[str]:
    try:
        rules.check(request)
        READER.application(request, key)
    except InvalidArgument as error:
        return sorted({violation.field for violation in error.violations})
    return []


def test_an_application_is_read_in_canonical_form() -> None:
    application = READER.application(request_with(customer_name=" Ma\u0301rta ", loan_amount="00005000.5"), "key")
    assert application.loan_id.version == 7
    assert application.customer_name == "M\u00e1rta"
    assert str(application.loan_amount) == "5000.50"
    assert (application.currency_code, application.loan_type) == ("USD", LoanType.HOME)
    assert application.idempotency_key == "key"


def test_a_key_in_the_request_wins_over_one_beside_it() -> None:
    assert READER.application(request_with(idempotency_key="inside"), "beside").idempotency_key == "inside"


@pytest.mark.parametrize(
    "spelling", ["+14155550123", "+1 (415) 555-0123", "4155550123", "(415) 555-0123", "tel:+1-415-555-0123"]
)
def test_one_customer_in_several_spellings_is_one_customer(spelling: str) -> None:
    assert READER.application(request_with(customer_phone=spelling)).customer_phone == "+14155550123"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, []),
        ({"loan_amount": "0.01"}, []),
        ({"loan_amount": "10000000"}, []),
        ({"loan_amount": "10000000.01"}, ["loan_amount"]),
        ({"loan_amount": "99999999.99"}, ["loan_amount"]),
        ({"loan_amount": "0"}, ["loan_amount"]),
        ({"loan_amount": "0.00"}, ["loan_amount"]),
        ({"loan_amount": "-1"}, ["loan_amount"]),
        ({"loan_amount": "+1"}, ["loan_amount"]),
        ({"loan_amount": "1.555"}, ["loan_amount"]),
        ({"loan_amount": "1."}, ["loan_amount"]),
        ({"loan_amount": ".5"}, ["loan_amount"]),
        ({"loan_amount": "NaN"}, ["loan_amount"]),
        ({"loan_amount": "Infinity"}, ["loan_amount"]),
        ({"loan_amount": "1e3"}, ["loan_amount"]),
        ({"loan_amount": "1e309"}, ["loan_amount"]),
        ({"loan_amount": "1,000"}, ["loan_amount"]),
        ({"loan_amount": "\u0661\u0660"}, ["loan_amount"]),
        ({"loan_amount": "9" * 5000}, ["loan_amount"]),
        ({"loan_amount": ""}, ["loan_amount"]),
        ({"loan_amount": "10\n"}, ["loan_amount"]),
        ({"loan_type": 0}, ["loan_type"]),
        ({"loan_type": 99}, ["loan_type"]),
        ({"customer_name": ""}, ["customer_name"]),
        ({"customer_name": "   "}, ["customer_name"]),
        ({"customer_name": "\u00e4" * 200}, []),
        ({"customer_name": "\u00e4" * 201}, ["customer_name"]),
        ({"customer_name": "\U0001d15e" * 200}, ["customer_name"]),
        ({"customer_name": "\u00a0\u2003"}, ["customer_name"]),
        ({"customer_name": "\u200b"}, ["customer_name"]),
        ({"customer_name": "a\x00b"}, ["customer_name"]),
        ({"customer_name": "a\nb"}, ["customer_name"]),
        ({"customer_name": "Robert'); DROP TABLE loans;--"}, []),
        ({"customer_phone": ""}, ["customer_phone"]),
        ({"customer_phone": "+1"}, ["customer_phone"]),
        ({"customer_phone": "12345"}, ["customer_phone"]),
        ({"customer_phone": "+1415555012x"}, ["customer_phone"]),
        ({"customer_phone": "phone"}, ["customer_phone"]),
        ({"customer_phone": "+999123456789"}, ["customer_phone"]),
        ({"customer_phone": "+14155550123 ext. 5"}, ["customer_phone"]),
        ({"customer_phone": "0" * 33}, ["customer_phone"]),
        ({"currency_code": "USD"}, []),
        ({"currency_code": "EUR"}, ["currency_code"]),
        ({"currency_code": "usd"}, ["currency_code"]),
        ({"idempotency_key": "x" * 201}, ["idempotency_key"]),
        ({"idempotency_key": "a b"}, ["idempotency_key"]),
        ({"customer_phone": "+999", "currency_code": "EUR"}, ["currency_code", "customer_phone"]),
        ({"customer_name": "", "loan_amount": "0", "loan_type": 0}, ["customer_name", "loan_amount", "loan_type"]),
    ],
)
def test_every_field_that_is_wrong_is_named(fields: dict[str, object], refused: list[str]) -> None:
    assert refused_fields(request_with(**fields)) == refused


@pytest.mark.parametrize("key", ["x" * 201, "a b", "\u00e4", "a\x00"])
def test_a_key_beside_the_request_keeps_the_same_rules(key: str) -> None:
    assert refused_fields(request_with(), key) == ["idempotency_key"]


def test_the_words_of_the_contract_are_those_of_the_domain() -> None:
    assert loan_pb2.Loan.Type.keys() == ["TYPE_UNSPECIFIED", *LoanType]
    assert loan_pb2.Loan.Status.keys() == ["STATUS_UNSPECIFIED", *Status]


def test_no_status_lists_every_status() -> None:
    assert wire.status_filter(0) is None
    assert wire.status_filter(loan_pb2.Loan.APPLIED) is Status.APPLIED


def test_the_rule_in_the_contract_admits_what_the_table_admits() -> None:
    assert Decimal(10000000) == READER.application(request_with(loan_amount="10000000")).loan_amount
