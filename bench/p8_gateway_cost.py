"""P8: what the gateway costs a request, against a grpcio client that makes the same call."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from bench import stand
from bench.load import cpu, wrk
from bench.load.rpc import application
from bench.measure import Line, Round, alternate
from deploy import postgres
from deploy.processes import ROOT
from los.loan.v1 import loan_pb2, loan_pb2_grpc

ROUNDS = 5
CONNECTIONS = 16
SECONDS = 3


def measure(server: postgres.Server) -> Iterator[Line]:
    """Get one loan again and again, through the gateway and without it."""
    with stand.running(server, "p8", "review", "notification", "loan serve", "gateway") as ours:
        with grpc.insecure_channel(ours.loan_target) as channel:
            loan_id = loan_pb2_grpc.LoanServiceStub(channel).SubmitLoan(application()).loan.loan_id
        gateway = ours.processes["gateway"].pid

        def through() -> Round:
            before = cpu.used_s(gateway)
            found = wrk.gets(f"{ours.gateway_url}/api/v1/loans/{loan_id}", connections=CONNECTIONS, seconds=SECONDS)
            used_us = (cpu.used_s(gateway) - before) * 1e6
            return Round(used_us / (found.value * SECONDS), found.errors, found.p99_ms)

        of_ours, of_theirs = alternate(ROUNDS, through, lambda: _direct(ours.loan_target, loan_id))
        violations = ours.finish()
    work = "GetLoan, processor time of the gateway, against that of a grpcio client with 16 threads"
    yield Line("P8", work, "us/request", of_ours, of_theirs, 2.5, at_most=True, violations=violations)


def _direct(target: str, loan_id: str) -> Round:
    command = [sys.executable, "-m", "bench.p8_gateway_cost", target, loan_id]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return Round(**json.loads(said))


def _client(target: str, loan_id: str) -> float:
    """Processor time of a call, in microseconds, when a plain client makes as many as it can."""
    request = loan_pb2.GetLoanRequest(loan_id=loan_id)
    with grpc.insecure_channel(target) as channel, ThreadPoolExecutor(CONNECTIONS) as threads:
        stub = loan_pb2_grpc.LoanServiceStub(channel)
        stub.GetLoan(request)
        end = time.perf_counter() + SECONDS
        before = time.process_time()

        def call(_: int) -> int:
            made = 0
            while time.perf_counter() < end:
                stub.GetLoan(request, timeout=10)
                made += 1
            return made

        calls = sum(threads.map(call, range(CONNECTIONS)))
        return (time.process_time() - before) / calls * 1e6


if __name__ == "__main__":
    print(json.dumps({"value": _client(*sys.argv[1:])}))
