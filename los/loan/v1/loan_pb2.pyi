import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from los.gateway.v1 import annotations_pb2 as _annotations_pb2_1
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Loan(_message.Message):
    __slots__ = ("loan_id", "customer_name", "customer_phone", "loan_amount", "currency_code", "loan_type", "application_status", "created_at", "updated_at", "assigned_agent_id", "decided_at", "reason_codes")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPE_UNSPECIFIED: _ClassVar[Loan.Type]
        PERSONAL: _ClassVar[Loan.Type]
        HOME: _ClassVar[Loan.Type]
        AUTO: _ClassVar[Loan.Type]
        BUSINESS: _ClassVar[Loan.Type]
    TYPE_UNSPECIFIED: Loan.Type
    PERSONAL: Loan.Type
    HOME: Loan.Type
    AUTO: Loan.Type
    BUSINESS: Loan.Type
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[Loan.Status]
        APPLIED: _ClassVar[Loan.Status]
        PROCESSING: _ClassVar[Loan.Status]
        UNDER_REVIEW: _ClassVar[Loan.Status]
        APPROVED_BY_SYSTEM: _ClassVar[Loan.Status]
        REJECTED_BY_SYSTEM: _ClassVar[Loan.Status]
        APPROVED_BY_AGENT: _ClassVar[Loan.Status]
        REJECTED_BY_AGENT: _ClassVar[Loan.Status]
        WITHDRAWN: _ClassVar[Loan.Status]
        EXPIRED: _ClassVar[Loan.Status]
    STATUS_UNSPECIFIED: Loan.Status
    APPLIED: Loan.Status
    PROCESSING: Loan.Status
    UNDER_REVIEW: Loan.Status
    APPROVED_BY_SYSTEM: Loan.Status
    REJECTED_BY_SYSTEM: Loan.Status
    APPROVED_BY_AGENT: Loan.Status
    REJECTED_BY_AGENT: Loan.Status
    WITHDRAWN: Loan.Status
    EXPIRED: Loan.Status
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_NAME_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_PHONE_FIELD_NUMBER: _ClassVar[int]
    LOAN_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    LOAN_TYPE_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    DECIDED_AT_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    customer_name: str
    customer_phone: str
    loan_amount: str
    currency_code: str
    loan_type: Loan.Type
    application_status: Loan.Status
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    assigned_agent_id: int
    decided_at: _timestamp_pb2.Timestamp
    reason_codes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, loan_id: _Optional[str] = ..., customer_name: _Optional[str] = ..., customer_phone: _Optional[str] = ..., loan_amount: _Optional[str] = ..., currency_code: _Optional[str] = ..., loan_type: _Optional[_Union[Loan.Type, str]] = ..., application_status: _Optional[_Union[Loan.Status, str]] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., assigned_agent_id: _Optional[int] = ..., decided_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason_codes: _Optional[_Iterable[str]] = ...) -> None: ...

class LoanEvent(_message.Message):
    __slots__ = ("event_id", "loan_id", "version", "kind", "from_status", "to_status", "occurred_at", "actor", "reason_codes", "comment", "assigned_agent_id")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[LoanEvent.Kind]
        SUBMITTED: _ClassVar[LoanEvent.Kind]
        ASSESSMENT_STARTED: _ClassVar[LoanEvent.Kind]
        ASSESSMENT_INTERRUPTED: _ClassVar[LoanEvent.Kind]
        REFERRED: _ClassVar[LoanEvent.Kind]
        ASSIGNED: _ClassVar[LoanEvent.Kind]
        DECIDED: _ClassVar[LoanEvent.Kind]
        WITHDRAWN: _ClassVar[LoanEvent.Kind]
        EXPIRED: _ClassVar[LoanEvent.Kind]
    KIND_UNSPECIFIED: LoanEvent.Kind
    SUBMITTED: LoanEvent.Kind
    ASSESSMENT_STARTED: LoanEvent.Kind
    ASSESSMENT_INTERRUPTED: LoanEvent.Kind
    REFERRED: LoanEvent.Kind
    ASSIGNED: LoanEvent.Kind
    DECIDED: LoanEvent.Kind
    WITHDRAWN: LoanEvent.Kind
    EXPIRED: LoanEvent.Kind
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FROM_STATUS_FIELD_NUMBER: _ClassVar[int]
    TO_STATUS_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    loan_id: str
    version: int
    kind: LoanEvent.Kind
    from_status: Loan.Status
    to_status: Loan.Status
    occurred_at: _timestamp_pb2.Timestamp
    actor: str
    reason_codes: _containers.RepeatedScalarFieldContainer[str]
    comment: str
    assigned_agent_id: int
    def __init__(self, event_id: _Optional[str] = ..., loan_id: _Optional[str] = ..., version: _Optional[int] = ..., kind: _Optional[_Union[LoanEvent.Kind, str]] = ..., from_status: _Optional[_Union[Loan.Status, str]] = ..., to_status: _Optional[_Union[Loan.Status, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., reason_codes: _Optional[_Iterable[str]] = ..., comment: _Optional[str] = ..., assigned_agent_id: _Optional[int] = ...) -> None: ...

class SubmitLoanRequest(_message.Message):
    __slots__ = ("customer_name", "customer_phone", "loan_amount", "currency_code", "loan_type", "idempotency_key")
    CUSTOMER_NAME_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_PHONE_FIELD_NUMBER: _ClassVar[int]
    LOAN_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    LOAN_TYPE_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    customer_name: str
    customer_phone: str
    loan_amount: str
    currency_code: str
    loan_type: Loan.Type
    idempotency_key: str
    def __init__(self, customer_name: _Optional[str] = ..., customer_phone: _Optional[str] = ..., loan_amount: _Optional[str] = ..., currency_code: _Optional[str] = ..., loan_type: _Optional[_Union[Loan.Type, str]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class SubmitLoanResponse(_message.Message):
    __slots__ = ("loan",)
    LOAN_FIELD_NUMBER: _ClassVar[int]
    loan: Loan
    def __init__(self, loan: _Optional[_Union[Loan, _Mapping]] = ...) -> None: ...

class BatchSubmitLoansRequest(_message.Message):
    __slots__ = ("loans",)
    LOANS_FIELD_NUMBER: _ClassVar[int]
    loans: _containers.RepeatedCompositeFieldContainer[SubmitLoanRequest]
    def __init__(self, loans: _Optional[_Iterable[_Union[SubmitLoanRequest, _Mapping]]] = ...) -> None: ...

class BatchSubmitLoansResponse(_message.Message):
    __slots__ = ("results",)
    class Result(_message.Message):
        __slots__ = ("loan", "error")
        LOAN_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        loan: Loan
        error: _status_pb2.Status
        def __init__(self, loan: _Optional[_Union[Loan, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BatchSubmitLoansResponse.Result]
    def __init__(self, results: _Optional[_Iterable[_Union[BatchSubmitLoansResponse.Result, _Mapping]]] = ...) -> None: ...

class GetLoanRequest(_message.Message):
    __slots__ = ("loan_id",)
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    def __init__(self, loan_id: _Optional[str] = ...) -> None: ...

class GetLoanResponse(_message.Message):
    __slots__ = ("loan",)
    LOAN_FIELD_NUMBER: _ClassVar[int]
    loan: Loan
    def __init__(self, loan: _Optional[_Union[Loan, _Mapping]] = ...) -> None: ...

class ListLoansRequest(_message.Message):
    __slots__ = ("status", "page", "size", "page_token", "customer_phone")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_PHONE_FIELD_NUMBER: _ClassVar[int]
    status: Loan.Status
    page: int
    size: int
    page_token: str
    customer_phone: str
    def __init__(self, status: _Optional[_Union[Loan.Status, str]] = ..., page: _Optional[int] = ..., size: _Optional[int] = ..., page_token: _Optional[str] = ..., customer_phone: _Optional[str] = ...) -> None: ...

class ListLoansResponse(_message.Message):
    __slots__ = ("loans", "page", "size", "total_size", "next_page_token")
    LOANS_FIELD_NUMBER: _ClassVar[int]
    PAGE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    loans: _containers.RepeatedCompositeFieldContainer[Loan]
    page: int
    size: int
    total_size: int
    next_page_token: str
    def __init__(self, loans: _Optional[_Iterable[_Union[Loan, _Mapping]]] = ..., page: _Optional[int] = ..., size: _Optional[int] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CountLoansByStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CountLoansByStatusResponse(_message.Message):
    __slots__ = ("status_counts", "total_loans")
    class StatusCount(_message.Message):
        __slots__ = ("status", "count")
        STATUS_FIELD_NUMBER: _ClassVar[int]
        COUNT_FIELD_NUMBER: _ClassVar[int]
        status: Loan.Status
        count: int
        def __init__(self, status: _Optional[_Union[Loan.Status, str]] = ..., count: _Optional[int] = ...) -> None: ...
    STATUS_COUNTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_LOANS_FIELD_NUMBER: _ClassVar[int]
    status_counts: _containers.RepeatedCompositeFieldContainer[CountLoansByStatusResponse.StatusCount]
    total_loans: int
    def __init__(self, status_counts: _Optional[_Iterable[_Union[CountLoansByStatusResponse.StatusCount, _Mapping]]] = ..., total_loans: _Optional[int] = ...) -> None: ...

class ListTopCustomersRequest(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    def __init__(self, limit: _Optional[int] = ...) -> None: ...

class ListTopCustomersResponse(_message.Message):
    __slots__ = ("customers",)
    class Customer(_message.Message):
        __slots__ = ("customer_name", "customer_phone", "approved_loan_count", "total_approved_amount")
        CUSTOMER_NAME_FIELD_NUMBER: _ClassVar[int]
        CUSTOMER_PHONE_FIELD_NUMBER: _ClassVar[int]
        APPROVED_LOAN_COUNT_FIELD_NUMBER: _ClassVar[int]
        TOTAL_APPROVED_AMOUNT_FIELD_NUMBER: _ClassVar[int]
        customer_name: str
        customer_phone: str
        approved_loan_count: int
        total_approved_amount: str
        def __init__(self, customer_name: _Optional[str] = ..., customer_phone: _Optional[str] = ..., approved_loan_count: _Optional[int] = ..., total_approved_amount: _Optional[str] = ...) -> None: ...
    CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    customers: _containers.RepeatedCompositeFieldContainer[ListTopCustomersResponse.Customer]
    def __init__(self, customers: _Optional[_Iterable[_Union[ListTopCustomersResponse.Customer, _Mapping]]] = ...) -> None: ...

class ListLoanEventsRequest(_message.Message):
    __slots__ = ("loan_id",)
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    def __init__(self, loan_id: _Optional[str] = ...) -> None: ...

class ListLoanEventsResponse(_message.Message):
    __slots__ = ("events",)
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[LoanEvent]
    def __init__(self, events: _Optional[_Iterable[_Union[LoanEvent, _Mapping]]] = ...) -> None: ...

class WithdrawLoanRequest(_message.Message):
    __slots__ = ("loan_id",)
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    def __init__(self, loan_id: _Optional[str] = ...) -> None: ...

class WithdrawLoanResponse(_message.Message):
    __slots__ = ("loan",)
    LOAN_FIELD_NUMBER: _ClassVar[int]
    loan: Loan
    def __init__(self, loan: _Optional[_Union[Loan, _Mapping]] = ...) -> None: ...

class WatchLoansRequest(_message.Message):
    __slots__ = ("after_event_id",)
    AFTER_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    after_event_id: str
    def __init__(self, after_event_id: _Optional[str] = ...) -> None: ...

class WatchLoansResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: LoanEvent
    def __init__(self, event: _Optional[_Union[LoanEvent, _Mapping]] = ...) -> None: ...

class RecordReviewDecisionRequest(_message.Message):
    __slots__ = ("loan_id", "agent_id", "approved", "reason_codes", "comment")
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    agent_id: int
    approved: bool
    reason_codes: _containers.RepeatedScalarFieldContainer[str]
    comment: str
    def __init__(self, loan_id: _Optional[str] = ..., agent_id: _Optional[int] = ..., approved: _Optional[bool] = ..., reason_codes: _Optional[_Iterable[str]] = ..., comment: _Optional[str] = ...) -> None: ...

class RecordReviewDecisionResponse(_message.Message):
    __slots__ = ("loan",)
    LOAN_FIELD_NUMBER: _ClassVar[int]
    loan: Loan
    def __init__(self, loan: _Optional[_Union[Loan, _Mapping]] = ...) -> None: ...

class RecordReviewAssignmentsRequest(_message.Message):
    __slots__ = ("assignments",)
    class Assignment(_message.Message):
        __slots__ = ("loan_id", "agent_id", "assignment_number")
        LOAN_ID_FIELD_NUMBER: _ClassVar[int]
        AGENT_ID_FIELD_NUMBER: _ClassVar[int]
        ASSIGNMENT_NUMBER_FIELD_NUMBER: _ClassVar[int]
        loan_id: str
        agent_id: int
        assignment_number: int
        def __init__(self, loan_id: _Optional[str] = ..., agent_id: _Optional[int] = ..., assignment_number: _Optional[int] = ...) -> None: ...
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[RecordReviewAssignmentsRequest.Assignment]
    def __init__(self, assignments: _Optional[_Iterable[_Union[RecordReviewAssignmentsRequest.Assignment, _Mapping]]] = ...) -> None: ...

class RecordReviewAssignmentsResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[_status_pb2.Status]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[_status_pb2.Status, _Mapping]]] = ...) -> None: ...
