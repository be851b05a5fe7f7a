"""Load over gRPC, from a process of its own.

`python -m bench.load.rpc TARGET CALLERS CONNECTIONS SECONDS` prints one JSON line.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import grpc.aio
import uvloop

from bench.measure import Round, percentile
from deploy.processes import ROOT
from los.loan.v1 import loan_pb2, loan_pb2_grpc

AMOUNTS = ("5000.50", "750.00", "9999.99", "25000.00", "600000.00")
"""Three below the review band, one within it, one above."""

OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
"""Channels with it do not share one."""


def application() -> loan_pb2.SubmitLoanRequest:
    """An application of a customer whom nobody knows."""
    phone = f"+1{random.randrange(201, 981, 2)}{random.randrange(2_000_000, 10_000_000)}"
    return loan_pb2.SubmitLoanRequest(
        customer_name="Ada Lovelace",
        customer_phone=phone,
        loan_amount=random.choice(AMOUNTS),
        loan_type=random.randrange(1, 5),  # type: ignore[arg-type]
    )


def submits(target: str, *, callers: int = 64, connections: int = 1, seconds: float = 4) -> Round:
    """Submit loans by callers that each wait for the answer; calls per second."""
    command = [sys.executable, "-m", "bench.load.rpc", target, str(callers), str(connections), str(seconds)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return Round(**json.loads(said))


async def _submits(target: str, callers: int, connections: int, seconds: float) -> Round:
    latencies: list[float] = []
    errors = 0
    async with AsyncExitStack() as ends:
        channels = [
            await ends.enter_async_context(grpc.aio.insecure_channel(target, OWN_CONNECTION))
            for _ in range(connections)
        ]
        for channel in channels:
            await channel.channel_ready()
        end = time.perf_counter() + seconds

        async def call(stub: loan_pb2_grpc.LoanServiceStub) -> None:
            nonlocal errors
            while (start := time.perf_counter()) < end:
                try:
                    await stub.SubmitLoan(application(), timeout=10)
                except grpc.aio.AioRpcError:
                    errors += 1
                else:
                    latencies.append(time.perf_counter() - start)

        begun = time.perf_counter()
        stubs = [loan_pb2_grpc.LoanServiceStub(channel) for channel in channels]
        await asyncio.gather(*(call(stubs[number % connections]) for number in range(callers)))
        passed = time.perf_counter() - begun
    return Round(len(latencies) / passed, errors, percentile(latencies, 0.99) * 1000)


def main(arguments: Sequence[str]) -> None:
    """Run from the command line."""
    target, callers, connections, seconds = arguments
    found = uvloop.run(_submits(target, int(callers), int(connections), float(seconds)))
    print(json.dumps({"value": found.value, "errors": found.errors, "p99_ms": found.p99_ms}))


if __name__ == "__main__":
    main(sys.argv[1:])
