"""Settings and wiring: the only place that constructs things."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import grpc
from prometheus_client import Metric
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Connection, Engine

from chassis import config, db, exposure, metrics, rpc, server, tls
from chassis.access.tokens import AuthSettings
from chassis.errors import ServiceError, Unavailable
from chassis.login import DatabaseUrl, PasswordFile
from chassis.logs import log
from chassis.metrics import stored
from chassis.metrics.stored import Stored
from chassis.pool import Pool
from los.review.v1 import review_pb2_grpc
from review_service import domain, store, usecases, worker
from review_service.clients import LoanClient, NotificationClient
from review_service.domain import Calendar, Deadlines, ReviewPolicy
from review_service.servicer import ReviewInternalServicer, ReviewServicer

SERVICES = ("los.review.v1.ReviewService", "los.review.v1.ReviewInternalService")
SCHEMA = "review"


DUE_MOST_S = 31_536_000
"""The longest time that a review may take before it moves up: a year."""

LoanType = Literal["PERSONAL", "HOME", "AUTO", "BUSINESS"]


def _checked_hours(written: str) -> str:
    if written:
        domain.read_hours(written)
    return written


def _none_if_empty(written: object) -> object:
    return None if written == "" else written


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"there is no time zone {name}") from error
    return name


class ReviewSettings(BaseSettings):
    """How the review service runs; each setting is REVIEW_ and its name in the environment."""

    model_config = SettingsConfigDict(env_prefix="REVIEW_", frozen=True)

    database_password_file: PasswordFile = None
    database_url: DatabaseUrl
    listen: str = Field("127.0.0.1:50052", pattern=r"^\S+:[0-9]{1,5}$")
    allow_open: bool = False
    loan_target: str = "127.0.0.1:50051"
    notification_target: str = "127.0.0.1:50053"
    metrics_listen: str = Field("", pattern=metrics.LISTEN)

    phone_region: str = Field("US", pattern=r"^[A-Z]{2}$")
    assign_every_s: float = Field(3, gt=0)
    escalate_every_s: float = Field(5, gt=0)
    due_s: float = Field(86_400, gt=0, le=DUE_MOST_S)
    due_s_by_type: dict[LoanType, Annotated[float, Field(gt=0, le=DUE_MOST_S)]] = Field(default_factory=dict)
    business_hours: Annotated[str, AfterValidator(_checked_hours)] = ""
    time_zone: Annotated[str, AfterValidator(_checked_zone)] = "UTC"
    holidays: frozenset[date] = frozenset()
    four_eyes_above: Annotated[Decimal | None, BeforeValidator(_none_if_empty)] = Field(
        None, ge=0, le=Decimal("99999999.99"), decimal_places=2
    )

    delivery_threads: int = Field(4, ge=1, le=64)
    pool_batch: int = Field(200, ge=1, le=1_000)
    lease_s: float = Field(30, ge=1)

    rpc_threads: int = Field(16, ge=1, le=256)
    grace_s: float = Field(20, gt=0)

    @property
    def policy(self) -> ReviewPolicy:
        """How reviews are done here."""
        after_s_by_type: dict[str, float] = dict(self.due_s_by_type.items())
        calendar = None
        if self.business_hours:
            calendar = Calendar(domain.read_hours(self.business_hours), ZoneInfo(self.time_zone), self.holidays)
        return ReviewPolicy(Deadlines(self.due_s, after_s_by_type, calendar), self.four_eyes_above)


class NotMigrated(Unavailable):
    """The database does not have the tables yet."""


def run(settings: ReviewSettings, *, serves: bool, works: bool) -> None:
    """Run the process until it is told to stop.

    Args:
        settings: How.
        serves: Whether it answers requests; its health is served in any case.
        works: Whether it delivers what follows from assignments and decisions, and assigns waiting reviews.
    """
    is_open = config.load(AuthSettings).is_open
    certificates = tls.load(is_open=is_open)
    exposure.check(settings.listen, is_open=is_open, is_allowed=settings.allow_open, setting="REVIEW_ALLOW_OPEN")
    connect = partial(db.engine, settings.database_url, schema=SCHEMA)
    loans = LoanClient(rpc.channel(settings.loan_target, "loan", certificates))
    pool = _pool(settings, connect, loans, certificates) if works else None
    register: Callable[[grpc.aio.Server], None] = _nothing
    if serves:
        engine = connect(name="review-rpc", pool_size=settings.rpc_threads)
        wake = pool.wake if pool is not None else _nobody
        register = partial(_register, settings=settings, engine=engine, loans=loans, wake=wake)
    health = connect(name="review-health", pool_size=1)
    metrics.serve(settings.metrics_listen, [_figures(settings)])
    server.run(
        listen=settings.listen,
        services=SERVICES if serves else (),
        register=register,
        is_ready=partial(check_ready, health),
        background=[pool] if pool is not None else [],
        threads=settings.rpc_threads,
        grace_s=settings.grace_s,
        tls_folder=certificates,
    )


def operators_engine(settings: ReviewSettings) -> Engine:
    """One connection, for an operator at a command line."""
    return db.engine(settings.database_url, schema=SCHEMA, name="review-operator", pool_size=1)


def seed(settings: ReviewSettings) -> None:
    """Add the agents that a new system begins with, as soon as the database is there; nothing else is changed."""
    engine = db.engine(settings.database_url, schema=SCHEMA, name="review-seed", pool_size=1)
    wait_until_ready(engine)
    with db.transaction(engine) as tx:
        added = usecases.create_first_agents(tx, settings.policy)
    engine.dispose()
    log.info("seeded", agents_added=added)


def wait_until_ready(engine: Engine) -> None:
    """Wait for the database, and for somebody to migrate it."""
    said = ""
    while True:
        try:
            return check_ready(engine)
        except ServiceError as error:
            if error.message != said:
                log.warning("waiting", reason=error.reason, error=error.message)
            said = error.message
            time.sleep(0.5)


def check_ready(engine: Engine) -> None:
    """Make sure that the database answers, writes, and is migrated.

    Raises:
        ServiceError: It does not, or is not.
    """
    with db.transaction(engine) as tx:
        db.require_writable(tx)
        missing = store.find_missing_tables(tx)
    if missing:
        raise NotMigrated(f"the database is not migrated: it has no {', '.join(missing)}")


def _figures(settings: ReviewSettings) -> Stored:
    """What there is to tell of this service's tables."""
    engine = stored.engine(settings.database_url, schema=SCHEMA, name="review-figures")
    return Stored(engine, stored.waiting(worker.KINDS), figures)


def figures(tx: Connection) -> Iterator[Metric]:
    """What there is to tell of reviews."""
    there = store.count_open_reviews(tx, stored.COUNT_MOST)
    yield stored.gauge(
        "reviews_open",
        f"Reviews without a decision, each counted up to {stored.COUNT_MOST}.",
        {"assigned": there.assigned, "unassigned": there.unassigned},
        "assignment",
    )
    oldest = "For how long the first review has been waiting that nobody could take."
    yield stored.gauge("reviews_oldest_unassigned_seconds", oldest, there.oldest_unassigned_s)


def _pool(
    settings: ReviewSettings, connect: Callable[..., Engine], loans: LoanClient, certificates: Path | None
) -> Pool:
    """The pool that works on all jobs of this service."""
    notifications = NotificationClient(rpc.channel(settings.notification_target, "notification", certificates))
    return Pool(
        connect(name="review-delivery", pool_size=3),
        worker.handlers(
            loans,
            notifications,
            settings.policy,
            assign_every_s=settings.assign_every_s,
            escalate_every_s=settings.escalate_every_s,
        ),
        name="delivery",
        size=settings.delivery_threads,
        batch_size=settings.pool_batch,
        lease_s=settings.lease_s,
    )


def _register(
    to: grpc.aio.Server, *, settings: ReviewSettings, engine: Engine, loans: LoanClient, wake: Callable[[], None]
) -> None:
    """Add the servicers to a server."""
    policy = settings.policy
    outside = ReviewServicer(engine, loans, wake, policy, phone_region=settings.phone_region)
    review_pb2_grpc.add_ReviewServiceServicer_to_server(outside, to)
    review_pb2_grpc.add_ReviewInternalServiceServicer_to_server(ReviewInternalServicer(engine, wake, policy), to)


def _nothing(_: grpc.aio.Server) -> None:
    """Serves nothing but what every server does."""


def _nobody() -> None:
    """Wakes nobody: the work is done by another process."""
