from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
ACCESS_FIELD_NUMBER: _ClassVar[int]
access: _descriptor.FieldDescriptor

class Access(_message.Message):
    __slots__ = ("grants", "peers")
    GRANTS_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    grants: _containers.RepeatedCompositeFieldContainer[Grant]
    peers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, grants: _Optional[_Iterable[_Union[Grant, _Mapping]]] = ..., peers: _Optional[_Iterable[str]] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("role", "within", "subtree")
    class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ROLE_UNSPECIFIED: _ClassVar[Grant.Role]
        CUSTOMER: _ClassVar[Grant.Role]
        AGENT: _ClassVar[Grant.Role]
        MANAGER: _ClassVar[Grant.Role]
        OPERATOR: _ClassVar[Grant.Role]
        ADMIN: _ClassVar[Grant.Role]
    ROLE_UNSPECIFIED: Grant.Role
    CUSTOMER: Grant.Role
    AGENT: Grant.Role
    MANAGER: Grant.Role
    OPERATOR: Grant.Role
    ADMIN: Grant.Role
    class Claim(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CLAIM_UNSPECIFIED: _ClassVar[Grant.Claim]
        PHONE: _ClassVar[Grant.Claim]
        AGENT_ID: _ClassVar[Grant.Claim]
    CLAIM_UNSPECIFIED: Grant.Claim
    PHONE: Grant.Claim
    AGENT_ID: Grant.Claim
    ROLE_FIELD_NUMBER: _ClassVar[int]
    WITHIN_FIELD_NUMBER: _ClassVar[int]
    SUBTREE_FIELD_NUMBER: _ClassVar[int]
    role: Grant.Role
    within: Grant.Claim
    subtree: bool
    def __init__(self, role: _Optional[_Union[Grant.Role, str]] = ..., within: _Optional[_Union[Grant.Claim, str]] = ..., subtree: _Optional[bool] = ...) -> None: ...
