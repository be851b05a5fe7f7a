"""The notification service over gRPC: decode, open a transaction, call the use case, encode."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from chassis import batch, db, rpc, rules
from chassis.errors import InvalidArgument, ServiceError, Violation
from chassis.logs import log
from chassis.personal import Recipient
from los.notification.v1 import notification_pb2, notification_pb2_grpc
from notification_service import store, usecases
from notification_service.domain import (
    Channel,
    Message,
    Notification,
    State,
    notices_token,
    page_token,
    read_notices_token,
    read_page_token,
    rendered,
)

SIZE_DEFAULT = 10


class NotificationServicer(notification_pb2_grpc.NotificationServiceServicer):
    """What staff may ask.

    Args:
        engine: The connections that requests share.
        on_commit: Called after every commit that others may wait for.
    """

    def __init__(self, engine: Engine, on_commit: Callable[[], None]) -> None:
        self._engine = engine
        self._on_commit = on_commit

    @rpc.rpc
    def ListNotifications(
        self, request: notification_pb2.ListNotificationsRequest, context: grpc.ServicerContext
    ) -> notification_pb2.ListNotificationsResponse:
        """Read a page of notifications, newest first."""
        loan_id = UUID(request.loan_id) if request.loan_id else None
        state = State(notification_pb2.Notification.State.Name(request.state)) if request.state else None
        size = request.size or SIZE_DEFAULT
        filters = (loan_id, request.recipient, state)
        before = read_page_token(request.page_token, *filters) if request.page_token else None
        with db.transaction(self._engine) as tx:
            found = store.list_notifications(
                tx, loan_id=loan_id, recipient=request.recipient, state=state, before=before, size=size + 1
            )
        page = found[:size]
        has_more = len(found) > size
        return notification_pb2.ListNotificationsResponse(
            notifications=[_encoded(notification) for notification in page],
            next_page_token=page_token(page[-1].message.notification_id, *filters) if has_more else "",
        )

    @rpc.rpc
    def ListNotices(
        self, request: notification_pb2.ListNoticesRequest, context: grpc.ServicerContext
    ) -> notification_pb2.ListNoticesResponse:
        """Read a page of notices, by the time at which they are due."""
        overdue = request.overdue if request.HasField("overdue") else None
        size = request.size or SIZE_DEFAULT
        after = read_notices_token(request.page_token, overdue) if request.page_token else None
        with db.transaction(self._engine) as tx:
            found = store.list_notices(tx, overdue=overdue, after=after, size=size + 1)
        page = found[:size]
        return notification_pb2.ListNoticesResponse(
            notices=[_encoded(notification) for notification in page],
            next_page_token=notices_token(page[-1].message.place, overdue) if len(found) > size else "",
        )

    @rpc.rpc
    def RetryNotification(
        self, request: notification_pb2.RetryNotificationRequest, context: grpc.ServicerContext
    ) -> notification_pb2.RetryNotificationResponse:
        """Start anew with a parked notification."""
        with db.transaction(self._engine) as tx:
            notification = usecases.retry_notification(tx, UUID(request.notification_id))
        self._on_commit()
        return notification_pb2.RetryNotificationResponse(notification=_encoded(notification))


class NotificationInternalServicer(notification_pb2_grpc.NotificationInternalServiceServicer):
    """What the other services ask.

    Args:
        engine: The connections that requests share.
        on_commit: Called after every commit that others may wait for.
    """

    def __init__(self, engine: Engine, on_commit: Callable[[], None]) -> None:
        self._engine = engine
        self._on_commit = on_commit

    @rpc.rpc
    def SendNotification(
        self, request: notification_pb2.SendNotificationRequest, context: grpc.ServicerContext
    ) -> notification_pb2.SendNotificationResponse:
        """Accept the messages that are in order; each has its own verdict."""
        read = [_message_or_error(each) for each in request.messages]
        messages = [each for each in read if isinstance(each, Message)]
        accepted = iter(batch.each(self._accept, messages)) if messages else iter(())
        failures = [each if isinstance(each, InvalidArgument) else next(accepted) for each in read]
        for failure in failures:
            if failure is not None and not isinstance(failure, ServiceError):
                log.error("one of many failed", exc_info=failure)
        return notification_pb2.SendNotificationResponse(
            verdicts=rpc.verdicts(failures, request.DESCRIPTOR.file.package)
        )

    @rpc.rpc
    def EraseLoans(
        self, request: notification_pb2.EraseLoansRequest, context: grpc.ServicerContext
    ) -> notification_pb2.EraseLoansResponse:
        """Have pseudonyms stand for customers in the messages about their loans; each loan has its own verdict."""
        pseudonyms = {UUID(loan.loan_id): loan.pseudonym for loan in request.loans}
        with db.transaction(self._engine) as tx:
            waiting = usecases.erase_loans(tx, pseudonyms)
        failures = [waiting.get(UUID(loan.loan_id)) for loan in request.loans]
        return notification_pb2.EraseLoansResponse(verdicts=rpc.verdicts(failures, request.DESCRIPTOR.file.package))

    def _accept(self, messages: Sequence[Message]) -> list[None]:
        """Accept messages in a transaction of their own."""
        with db.transaction(self._engine) as tx:
            usecases.send_notifications(tx, messages)
        self._on_commit()
        return [None] * len(messages)


def _message_or_error(sent: notification_pb2.SendNotificationRequest.Message) -> Message | InvalidArgument:
    try:
        rules.check(sent)
        channel = Channel(notification_pb2.Notification.Channel.Name(sent.channel))
        body = rendered(sent.template, channel, sent.recipient, sent.values)
        due_at = _moment(sent.due_at) if sent.HasField("due_at") else None
    except InvalidArgument as error:
        return error
    return Message(
        notification_id=UUID(int=uuid7().int),
        dedupe_key=sent.dedupe_key,
        loan_id=UUID(sent.loan_id),
        channel=channel,
        recipient=Recipient(sent.recipient),
        template=sent.template,
        body=body,
        due_at=due_at,
    )


def _moment(stamp: Timestamp) -> datetime:
    """A time by which a message is due.

    Raises:
        InvalidArgument: No calendar has it.
    """
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument([Violation("due_at", "must be a time")]) from None


def _encoded(notification: Notification) -> notification_pb2.Notification:
    """A notification as callers see it."""
    message = notification.message
    return notification_pb2.Notification(
        notification_id=str(message.notification_id),
        loan_id=str(message.loan_id),
        channel=message.channel,
        recipient=message.recipient,
        template=message.template,
        body=message.body,
        state=notification.state,
        attempts=[
            notification_pb2.Notification.Attempt(
                number=attempt.number,
                started_at=_timestamp(attempt.started_at),
                finished_at=_timestamp(attempt.finished_at),
                error=attempt.error,
            )
            for attempt in notification.attempts
        ],
        last_error=notification.last_error,
        created_at=_timestamp(notification.created_at),
        sent_at=_timestamp(notification.sent_at),
        due_at=_timestamp(message.due_at),
    )


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
