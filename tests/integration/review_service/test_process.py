"""The process: it seeds, serves, tells its health, and drains."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from sqlalchemy import Engine

from chassis import db
from deploy import ports, probe
from deploy.processes import Process, wait_until
from los.review.v1 import review_pb2, review_pb2_grpc
from review_service import bootstrap, store
from tests.integration.review_service.office import Office, application
from tests.integration.review_service.peers import Peers

Runs = Callable[..., Process]


@pytest.fixture
def target() -> str:
    return f"127.0.0.1:{ports.free_port()}"


@pytest.fixture
def review_process(
    database_settings: dict[str, str], office: Office, peers: Peers, target: str, tmp_path: Path
) -> Iterator[Runs]:
    """Starts `python -m review_service` with words; none outlives the test."""
    office.jobs_are_taken = True
    started: list[Process] = []
    environment = {
        **os.environ,
        **database_settings,
        "REVIEW_LISTEN": target,
        "REVIEW_LOAN_TARGET": peers.target,
        "REVIEW_NOTIFICATION_TARGET": peers.target,
    }

    def start(*words: str) -> Process:
        command = [sys.executable, "-m", "review_service", *words]
        process = Process(command, tmp_path / f"{len(started)}.log", environment=environment)
        started.append(process)
        process.start()
        return process

    yield start
    for process in started:
        process.kill()


def test_seeding_again_adds_nobody(review_process: Runs, review_database: Engine) -> None:
    for added in (8, 0):
        process = review_process("seed")
        assert process.wait(grace_s=60) == 0
        said = process.log.read_text().splitlines()
        assert len(said) == 1
        assert f"agents_added={added}" in said[0]
    with db.transaction(review_database) as tx:
        agents = store.list_agents(tx, after=0, size=100)
    by_id = {agent.agent_id: agent for agent in agents}
    assert [agent.name for agent in agents if agent.manager_id is None] == ["Margaret Whitfield"]
    assert sum(agent.manager_id is not None and by_id[agent.manager_id].manager_id is not None for agent in agents) == 5


def test_the_process_serves_works_and_drains(review_process: Runs, office: Office, peers: Peers, target: str) -> None:
    agent = office.hire()
    process = review_process()
    wait_until(lambda: probe.serves(target), "the service to serve", 30, [process])
    with grpc.insecure_channel(target) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in bootstrap.SERVICES:
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflected = ProtoReflectionDescriptorDatabase(channel)
        assert set(bootstrap.SERVICES) <= set(reflected.get_services())
        described = DescriptorPool(reflected).FindServiceByName(bootstrap.SERVICES[0])
        assert [method.name for method in described.methods] == [
            method.name for method in review_pb2.DESCRIPTOR.services_by_name["ReviewService"].methods
        ]
        service = review_pb2_grpc.ReviewServiceStub(channel)
        got = service.GetAgent(review_pb2.GetAgentRequest(agent_id=agent.agent_id), timeout=10).agent
        assert got.name == agent.name
        (loan_id,) = office.open(application())
        wait_until(lambda: bool(peers.reviews and peers.messages), "the assignment to be told", 30, [process])
    assert peers.reviews[0].loan_id == str(loan_id)
    process.ask_to_stop()
    assert process.wait(grace_s=30) == 0
    said = process.log.read_text()
    assert "draining" in said
    assert "Traceback" not in said


def test_work_alone_serves_nothing_but_its_health(
    review_process: Runs, office: Office, peers: Peers, target: str
) -> None:
    office.hire()
    office.open()
    process = review_process("work")
    wait_until(lambda: probe.serves(target), "the worker to be healthy", 30, [process])
    wait_until(lambda: bool(peers.reviews and peers.messages), "the assignment to be told", 30, [process])
    with grpc.insecure_channel(target) as channel, pytest.raises(grpc.RpcError) as refused:
        review_pb2_grpc.ReviewServiceStub(channel).ListAgents(review_pb2.ListAgentsRequest(), timeout=10)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_serve_alone_leaves_the_work_to_others(review_process: Runs, office: Office, peers: Peers, target: str) -> None:
    office.hire()
    office.open()
    process = review_process("serve")
    wait_until(lambda: probe.serves(target), "the service to serve", 30, [process])
    process.ask_to_stop()
    assert process.wait(grace_s=30) == 0
    assert not peers.reviews
    assert len(office.jobs("record_steps")) == 1


def test_a_database_that_is_not_migrated_is_not_ready(scratch_database: Engine) -> None:
    with pytest.raises(
        bootstrap.NotMigrated, match="it has no agents, approval_limits, covers, jobs, review_steps, reviews"
    ):
        bootstrap.check_ready(scratch_database)
