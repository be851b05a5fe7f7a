import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from los.access.v1 import access_pb2 as _access_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Notification(_message.Message):
    __slots__ = ("notification_id", "loan_id", "channel", "recipient", "template", "body", "state", "attempts", "last_error", "created_at", "sent_at", "due_at")
    class Channel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CHANNEL_UNSPECIFIED: _ClassVar[Notification.Channel]
        SMS: _ClassVar[Notification.Channel]
        PUSH: _ClassVar[Notification.Channel]
    CHANNEL_UNSPECIFIED: Notification.Channel
    SMS: Notification.Channel
    PUSH: Notification.Channel
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Notification.State]
        PENDING: _ClassVar[Notification.State]
        SENDING: _ClassVar[Notification.State]
        SENT: _ClassVar[Notification.State]
        PARKED: _ClassVar[Notification.State]
    STATE_UNSPECIFIED: Notification.State
    PENDING: Notification.State
    SENDING: Notification.State
    SENT: Notification.State
    PARKED: Notification.State
    class Attempt(_message.Message):
        __slots__ = ("number", "started_at", "finished_at", "error")
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        STARTED_AT_FIELD_NUMBER: _ClassVar[int]
        FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        number: int
        started_at: _timestamp_pb2.Timestamp
        finished_at: _timestamp_pb2.Timestamp
        error: str
        def __init__(self, number: _Optional[int] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., finished_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error: _Optional[str] = ...) -> None: ...
    NOTIFICATION_ID_FIELD_NUMBER: _ClassVar[int]
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    notification_id: str
    loan_id: str
    channel: Notification.Channel
    recipient: str
    template: str
    body: str
    state: Notification.State
    attempts: _containers.RepeatedCompositeFieldContainer[Notification.Attempt]
    last_error: str
    created_at: _timestamp_pb2.Timestamp
    sent_at: _timestamp_pb2.Timestamp
    due_at: _timestamp_pb2.Timestamp
    def __init__(self, notification_id: _Optional[str] = ..., loan_id: _Optional[str] = ..., channel: _Optional[_Union[Notification.Channel, str]] = ..., recipient: _Optional[str] = ..., template: _Optional[str] = ..., body: _Optional[str] = ..., state: _Optional[_Union[Notification.State, str]] = ..., attempts: _Optional[_Iterable[_Union[Notification.Attempt, _Mapping]]] = ..., last_error: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListNotificationsRequest(_message.Message):
    __slots__ = ("loan_id", "recipient", "state", "size", "page_token")
    LOAN_ID_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    loan_id: str
    recipient: str
    state: Notification.State
    size: int
    page_token: str
    def __init__(self, loan_id: _Optional[str] = ..., recipient: _Optional[str] = ..., state: _Optional[_Union[Notification.State, str]] = ..., size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListNotificationsResponse(_message.Message):
    __slots__ = ("notifications", "next_page_token")
    NOTIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    notifications: _containers.RepeatedCompositeFieldContainer[Notification]
    next_page_token: str
    def __init__(self, notifications: _Optional[_Iterable[_Union[Notification, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListNoticesRequest(_message.Message):
    __slots__ = ("overdue", "size", "page_token")
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    overdue: bool
    size: int
    page_token: str
    def __init__(self, overdue: _Optional[bool] = ..., size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListNoticesResponse(_message.Message):
    __slots__ = ("notices", "next_page_token")
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    notices: _containers.RepeatedCompositeFieldContainer[Notification]
    next_page_token: str
    def __init__(self, notices: _Optional[_Iterable[_Union[Notification, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RetryNotificationRequest(_message.Message):
    __slots__ = ("notification_id",)
    NOTIFICATION_ID_FIELD_NUMBER: _ClassVar[int]
    notification_id: str
    def __init__(self, notification_id: _Optional[str] = ...) -> None: ...

class RetryNotificationResponse(_message.Message):
    __slots__ = ("notification",)
    NOTIFICATION_FIELD_NUMBER: _ClassVar[int]
    notification: Notification
    def __init__(self, notification: _Optional[_Union[Notification, _Mapping]] = ...) -> None: ...

class SendNotificationRequest(_message.Message):
    __slots__ = ("messages",)
    class Message(_message.Message):
        __slots__ = ("dedupe_key", "loan_id", "channel", "recipient", "template", "values", "due_at")
        class ValuesEntry(_message.Message):
            __slots__ = ("key", "value")
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: str
            def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
        DEDUPE_KEY_FIELD_NUMBER: _ClassVar[int]
        LOAN_ID_FIELD_NUMBER: _ClassVar[int]
        CHANNEL_FIELD_NUMBER: _ClassVar[int]
        RECIPIENT_FIELD_NUMBER: _ClassVar[int]
        TEMPLATE_FIELD_NUMBER: _ClassVar[int]
        VALUES_FIELD_NUMBER: _ClassVar[int]
        DUE_AT_FIELD_NUMBER: _ClassVar[int]
        dedupe_key: str
        loan_id: str
        channel: Notification.Channel
        recipient: str
        template: str
        values: _containers.ScalarMap[str, str]
        due_at: _timestamp_pb2.Timestamp
        def __init__(self, dedupe_key: _Optional[str] = ..., loan_id: _Optional[str] = ..., channel: _Optional[_Union[Notification.Channel, str]] = ..., recipient: _Optional[str] = ..., template: _Optional[str] = ..., values: _Optional[_Mapping[str, str]] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[SendNotificationRequest.Message]
    def __init__(self, messages: _Optional[_Iterable[_Union[SendNotificationRequest.Message, _Mapping]]] = ...) -> None: ...

class SendNotificationResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedCompositeFieldContainer[_status_pb2.Status]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[_status_pb2.Status, _Mapping]]] = ...) -> None: ...

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
