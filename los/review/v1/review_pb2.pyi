import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from los.access.v1 import access_pb2 as _access_pb2
from los.gateway.v1 import annotations_pb2 as _annotations_pb2_1
from los.loan.v1 import loan_pb2 as _loan_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Agent(_message.Message):
    __slots__ = ("agent_id", "name", "email", "phone", "manager_id", "is_available", "approval_limit", "open_review_count", "created_at", "updated_at", "is_active", "max_open_reviews", "loan_types", "substitute_agent_id")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    IS_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    OPEN_REVIEW_COUNT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    IS_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_REVIEWS_FIELD_NUMBER: _ClassVar[int]
    LOAN_TYPES_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    name: str
    email: str
    phone: str
    manager_id: int
    is_available: bool
    approval_limit: str
    open_review_count: int
    created_at: _timestamp_pb2.Timestamp
    updated_at: _timestamp_pb2.Timestamp
    is_active: bool
    max_open_reviews: int
    loan_types: _containers.RepeatedScalarFieldContainer[_loan_pb2.Loan.Type]
    substitute_agent_id: int
    def __init__(self, agent_id: _Optional[int] = ..., name: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., manager_id: _Optional[int] = ..., is_available: _Optional[bool] = ..., approval_limit: _Optional[str] = ..., open_review_count: _Optional[int] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., is_active: _Optional[bool] = ..., max_open_reviews: _Optional[int] = ..., loan_types: _Optional[_Iterable[_Union[_loan_pb2.Loan.Type, str]]] = ..., substitute_agent_id: _Optional[int] = ...) -> None: ...

class ApprovalLimit(_message.Message):
    __slots__ = ("agent_id", "loan_type", "amount", "valid_from")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    LOAN_TYPE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    loan_type: _loan_pb2.Loan.Type
    amount: str
    valid_from: _timestamp_pb2.Timestamp
    def __init__(self, agent_id: _Optional[int] = ..., loan_type: _Optional[_Union[_loan_pb2.Loan.Type, str]] = ..., amount: _Optional[str] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Cover(_message.Message):
    __slots__ = ("cover_id", "agent_id", "substitute_agent_id", "starts_at", "ends_at")
    COVER_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    cover_id: int
    agent_id: int
    substitute_agent_id: int
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    def __init__(self, cover_id: _Optional[int] = ..., agent_id: _Optional[int] = ..., substitute_agent_id: _Optional[int] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateAgentRequest(_message.Message):
    __slots__ = ("name", "email", "phone", "manager_id", "is_available", "approval_limit", "max_open_reviews", "loan_types")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EMAIL_FIELD_NUMBER: _ClassVar[int]
    PHONE_FIELD_NUMBER: _ClassVar[int]
    MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
    IS_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    APPROVAL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_REVIEWS_FIELD_NUMBER: _ClassVar[int]
    LOAN_TYPES_FIELD_NUMBER: _ClassVar[int]
    name: str
    email: str
    phone: str
    manager_id: int
    is_available: bool
    approval_limit: str
    max_open_reviews: int
    loan_types: _containers.RepeatedScalarFieldContainer[_loan_pb2.Loan.Type]
    def __init__(self, name: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., manager_id: _Optional[int] = ..., is_available: _Optional[bool] = ..., approval_limit: _Optional[str] = ..., max_open_reviews: _Optional[int] = ..., loan_types: _Optional[_Iterable[_Union[_loan_pb2.Loan.Type, str]]] = ...) -> None: ...

class CreateAgentResponse(_message.Message):
    __slots__ = ("agent",)
    AGENT_FIELD_NUMBER: _ClassVar[int]
    agent: Agent
    def __init__(self, agent: _Optional[_Union[Agent, _Mapping]] = ...) -> None: ...

class GetAgentRequest(_message.Message):
    __slots__ = ("agent_id",)
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    def __init__(self, agent_id: _Optional[int] = ...) -> None: ...

class GetAgentResponse(_message.Message):
    __slots__ = ("agent",)
    AGENT_FIELD_NUMBER: _ClassVar[int]
    agent: Agent
    def __init__(self, agent: _Optional[_Union[Agent, _Mapping]] = ...) -> None: ...

class ListAgentsRequest(_message.Message):
    __slots__ = ("size", "page_token")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    size: int
    page_token: str
    def __init__(self, size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAgentsResponse(_message.Message):
    __slots__ = ("agents", "next_page_token")
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[Agent]
    next_page_token: str
    def __init__(self, agents: _Optional[_Iterable[_Union[Agent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UpdateAgentRequest(_message.Message):
    __slots__ = ("agent_id", "agent", "update_mask")
    class Changes(_message.Message):
        __slots__ = ("name", "email", "phone", "manager_id", "is_available", "approval_limit", "max_open_reviews", "loan_types")
        NAME_FIELD_NUMBER: _ClassVar[int]
        EMAIL_FIELD_NUMBER: _ClassVar[int]
        PHONE_FIELD_NUMBER: _ClassVar[int]
        MANAGER_ID_FIELD_NUMBER: _ClassVar[int]
        IS_AVAILABLE_FIELD_NUMBER: _ClassVar[int]
        APPROVAL_LIMIT_FIELD_NUMBER: _ClassVar[int]
        MAX_OPEN_REVIEWS_FIELD_NUMBER: _ClassVar[int]
        LOAN_TYPES_FIELD_NUMBER: _ClassVar[int]
        name: str
        email: str
        phone: str
        manager_id: int
        is_available: bool
        approval_limit: str
        max_open_reviews: int
        loan_types: _containers.RepeatedScalarFieldContainer[_loan_pb2.Loan.Type]
        def __init__(self, name: _Optional[str] = ..., email: _Optional[str] = ..., phone: _Optional[str] = ..., manager_id: _Optional[int] = ..., is_available: _Optional[bool] = ..., approval_limit: _Optional[str] = ..., max_open_reviews: _Optional[int] = ..., loan_types: _Optional[_Iterable[_Union[_loan_pb2.Loan.Type, str]]] = ...) -> None: ...
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    agent: UpdateAgentRequest.Changes
    update_mask: _field_mask_pb2.FieldMask
    def __init__(self, agent_id: _Optional[int] = ..., agent: _Optional[_Union[UpdateAgentRequest.Changes, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ...) -> None: ...

class UpdateAgentResponse(_message.Message):
    __slots__ = ("agent",)
    AGENT_FIELD_NUMBER: _ClassVar[int]
    agent: Agent
    def __init__(self, agent: _Optional[_Union[Agent, _Mapping]] = ...) -> None: ...

class DeactivateAgentRequest(_message.Message):
    __slots__ = ("agent_id", "successor_agent_id", "reassign")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASSIGN_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    successor_agent_id: int
    reassign: bool
    def __init__(self, agent_id: _Optional[int] = ..., successor_agent_id: _Optional[int] = ..., reassign: _Optional[bool] = ...) -> None: ...

class DeactivateAgentResponse(_message.Message):
    __slots__ = ("agent",)
    AGENT_FIELD_NUMBER: _ClassVar[int]
    agent: Agent
    def __init__(self, agent: _Optional[_Union[Agent, _Mapping]] = ...) -> None: ...

class ActivateAgentRequest(_message.Message):
    __slots__ = ("agent_id",)
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    def __init__(self, agent_id: _Optional[int] = ...) -> None: ...

class ActivateAgentResponse(_message.Message):
    __slots__ = ("agent",)
    AGENT_FIELD_NUMBER: _ClassVar[int]
    agent: Agent
    def __init__(self, agent: _Optional[_Union[Agent, _Mapping]] = ...) -> None: ...

class SetApprovalLimitRequest(_message.Message):
    __slots__ = ("agent_id", "loan_type", "amount", "valid_from")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    LOAN_TYPE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    loan_type: _loan_pb2.Loan.Type
    amount: str
    valid_from: _timestamp_pb2.Timestamp
    def __init__(self, agent_id: _Optional[int] = ..., loan_type: _Optional[_Union[_loan_pb2.Loan.Type, str]] = ..., amount: _Optional[str] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SetApprovalLimitResponse(_message.Message):
    __slots__ = ("approval_limit",)
    APPROVAL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    approval_limit: ApprovalLimit
    def __init__(self, approval_limit: _Optional[_Union[ApprovalLimit, _Mapping]] = ...) -> None: ...

class ListApprovalLimitsRequest(_message.Message):
    __slots__ = ("agent_id",)
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    def __init__(self, agent_id: _Optional[int] = ...) -> None: ...

class ListApprovalLimitsResponse(_message.Message):
    __slots__ = ("approval_limits",)
    APPROVAL_LIMITS_FIELD_NUMBER: _ClassVar[int]
    approval_limits: _containers.RepeatedCompositeFieldContainer[ApprovalLimit]
    def __init__(self, approval_limits: _Optional[_Iterable[_Union[ApprovalLimit, _Mapping]]] = ...) -> None: ...

class CreateCoverRequest(_message.Message):
    __slots__ = ("agent_id", "substitute_agent_id", "starts_at", "ends_at")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBSTITUTE_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    STARTS_AT_FIELD_NUMBER: _ClassVar[int]
    ENDS_AT_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    substitute_agent_id: int
    starts_at: _timestamp_pb2.Timestamp
    ends_at: _timestamp_pb2.Timestamp
    def __init__(self, agent_id: _Optional[int] = ..., substitute_agent_id: _Optional[int] = ..., starts_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ends_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateCoverResponse(_message.Message):
    __slots__ = ("cover",)
    COVER_FIELD_NUMBER: _ClassVar[int]
    cover: Cover
    def __init__(self, cover: _Optional[_Union[Cover, _Mapping]] = ...) -> None: ...

class ListCoversRequest(_message.Message):
    __slots__ = ("agent_id",)
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    def __init__(self, agent_id: _Optional[int] = ...) -> None: ...

class ListCoversResponse(_message.Message):
    __slots__ = ("covers",)
    COVERS_FIELD_NUMBER: _ClassVar[int]
    covers: _containers.RepeatedCompositeFieldContainer[Cover]
    def __init__(self, covers: _Optional[_Iterable[_Union[Cover, _Mapping]]] = ...) -> None: ...

class EndCoverRequest(_message.Message):
    __slots__ = ("agent_id", "cover_id")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    COVER_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    cover_id: int
    def __init__(self, agent_id: _Optional[int] = ..., cover_id: _Optional[int] = ...) -> None: ...

class EndCoverResponse(_message.Message):
    __slots__ = ("cover",)
    COVER_FIELD_NUMBER: _ClassVar[int]
    cover: Cover
    def __init__(self, cover: _Optional[_Union[Cover, _Mapping]] = ...) -> None: ...

class ListAssignmentsRequest(_message.Message):
    __slots__ = ("agent_id", "size", "page_token", "include_subtree")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SUBTREE_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    size: int
    page_token: str
    include_subtree: bool
    def __init__(self, agent_id: _Optional[int] = ..., size: _Optional[int] = ..., page_token: _Optional[str] = ..., include_subtree: _Optional[bool] = ...) -> None: ...

class ListAssignmentsResponse(_message.Message):
    __slots__ = ("assignments", "total_size", "next_page_token")
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    total_size: int
    next_page_token: str
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ..., total_size: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("loan_id", "customer_name", "customer_phone", "loan_amount", "currency_code", "loan_type", "reason_codes", "opened_at", "assigned_at", "recommended_by_agent_id", "state", "due_at", "agent_id", "on_behalf_of_agent_id", "customer_exposure", "first_approved_by_agent_id", "escalation_count")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Assignment.State]
        AWAITING_DECISION: _ClassVar[Assignment.State]
        AWAITING_HIGHER_AUTHORITY: _ClassVar[Assignment.State]
        AWAITING_SECOND_APPROVAL: _ClassVar[Assignment.State]
    STATE_UNSPECIFIED: Assignment.State
    AWAITING_DECISION: Assignment.State
    AWAITING_HIGHER_AUTHORITY: Assignment.State
    AWAITING_SECOND_APPROVAL: Assignment.State
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_NAME_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_PHONE_FIELD_NUMBER: _ClassVar[int]
    LOAN_AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    LOAN_TYPE_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    ASSIGNED_AT_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDED_BY_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    ON_BEHALF_OF_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    FIRST_APPROVED_BY_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    ESCALATION_COUNT_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    customer_name: str
    customer_phone: str
    loan_amount: str
    currency_code: str
    loan_type: _loan_pb2.Loan.Type
    reason_codes: _containers.RepeatedScalarFieldContainer[str]
    opened_at: _timestamp_pb2.Timestamp
    assigned_at: _timestamp_pb2.Timestamp
    recommended_by_agent_id: int
    state: Assignment.State
    due_at: _timestamp_pb2.Timestamp
    agent_id: int
    on_behalf_of_agent_id: int
    customer_exposure: str
    first_approved_by_agent_id: int
    escalation_count: int
    def __init__(self, loan_id: _Optional[str] = ..., customer_name: _Optional[str] = ..., customer_phone: _Optional[str] = ..., loan_amount: _Optional[str] = ..., currency_code: _Optional[str] = ..., loan_type: _Optional[_Union[_loan_pb2.Loan.Type, str]] = ..., reason_codes: _Optional[_Iterable[str]] = ..., opened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., assigned_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recommended_by_agent_id: _Optional[int] = ..., state: _Optional[_Union[Assignment.State, str]] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., agent_id: _Optional[int] = ..., on_behalf_of_agent_id: _Optional[int] = ..., customer_exposure: _Optional[str] = ..., first_approved_by_agent_id: _Optional[int] = ..., escalation_count: _Optional[int] = ...) -> None: ...

class ReassignLoanRequest(_message.Message):
    __slots__ = ("agent_id", "loan_id", "to_agent_id", "comment")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    TO_AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    loan_id: str
    to_agent_id: int
    comment: str
    def __init__(self, agent_id: _Optional[int] = ..., loan_id: _Optional[str] = ..., to_agent_id: _Optional[int] = ..., comment: _Optional[str] = ...) -> None: ...

class ReassignLoanResponse(_message.Message):
    __slots__ = ("assignment",)
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    assignment: Assignment
    def __init__(self, assignment: _Optional[_Union[Assignment, _Mapping]] = ...) -> None: ...

class DecideLoanRequest(_message.Message):
    __slots__ = ("agent_id", "loan_id", "decision", "reason_codes", "comment")
    class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DECISION_UNSPECIFIED: _ClassVar[DecideLoanRequest.Decision]
        APPROVE: _ClassVar[DecideLoanRequest.Decision]
        REJECT: _ClassVar[DecideLoanRequest.Decision]
    DECISION_UNSPECIFIED: DecideLoanRequest.Decision
    APPROVE: DecideLoanRequest.Decision
    REJECT: DecideLoanRequest.Decision
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASON_CODES_FIELD_NUMBER: _ClassVar[int]
    COMMENT_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    loan_id: str
    decision: DecideLoanRequest.Decision
    reason_codes: _containers.RepeatedScalarFieldContainer[str]
    comment: str
    def __init__(self, agent_id: _Optional[int] = ..., loan_id: _Optional[str] = ..., decision: _Optional[_Union[DecideLoanRequest.Decision, str]] = ..., reason_codes: _Optional[_Iterable[str]] = ..., comment: _Optional[str] = ...) -> None: ...

class DecideLoanResponse(_message.Message):
    __slots__ = ("loan",)
    LOAN_FIELD_NUMBER: _ClassVar[int]
    loan: _loan_pb2.Loan
    def __init__(self, loan: _Optional[_Union[_loan_pb2.Loan, _Mapping]] = ...) -> None: ...

class OpenReviewRequest(_message.Message):
    __slots__ = ("reviews",)
    class Review(_message.Message):
        __slots__ = ("loan_id", "customer_name", "customer_phone", "loan_amount", "currency_code", "loan_type", "reason_codes", "customer_exposure")
        LOAN_ID_FIELD_NUMBER: _ClassVar[int]
        CUSTOMER_NAME_FIELD_NUMBER: _ClassVar[int]
        CUSTOMER_PHONE_FIELD_NUMBER: _ClassVar[int]
        LOAN_AMOUNT_FIELD_NUMBER: _ClassVar[int]
        CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
        LOAN_TYPE_FIELD_NUMBER: _ClassVar[int]
        REASON_CODES_FIELD_NUMBER: _ClassVar[int]
        CUSTOMER_EXPOSURE_FIELD_NUMBER: _ClassVar[int]
        loan_id: str
        customer_name: str
        customer_phone: str
        loan_amount: str
        currency_code: str
        loan_type: _loan_pb2.Loan.Type
        reason_codes: _containers.RepeatedScalarFieldContainer[str]
        customer_exposure: str
        def __init__(self, loan_id: _Optional[str] = ..., customer_name: _Optional[str] = ..., customer_phone: _Optional[str] = ..., loan_amount: _Optional[str] = ..., currency_code: _Optional[str] = ..., loan_type: _Optional[_Union[_loan_pb2.Loan.Type, str]] = ..., reason_codes: _Optional[_Iterable[str]] = ..., customer_exposure: _Optional[str] = ...) -> None: ...
    REVIEWS_FIELD_NUMBER: _ClassVar[int]
    reviews: _containers.RepeatedCompositeFieldContainer[OpenReviewRequest.Review]
    def __init__(self, reviews: _Optional[_Iterable[_Union[OpenReviewRequest.Review, _Mapping]]] = ...) -> None: ...

class OpenReviewResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[_status_pb2.Status]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[_status_pb2.Status, _Mapping]]] = ...) -> None: ...

class CancelReviewRequest(_message.Message):
    __slots__ = ("loan_ids",)
    LOAN_IDS_FIELD_NUMBER: _ClassVar[int]
    loan_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, loan_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class CancelReviewResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[_status_pb2.Status]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[_status_pb2.Status, _Mapping]]] = ...) -> None: ...

class ListBranchRequest(_message.Message):
    __slots__ = ("agent_id",)
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    agent_id: int
    def __init__(self, agent_id: _Optional[int] = ...) -> None: ...

class ListBranchResponse(_message.Message):
    __slots__ = ("agent_ids",)
    AGENT_IDS_FIELD_NUMBER: _ClassVar[int]
    agent_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, agent_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class EraseLoansRequest(_message.Message):
    __slots__ = ("loans",)
    class Loan(_message.Message):
        __slots__ = ("loan_id", "pseudonym")
        LOAN_ID_FIELD_NUMBER: _ClassVar[int]
        PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
        loan_id: str
        pseudonym: str
        def __init__(self, loan_id: _Optional[str] = ..., pseudonym: _Optional[str] = ...) -> None: ...
    LOANS_FIELD_NUMBER: _ClassVar[int]
    loans: _containers.RepeatedCompositeFieldContainer[EraseLoansRequest.Loan]
    def __init__(self, loans: _Optional[_Iterable[_Union[EraseLoansRequest.Loan, _Mapping]]] = ...) -> None: ...

class EraseLoansResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[_status_pb2.Status]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[_status_pb2.Status, _Mapping]]] = ...) -> None: ...
