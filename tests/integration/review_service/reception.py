"""The service over gRPC, and how it refuses."""

from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from los.review.v1 import review_pb2_grpc
from review_service.servicer import ReviewInternalServicer, ReviewServicer
from tests.integration.review_service.office import Office
from tests.integration.review_service.peers import Peers

Code = grpc.StatusCode


class Service:
    """Both services behind a real server, and how often the pool was woken."""

    def __init__(self, office: Office, peers: Peers) -> None:
        self.woken = 0
        self.policy = office.policy
        self._office, self._peers = office, peers

    def wake(self) -> None:
        self.woken += 1

    def register(self, to: grpc.aio.Server) -> None:
        outside = ReviewServicer(self._office.engine, self._peers.loans, self.wake, self.policy, phone_region="US")
        review_pb2_grpc.add_ReviewServiceServicer_to_server(outside, to)
        inside = ReviewInternalServicer(self._office.engine, self.wake, self.policy)
        review_pb2_grpc.add_ReviewInternalServiceServicer_to_server(inside, to)

    def connect(self, channel: grpc.Channel) -> None:
        self.outside = review_pb2_grpc.ReviewServiceStub(channel)
        self.inside = review_pb2_grpc.ReviewInternalServiceStub(channel)


def refusal(call: Callable[..., Any], request: object, timeout_s: float = 30) -> tuple[Code, str, list[str]]:
    """How a call is refused: its code, its reason, and the fields it complains of."""
    with pytest.raises(grpc.RpcError) as refused:
        call(request, timeout=timeout_s)
    status = rpc_status.from_call(refused.value)  # type: ignore[arg-type]  # an RpcError raised by a call is that call
    assert status is not None
    reason, fields = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(reason)
        detail.Unpack(fields)
    assert reason.domain == "los.review.v1"
    return refused.value.code(), reason.reason, [violation.field for violation in fields.field_violations]
