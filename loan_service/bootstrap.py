"""Settings and wiring: the only place that constructs things."""

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import grpc
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine

from chassis import config, crew, db, exposure, logs, metrics, rpc, server, tls
from chassis.access.tokens import AuthSettings
from chassis.batch import GroupCommit
from chassis.login import DatabaseUrl, PasswordFile
from chassis.logs import LogSettings
from chassis.metrics import stored
from chassis.metrics.stored import Stored
from chassis.pool import Pool
from chassis.server import Background
from loan_service import servicer, store, worker
from loan_service.clients import NotificationClient, ReviewClient, SimulatedAssessor
from loan_service.domain import CreditPolicy, Position, StoredEvent
from loan_service.servicer import LoanInternalServicer, LoanServicer
from loan_service.servicer.feed import Feed
from loan_service.servicer.wire import Reader
from los.loan.v1 import loan_pb2_grpc

SERVICES = ("los.loan.v1.LoanService", "los.loan.v1.LoanInternalService")
SCHEMA = "loan"
OPERATOR_MOST_S = 3_600
NAME = "loan"
"""What its lines in the log say they are from."""


class LoanSettings(BaseSettings):
    """How the loan service runs; each setting is LOAN_ and its name in the environment."""

    model_config = SettingsConfigDict(env_prefix="LOAN_", frozen=True)

    database_password_file: PasswordFile = None
    database_url: DatabaseUrl
    listen: str = Field("127.0.0.1:50051", pattern=r"^\S+:[0-9]{1,5}$")
    allow_open: bool = False
    review_target: str = "127.0.0.1:50052"
    notification_target: str = "127.0.0.1:50053"
    metrics_listen: str = Field("", pattern=metrics.LISTEN)
    processes: int = Field(1, ge=1, le=64)

    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    phone_region: str = Field("US", pattern=r"^[A-Z]{2}$")
    review_from: Decimal = Field(Decimal(10_000), gt=0, decimal_places=2)
    review_to: Decimal = Field(Decimal(500_000), gt=0, decimal_places=2)
    expire_after_s: float = Field(30 * 86_400, gt=0)
    keep_idempotency_keys_s: float = Field(72 * 3_600, gt=0)
    notice_due_days: int = Field(30, ge=1, le=3_650)

    assessment_delay_min_s: float = Field(0, ge=0, le=3_600)
    assessment_delay_max_s: float = Field(0, ge=0, le=3_600)
    assessment_attempts: int = Field(5, ge=1, le=1_000)
    assessment_limit_s: float = Field(60, gt=0)

    pool_size: int = Field(8, ge=1, le=1_024)
    pool_batch: int = Field(200, ge=1, le=1_000)
    lease_s: float = Field(30, ge=1)
    delivery_threads: int = Field(4, ge=1, le=64)

    rpc_threads: int = Field(16, ge=1, le=256)
    submit_batch: int = Field(200, ge=1, le=1_000)
    submit_waiting_max: int = Field(2_000, ge=1)
    watchers_max: int = Field(4_000, ge=1)
    grace_s: float = Field(20, gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> "LoanSettings":
        if self.assessment_delay_min_s > self.assessment_delay_max_s:
            raise ValueError("LOAN_ASSESSMENT_DELAY_MIN_S must not be above LOAN_ASSESSMENT_DELAY_MAX_S")
        if self.assessment_delay_max_s >= self.assessment_limit_s:
            raise ValueError("LOAN_ASSESSMENT_DELAY_MAX_S must be below LOAN_ASSESSMENT_LIMIT_S")
        if self.review_from > self.review_to:
            raise ValueError("LOAN_REVIEW_FROM must not be above LOAN_REVIEW_TO")
        return self


def run(settings: LoanSettings, *, serves: bool, works: bool) -> int:
    """Run the process, or as many as the settings say, until it is told to stop; answer the exit code.

    Args:
        settings: How.
        serves: Whether it answers requests; its health is served in any case.
        works: Whether it decides loans and delivers what follows.
    """
    is_open = config.load(AuthSettings).is_open
    certificates = tls.load(is_open=is_open)
    exposure.check(settings.listen, is_open=is_open, is_allowed=settings.allow_open, setting="LOAN_ALLOW_OPEN")
    if settings.processes > 1:
        member = partial(_member, settings, certificates, serves, works)
        return crew.run(settings.processes, settings.listen, member, settings.grace_s)
    _run(settings, certificates, serves=serves, works=works)
    return 0


def _member(  # noqa: PLR0913, PLR0917 -- what it is told, and what a crew tells a member
    settings: LoanSettings, certificates: Path | None, serves: bool, works: bool, number: int, address: str
) -> None:
    """Run as one of several processes; called in a new interpreter."""
    logs.configure(NAME, config.load(LogSettings))
    metrics_listen = crew.metrics_listen(settings.metrics_listen, number)
    own = settings.model_copy(update={"listen": address, "metrics_listen": metrics_listen})
    _run(own, certificates, serves=serves, works=works)


def _run(settings: LoanSettings, certificates: Path | None, *, serves: bool, works: bool) -> None:
    """Run this process until it is told to stop."""
    connect = partial(db.engine, settings.database_url, schema=SCHEMA)
    pools = _pools(settings, connect, certificates) if works else ()

    def wake_pools() -> None:
        for pool in pools:
            pool.wake()

    background: list[Background] = [*pools]
    register: Callable[[grpc.aio.Server], None] = _nothing
    if serves:
        # A thread more for the group commit, and two for the feed.
        engine = connect(name="loan-rpc", pool_size=settings.rpc_threads + 3)
        feed = _feed(settings, engine)
        background.append(feed)
        register = partial(
            _register,
            settings=settings,
            engine=engine,
            feed=feed,
            wake_pools=wake_pools,
            branch_of=ReviewClient(rpc.channel(settings.review_target, "review", certificates)).branch_of,
        )
    health = connect(name="loan-health", pool_size=1)
    metrics.serve(settings.metrics_listen, [_figures(settings)])
    server.run(
        listen=settings.listen,
        services=SERVICES if serves else (),
        register=register,
        is_ready=partial(db.check, health),
        background=background,
        threads=settings.rpc_threads,
        grace_s=settings.grace_s,
        shares_port=settings.processes > 1,
        tls_folder=certificates,
    )


def operators_engine(settings: LoanSettings) -> Engine:
    """One connection, for an operator at a command line, who may ask for what takes long."""
    return db.engine(
        settings.database_url, schema=SCHEMA, name="loan-operator", pool_size=1, statement_timeout_s=OPERATOR_MOST_S
    )


def _figures(settings: LoanSettings) -> Stored:
    """What there is to tell of this service's tables."""
    return Stored(
        stored.engine(settings.database_url, schema=SCHEMA, name="loan-figures"), stored.waiting(worker.KINDS)
    )


def _pools(settings: LoanSettings, connect: Callable[..., Engine], certificates: Path | None) -> tuple[Pool, Pool]:
    """The pool that decides, and the one that delivers: one cannot take the other's threads."""
    review = rpc.channel(settings.review_target, "review", certificates)
    notification = rpc.channel(settings.notification_target, "notification", certificates)
    delivery = Pool(
        connect(name="loan-delivery", pool_size=3),
        {
            **worker.delivery(
                ReviewClient(review),
                NotificationClient(notification, timedelta(days=settings.notice_due_days)),
            ),
            **worker.housekeeping(settings.expire_after_s, settings.keep_idempotency_keys_s),
        },
        name="delivery",
        size=settings.delivery_threads,
        batch_size=settings.pool_batch,
        lease_s=settings.lease_s,
    )
    assessment = Pool(
        connect(name="loan-assessment", pool_size=3),
        worker.assessment(
            SimulatedAssessor(settings.assessment_delay_min_s, settings.assessment_delay_max_s),
            CreditPolicy(settings.review_from, settings.review_to),
            settings.assessment_attempts,
        ),
        name="assessment",
        size=settings.pool_size,
        batch_size=settings.pool_batch,
        lease_s=settings.lease_s,
        run_limit_s=settings.assessment_limit_s,
        after_commit=delivery.wake,
    )
    return assessment, delivery


def _feed(settings: LoanSettings, engine: Engine) -> Feed:
    """The events as they happen, read on threads of their own."""

    def read(after: Position, most: int) -> list[StoredEvent]:
        with db.transaction(engine) as tx:
            return store.list_events_after(tx, after, most)

    def horizon() -> Position:
        with db.transaction(engine) as tx:
            return store.get_horizon(tx)

    return Feed(read, horizon, ThreadPoolExecutor(2, "feed"), watchers_max=settings.watchers_max)


def _register(  # noqa: PLR0913 -- what servicers are made of
    to: grpc.aio.Server,
    *,
    settings: LoanSettings,
    engine: Engine,
    feed: Feed,
    wake_pools: Callable[[], None],
    branch_of: Callable[[int], Collection[int]],
) -> None:
    """Add the servicers to a server."""

    def on_commit() -> None:
        wake_pools()
        feed.wake()

    submits = GroupCommit(
        servicer.submit(engine, on_commit),
        ThreadPoolExecutor(1, "submit"),
        batch_size=settings.submit_batch,
        waiting_max=settings.submit_waiting_max,
    )
    reader = Reader(settings.phone_region, settings.currency)
    outside = LoanServicer(engine, submits, feed, reader, on_commit, branch_of)
    loan_pb2_grpc.add_LoanServiceServicer_to_server(outside, to)
    loan_pb2_grpc.add_LoanInternalServiceServicer_to_server(LoanInternalServicer(engine, on_commit), to)


def _nothing(_: grpc.aio.Server) -> None:
    """Serves nothing but what every server does."""
