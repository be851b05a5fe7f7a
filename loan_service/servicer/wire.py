"""Between the words of the contract and those of the domain."""

import re
import secrets
from datetime import UTC, datetime
from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp
from uuid_utils.compat import uuid7

from chassis import access
from chassis.errors import InvalidArgument, Violation
from chassis.personal import Phone
from loan_service.domain import (
    Application,
    Loan,
    LoanType,
    Status,
    StoredEvent,
    canonical_name,
    is_blank,
)
from loan_service.servicer import phones
from los.loan.v1 import loan_pb2

_TYPES = {loan_pb2.Loan.Type.Value(loan_type): loan_type for loan_type in LoanType}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(r"[!-~]{0,200}")


class Reader:
    """Reads what depends on the deployment.

    Args:
        region: Where phone numbers without `+` are from, as ISO 3166 names it.
        currency: The one currency, ISO 4217.
    """

    def __init__(self, region: str, currency: str) -> None:
        self._region = region
        self._currency = currency

    def application(self, request: loan_pb2.SubmitLoanRequest, key: str = "") -> Application:
        """An application in canonical form, with an id of its own.

        Args:
            request: What the customer filled in; it keeps the rules of the contract.
            key: The idempotency key that came beside the request; one inside it wins.

        Raises:
            InvalidArgument: With every field that cannot be read.
        """
        violations = []
        phone = phones.canonical(request.customer_phone, self._region)
        if phone is None:
            violations.append(_no_phone_number("customer_phone"))
        if request.currency_code not in {"", self._currency}:
            violations.append(Violation("currency_code", f"must be {self._currency}"))
        key = request.idempotency_key or key
        if not _KEY.fullmatch(key):
            violations.append(Violation("idempotency_key", "must be at most 200 visible ASCII characters"))
        name = canonical_name(request.customer_name)
        if len(name) > 200:  # a few letters grow longer in NFC
            violations.append(Violation("customer_name", "must be at most 200 characters"))
        elif is_blank(name):  # the contract's pattern knows no spaces but those of ASCII
            violations.append(Violation("customer_name", "must not be blank"))
        if violations:
            raise InvalidArgument(violations)
        return Application(
            loan_id=uuid7(),
            customer_name=name,
            customer_phone=Phone(phone or ""),
            loan_amount=Decimal(request.loan_amount).quantize(Decimal("0.01")),
            currency_code=self._currency,
            loan_type=_TYPES[request.loan_type],
            salt=secrets.token_bytes(16),
            subject=access.caller().subject,
            idempotency_key=key,
        )

    def phone(self, text: str, field: str) -> str:
        """A phone number in E.164 form; empty stays empty.

        Raises:
            InvalidArgument: It cannot be one.
        """
        if not text:
            return ""
        if (phone := phones.canonical(text, self._region)) is None:
            raise InvalidArgument([_no_phone_number(field)])
        return phone


def _no_phone_number(field: str) -> Violation:
    return Violation(field, "must be a phone number, for example +14155550123")


def status_filter(value: int) -> Status | None:
    """The status to list; None lists every status."""
    return Status(loan_pb2.Loan.Status.Name(value)) if value else None


def loan(stored: Loan) -> loan_pb2.Loan:
    """A loan as callers see it."""
    return loan_pb2.Loan(
        loan_id=str(stored.loan_id),
        customer_name=stored.customer_name,
        customer_phone=stored.customer_phone,
        loan_amount=str(stored.loan_amount),
        currency_code=stored.currency_code,
        loan_type=stored.loan_type,
        application_status=stored.status,
        created_at=_timestamp(stored.created_at),
        updated_at=_timestamp(stored.updated_at),
        assigned_agent_id=stored.assigned_agent_id,
        decided_at=stored.decided_at and _timestamp(stored.decided_at),
        reason_codes=stored.reason_codes,
    )


def event(stored: StoredEvent) -> loan_pb2.LoanEvent:
    """An event as callers see it."""
    happened, authority = stored.event, stored.event.authority
    return loan_pb2.LoanEvent(
        event_id=stored.event_id,
        loan_id=str(happened.loan_id),
        version=happened.version,
        kind=happened.kind,
        from_status=happened.from_status,
        to_status=happened.to_status,
        occurred_at=_timestamp(happened.occurred_at),
        actor=happened.actor,
        reason_codes=happened.reason_codes,
        comment=happened.comment,
        assigned_agent_id=happened.assigned_agent_id,
        right=authority.right,
        on_behalf_of_agent_id=authority.on_behalf_of_agent_id,
        approval_limit=_text(authority.approval_limit),
        customer_exposure=_text(authority.customer_exposure),
        subject=happened.subject,
    )


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _timestamp(moment: datetime) -> Timestamp:
    since = moment - _EPOCH  # Timestamp.FromDatetime does the same in twenty times as long
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)
