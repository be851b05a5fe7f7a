import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from los.access.v1 import access_pb2 as _access_pb2
from los.gateway.v1 import annotations_pb2 as _annotations_pb2_1
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
REASON_FIELD_NUMBER: _ClassVar[int]
reason: _descriptor.FieldDescriptor

class Reason(_message.Message):
    __slots__ = ("code", "use", "customer_text", "regulatory_code")
    class Code(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CODE_UNSPECIFIED: _ClassVar[Reason.Code]
        AMOUNT_BELOW_REVIEW_THRESHOLD: _ClassVar[Reason.Code]
        AMOUNT_REQUIRES_REVIEW: _ClassVar[Reason.Code]
        ASSESSMENT_UNAVAILABLE: _ClassVar[Reason.Code]
        NO_DECISION_IN_TIME: _ClassVar[Reason.Code]
        INCOME_VERIFIED: _ClassVar[Reason.Code]
        COLLATERAL_SUFFICIENT: _ClassVar[Reason.Code]
        CREDIT_HISTORY_GOOD: _ClassVar[Reason.Code]
        AMOUNT_ABOVE_MAXIMUM: _ClassVar[Reason.Code]
        DEBT_TO_INCOME: _ClassVar[Reason.Code]
        EMPLOYMENT_HISTORY: _ClassVar[Reason.Code]
        CREDIT_HISTORY: _ClassVar[Reason.Code]
        COLLATERAL_INSUFFICIENT: _ClassVar[Reason.Code]
        CASH_INSUFFICIENT: _ClassVar[Reason.Code]
        UNVERIFIABLE_INFORMATION: _ClassVar[Reason.Code]
        APPLICATION_INCOMPLETE: _ClassVar[Reason.Code]
        INCOME_INSUFFICIENT: _ClassVar[Reason.Code]
        EXPOSURE_TOO_HIGH: _ClassVar[Reason.Code]
        OTHER: _ClassVar[Reason.Code]
    CODE_UNSPECIFIED: Reason.Code
    AMOUNT_BELOW_REVIEW_THRESHOLD: Reason.Code
    AMOUNT_REQUIRES_REVIEW: Reason.Code
    ASSESSMENT_UNAVAILABLE: Reason.Code
    NO_DECISION_IN_TIME: Reason.Code
    INCOME_VERIFIED: Reason.Code
    COLLATERAL_SUFFICIENT: Reason.Code
    CREDIT_HISTORY_GOOD: Reason.Code
    AMOUNT_ABOVE_MAXIMUM: Reason.Code
    DEBT_TO_INCOME: Reason.Code
    EMPLOYMENT_HISTORY: Reason.Code
    CREDIT_HISTORY: Reason.Code
    COLLATERAL_INSUFFICIENT: Reason.Code
    CASH_INSUFFICIENT: Reason.Code
    UNVERIFIABLE_INFORMATION: Reason.Code
    APPLICATION_INCOMPLETE: Reason.Code
    INCOME_INSUFFICIENT: Reason.Code
    EXPOSURE_TOO_HIGH: Reason.Code
    OTHER: Reason.Code
    class Use(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        USE_UNSPECIFIED: _ClassVar[Reason.Use]
        APPROVAL: _ClassVar[Reason.Use]
        REJECTION: _ClassVar[Reason.Use]
        REFERRAL: _ClassVar[Reason.Use]
        EXPIRY: _ClassVar[Reason.Use]
    USE_UNSPECIFIED: Reason.Use
    APPROVAL: Reason.Use
    REJECTION: Reason.Use
    REFERRAL: Reason.Use
    EXPIRY: Reason.Use
    CODE_FIELD_NUMBER: _ClassVar[int]
    USE_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_TEXT_FIELD_NUMBER: _ClassVar[int]
    REGULATORY_CODE_FIELD_NUMBER: _ClassVar[int]
    code: Reason.Code
    use: Reason.Use
    customer_text: str
    regulatory_code: str
    def __init__(self, code: _Optional[_Union[Reason.Code, str]] = ..., use: _Optional[_Union[Reason.Use, str]] = ..., customer_text: _Optional[str] = ..., regulatory_code: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("event_id", "loan_id", "version", "kind", "from_status", "to_status", "occurred_at", "actor", "reason_codes", "comment", "assigned_agent_id", "right", "on_behalf_of_agent_id", "approval_limit", "customer_exposure", "subject")
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
        RECOMMENDED: _ClassVar[LoanEvent.Kind]
        FIRST_APPROVED: _ClassVar[LoanEvent.Kind]
        ESCALATED: _ClassVar[LoanEvent.Kind]
        COVERED: _ClassVar[LoanEvent.Kind]
        REASSIGNED: _ClassVar[LoanEvent.Kind]
        UNASSIGNED: _ClassVar[LoanEvent.Kind]
        ERASED: _ClassVar[LoanEvent.Kind]
    KIND_UNSPECIFIED: LoanEvent.Kind
    SUBMITTED: LoanEvent.Kind
    ASSESSMENT_STARTED: LoanEvent.Kind
    ASSESSMENT_INTERRUPTED: LoanEvent.Kind
    REFERRED: LoanEvent.Kind
    ASSIGNED: LoanEvent.Kind
    DECIDED: LoanEvent.Kind
    WITHDRAWN: LoanEvent.Kind
    EXPIRED: LoanEvent.Kind
    RECOMMENDED: LoanEvent.Kind
    FIRST_APPROVED: LoanEvent.Kind
    ESCALATED: LoanEvent.Kind
    COVERED: LoanEvent.Kind
    REASSIGNED: LoanEvent.Kind
    UNASSIGNED: LoanEvent.Kind
    ERASED: LoanEvent.Kind
    class Right(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        RIGHT_UNSPECIFIED: _ClassVar[LoanEvent.Right]
        RIGHT_OF_ASSIGNEE: _ClassVar[LoanEvent.Right]
        RIGHT_OF_MANAGER: _ClassVar[LoanEvent.Right]
        RIGHT_OF_SUBSTITUTE: _ClassVar[LoanEvent.Right]
    RIGHT_UNSPECIFIED: LoanEvent.Right
    RIGHT_OF_ASSIGNEE: LoanEvent.Right
    RIGHT_OF_MANAGER: LoanEvent.Right
    RIGHT_OF_SUBSTITUTE: LoanEvent.Right
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
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
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
    right: LoanEvent.Right
    on_behalf_of_agent_id: int
    approval_limit: str
    customer_exposure: str
    subject: str
    def __init__(self, event_id: _Optional[str] = ..., loan_id: _Optional[str] = ..., version: _Optional[int] = ..., kind: _Optional[_Union[LoanEvent.Kind, str]] = ..., from_status: _Optional[_Union[Loan.Status, str]] = ..., to_status: _Optional[_Union[Loan.Status, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., reason_codes: _Optional[_Iterable[str]] = ..., comment: _Optional[str] = ..., assigned_agent_id: _Optional[int] = ..., right: _Optional[_Union[LoanEvent.Right, str]] = ..., on_behalf_of_agent_id: _Optional[int] = ..., approval_limit: _Optional[str] = ..., customer_exposure: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("loan_id", "agent_id", "approved", "reason_codes", "comment", "right", "on_behalf_of_agent_id", "approval_limit", "customer_exposure", "steps", "subject")
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVED_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    agent_id: int
    approved: bool
    reason_codes: _containers.RepeatedScalarFieldContainer[str]
    comment: str
    right: LoanEvent.Right
    on_behalf_of_agent_id: int
    approval_limit: str
    customer_exposure: str
    steps: _containers.RepeatedCompositeFieldContainer[ReviewStep]
    subject: str
    def __init__(self, loan_id: _Optional[str] = ..., agent_id: _Optional[int] = ..., approved: _Optional[bool] = ..., reason_codes: _Optional[_Iterable[str]] = ..., comment: _Optional[str] = ..., right: _Optional[_Union[LoanEvent.Right, str]] = ..., on_behalf_of_agent_id: _Optional[int] = ..., approval_limit: _Optional[str] = ..., customer_exposure: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[ReviewStep, _Mapping]]] = ..., subject: _Optional[str] = ...) -> None: ...

class RecordReviewDecisionResponse(_message.Message):
    __slots__ = ("loan",)
    LOAN_FIELD_NUMBER: _ClassVar[int]
    loan: Loan
    def __init__(self, loan: _Optional[_Union[Loan, _Mapping]] = ...) -> None: ...

class ReviewStep(_message.Message):
    __slots__ = ("number", "kind", "occurred_at", "actor", "reason_codes", "comment", "assigned_agent_id", "right", "on_behalf_of_agent_id", "approval_limit", "customer_exposure", "subject")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    number: int
    kind: LoanEvent.Kind
    occurred_at: _timestamp_pb2.Timestamp
    actor: str
    reason_codes: _containers.RepeatedScalarFieldContainer[str]
    comment: str
    assigned_agent_id: int
    right: LoanEvent.Right
    on_behalf_of_agent_id: int
    approval_limit: str
    customer_exposure: str
    subject: str
    def __init__(self, number: _Optional[int] = ..., kind: _Optional[_Union[LoanEvent.Kind, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., actor: _Optional[str] = ..., reason_codes: _Optional[_Iterable[str]] = ..., comment: _Optional[str] = ..., assigned_agent_id: _Optional[int] = ..., right: _Optional[_Union[LoanEvent.Right, str]] = ..., on_behalf_of_agent_id: _Optional[int] = ..., approval_limit: _Optional[str] = ..., customer_exposure: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class RecordReviewStepsRequest(_message.Message):
    __slots__ = ("reviews",)
    class Review(_message.Message):
        __slots__ = ("loan_id", "steps")
        LOAN_ID_FIELD_NUMBER: _ClassVar[int]
        STEPS_FIELD_NUMBER: _ClassVar[int]
        loan_id: str
        steps: _containers.RepeatedCompositeFieldContainer[ReviewStep]
        def __init__(self, loan_id: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[ReviewStep, _Mapping]]] = ...) -> None: ...
    REVIEWS_FIELD_NUMBER: _ClassVar[int]
    reviews: _containers.RepeatedCompositeFieldContainer[RecordReviewStepsRequest.Review]
    def __init__(self, reviews: _Optional[_Iterable[_Union[RecordReviewStepsRequest.Review, _Mapping]]] = ...) -> None: ...

class RecordReviewStepsResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[_status_pb2.Status]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[_status_pb2.Status, _Mapping]]] = ...) -> None: ...

class GetCustomerExposureRequest(_message.Message):
    __slots__ = ("loan_id",)
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    def __init__(self, loan_id: _Optional[str] = ...) -> None: ...

class GetCustomerExposureResponse(_message.Message):
    __slots__ = ("amount", "currency_code")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    amount: str
    currency_code: str
    def __init__(self, amount: _Optional[str] = ..., currency_code: _Optional[str] = ...) -> None: ...

class ListReasonCodesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListReasonCodesResponse(_message.Message):
    __slots__ = ("reasons",)
    REASONS_FIELD_NUMBER: _ClassVar[int]
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    def __init__(self, reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ...) -> None: ...
