"""Settings and wiring: the only place that constructs things."""

from collections.abc import Callable, Iterator
from functools import partial

import grpc
from prometheus_client import Metric
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Connection, Engine

from chassis import config, db, exposure, metrics, server, tls
from chassis.access.tokens import AuthSettings
from chassis.login import DatabaseUrl, PasswordFile
from chassis.metrics import stored
from chassis.metrics.stored import Stored
from chassis.pool import Pool
from los.notification.v1 import notification_pb2_grpc
from notification_service import store, worker
from notification_service.clients import LogProvider
from notification_service.domain import Channel
from notification_service.servicer import NotificationInternalServicer, NotificationServicer

SERVICES = ("los.notification.v1.NotificationService", "los.notification.v1.NotificationInternalService")
SCHEMA = "notification"


class NotificationSettings(BaseSettings):
    """How the notification service runs; each setting is NOTIFICATION_ and its name in the environment.

    Attributes:
        database_password_file: The file with the password of its login, if `database_url` holds none.
        database_url: Where its schema is.
        listen: `host:port`; port 0 takes any free one.
        allow_open: Whether it may listen beyond this machine without authentication.
        metrics_listen: Where metrics are served; empty for nowhere.
        attempts_max: How often the provider may refuse a message before it is parked; outages are not counted.
        pool_size: How many messages are handed to the provider at the same time.
        pool_batch: The most messages claimed, and the most recorded, in one transaction.
        lease_s: How long after a sign of life a dead process's messages are taken over.
        send_limit_s: How long the provider may take for one message before the attempt is given up as hung.
        rpc_threads: How many requests are answered at the same time.
        grace_s: How long running requests and attempts may take to end when the process is told to stop.
    """

    model_config = SettingsConfigDict(env_prefix="NOTIFICATION_", frozen=True)

    database_password_file: PasswordFile = None
    database_url: DatabaseUrl
    listen: str = Field("127.0.0.1:50053", pattern=r"^\S+:[0-9]{1,5}$")
    allow_open: bool = False
    metrics_listen: str = Field("", pattern=metrics.LISTEN)

    attempts_max: int = Field(5, ge=1, le=1_000)
    pool_size: int = Field(8, ge=1, le=256)
    pool_batch: int = Field(200, ge=1, le=1_000)
    lease_s: float = Field(30, ge=1)
    send_limit_s: float = Field(30, gt=0)

    rpc_threads: int = Field(16, ge=1, le=256)
    grace_s: float = Field(20, gt=0)


def run(settings: NotificationSettings, *, serves: bool, works: bool) -> None:
    """Run the process until it is told to stop.

    Args:
        settings: How.
        serves: Whether it answers requests; its health is served in any case.
        works: Whether it delivers messages.
    """
    is_open = config.load(AuthSettings).is_open
    certificates = tls.load(is_open=is_open)
    exposure.check(settings.listen, is_open=is_open, is_allowed=settings.allow_open, setting="NOTIFICATION_ALLOW_OPEN")
    connect = partial(db.engine, settings.database_url, schema=SCHEMA)
    pools = [_pool(settings, connect)] if works else []
    register: Callable[[grpc.aio.Server], None] = _nothing
    if serves:
        engine = connect(name="notification-rpc", pool_size=settings.rpc_threads)
        register = partial(_register, engine=engine, pools=pools)
    health = connect(name="notification-health", pool_size=1)
    metrics.serve(settings.metrics_listen, [_figures(settings)])
    server.run(
        listen=settings.listen,
        services=SERVICES if serves else (),
        register=register,
        is_ready=partial(db.check, health),
        background=pools,
        threads=settings.rpc_threads,
        grace_s=settings.grace_s,
        tls_folder=certificates,
    )


def operators_engine(settings: NotificationSettings) -> Engine:
    """One connection, for an operator at a command line."""
    return db.engine(settings.database_url, schema=SCHEMA, name="notification-operator", pool_size=1)


def _figures(settings: NotificationSettings) -> Stored:
    """What there is to tell of this service's tables."""
    engine = stored.engine(settings.database_url, schema=SCHEMA, name="notification-figures")
    return Stored(engine, stored.waiting(worker.KINDS), figures)


def figures(tx: Connection) -> Iterator[Metric]:
    """What there is to tell of notifications."""
    meaning = f"Notifications that have not been sent, counted up to {stored.COUNT_MOST}."
    yield stored.gauge("notifications", meaning, store.count_unsent(tx, stored.COUNT_MOST), "state")
    meaning = f"Notices that have not been sent, by when they are due, counted up to {stored.COUNT_MOST}."
    yield stored.gauge("notices_unsent", meaning, store.count_unsent_notices(tx, stored.COUNT_MOST), "due")


def _pool(settings: NotificationSettings, connect: Callable[..., Engine]) -> Pool:
    """The pool that delivers."""
    return Pool(
        connect(name="notification-delivery", pool_size=3),
        worker.handlers({channel: LogProvider() for channel in Channel}, settings.attempts_max),
        name="delivery",
        size=settings.pool_size,
        batch_size=settings.pool_batch,
        lease_s=settings.lease_s,
        run_limit_s=settings.send_limit_s,
    )


def _register(to: grpc.aio.Server, *, engine: Engine, pools: list[Pool]) -> None:
    """Add the servicers to a server."""

    def wake_pools() -> None:
        for pool in pools:
            pool.wake()

    notification_pb2_grpc.add_NotificationServiceServicer_to_server(NotificationServicer(engine, wake_pools), to)
    notification_pb2_grpc.add_NotificationInternalServiceServicer_to_server(
        NotificationInternalServicer(engine, wake_pools), to
    )


def _nothing(_: grpc.aio.Server) -> None:
    """Serves nothing but what every server does."""
