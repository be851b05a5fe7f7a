"""A peer that returns at another address, as a container does that was made anew."""

import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis import rpc
from tests.integration.moving import moving


def serves(stub: health_pb2_grpc.HealthStub) -> bool:
    try:
        stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
    except grpc.RpcError:
        return False
    return True


def test_a_peer_that_moved_is_found_long_before_grpc_alone_would_ask_for_its_address_again() -> None:
    with moving() as peer, rpc.channel(peer.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        assert serves(stub)
        peer.move()
        patience_ends = time.monotonic() + 15  # gRPC's own figure is 30 seconds
        while not serves(stub):
            assert time.monotonic() < patience_ends
            time.sleep(0.1)
