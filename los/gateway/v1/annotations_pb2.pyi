from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
ANSWER_FIELD_NUMBER: _ClassVar[int]
answer: _descriptor.FieldDescriptor
EVENTS_FIELD_NUMBER: _ClassVar[int]
events: _descriptor.FieldDescriptor
NUMBER_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
number_accepted: _descriptor.FieldDescriptor

class Answer(_message.Message):
    __slots__ = ("status", "location")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    status: int
    location: str
    def __init__(self, status: _Optional[int] = ..., location: _Optional[str] = ...) -> None: ...

class Events(_message.Message):
    __slots__ = ("id_field", "resume_field")
    ID_FIELD_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_FIELD_NUMBER: _ClassVar[int]
    id_field: str
    resume_field: str
    def __init__(self, id_field: _Optional[str] = ..., resume_field: _Optional[str] = ...) -> None: ...
