"""A closed system, and who asks it for something."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from chassis import tls
from deploy.issuer import Issuer
from los.loan.v1 import loan_pb2
from los.notification.v1 import notification_pb2
from los.review.v1 import review_pb2
from tests.system.client import Client
from tests.system.conftest import RunningSystem

OWNER, STRANGER = "+12025550711", "+12025550722"
"""The customer with the loan under review, and one without any."""

FILES = {"loan": loan_pb2.DESCRIPTOR, "review": review_pb2.DESCRIPTOR, "notification": notification_pb2.DESCRIPTOR}


def methods() -> dict[str, MethodDescriptor]:
    """Every method of every service of the system, by `Service.Method`."""
    return {
        f"{service.name}.{method.name}": method
        for file in FILES.values()
        for service in file.services_by_name.values()
        for method in service.methods
    }


class House:
    """The system, its issuer, and a loan under review.

    Attributes:
        system: The processes.
        issuer: Whose tokens count.
        certificates: The folder with those of all processes.
        loan_id: A loan of `OWNER` under review.
        agent_id: Who has its review.
        manager_id: Whom they report to.
        stranger_id: An agent of another branch.
        stranger_manager_id: Whom that one reports to.
    """

    def __init__(self, system: RunningSystem, issuer: Issuer, certificates: Path) -> None:
        self.system = system
        self.issuer = issuer
        self.certificates = certificates
        self._targets = {
            "loan": system.loan_target,
            "review": system.review_target,
            "notification": system.notification_target,
        }
        self._stack = ExitStack()
        self._channels: dict[tuple[str, str], grpc.Channel] = {}

    def __enter__(self) -> Self:
        with self.client("operator") as operator:
            self.loan_id: str = operator.submit("20000", customer_phone=OWNER)["loan_id"]
            self.agent_id = operator.wait_for_assignment(self.loan_id)
            self.manager_id = operator.manager_of(self.agent_id) or 0
            agents = operator.ok("GET", "/api/v1/agents")["agents"]
        managers = {agent["agent_id"]: agent.get("manager_id", 0) for agent in agents}
        self.stranger_id = next(
            each for each, above in managers.items() if managers.get(above) and above != self.manager_id
        )
        self.stranger_manager_id: int = managers[self.stranger_id]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def token(self, *roles: str, phone: str | None = None, agent_id: int | None = None, **more: Any) -> str:
        """A genuine token."""
        return self.issuer.token(*roles, phone=phone, agent_id=agent_id, **more)

    def client(self, *roles: str, **claims: Any) -> Client:
        """An HTTP client of somebody with a token; without roles, of somebody without one."""
        found = Client(self.system.gateway_url)
        if roles:
            found.http.headers["authorization"] = f"Bearer {self.token(*roles, **claims)}"
        return found

    def channel(self, service: str, certificate: str) -> grpc.Channel:
        """A channel to a service, with the certificate of a process."""
        if (service, certificate) not in self._channels:
            credentials = tls.channel_credentials(tls.read(self.certificates / certificate))
            options = [(tls.SERVER_NAME, service)]
            made = grpc.secure_channel(self._targets[service], credentials, options=options)
            self._channels[service, certificate] = self._stack.enter_context(made)
        return self._channels[service, certificate]

    def target(self, service: str) -> str:
        """Where a service listens."""
        return self._targets[service]

    def call(self, method: MethodDescriptor, request: Message, *, token: str = "", certificate: str = "gateway") -> Any:
        """Call a method; of a stream only the beginning.

        Raises:
            grpc.RpcError: It is refused.
        """
        service = method.containing_service.file.package.split(".")[1]
        channel = self.channel(service, certificate)
        path = f"/{method.containing_service.full_name}/{method.name}"
        answer = message_factory.GetMessageClass(method.output_type)
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        serialize = type(request).SerializeToString
        if not method.server_streaming:
            return channel.unary_unary(path, serialize, answer.FromString)(request, metadata=metadata, timeout=30)
        call: Any = channel.unary_stream(path, serialize, answer.FromString)(request, metadata=metadata, timeout=30)
        try:
            if "resume-after" not in dict(call.initial_metadata()):  # which opens a stream of ours
                next(call)
        finally:
            call.cancel()
        return None
