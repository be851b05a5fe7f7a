"""A gateway on a real server in front of a real gRPC service, all on one event loop in a thread of its own."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import grpc
import grpc.aio
import httpx
import uvloop
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer

from gateway import bootstrap, rules
from gateway.server import Server
from tests.unit.gateway import protos

Result = TypeVar("Result")
Behaviour = Callable[..., Any]  # as grpc.aio calls it: with a request or an iterator of them, and a context

WEATHER = (Path(__file__).parent / "weather.proto").read_text()
PACKAGE = "weather.v1"
WAIT_S = 5.0

# Short enough that a test can wait for them, long enough that a busy machine keeps them.
QUICK = {"body_timeout_s": 0.5, "head_timeout_s": 0.5, "keep_alive_s": 0.1, "settle_s": 0.3}


class Weather(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # at run time it takes none
    """The service of weather.proto.

    Attributes:
        behaviours: What a method does, by its name; without one it answers a default message.
        calls: The methods that were called, with their metadata and the seconds they were given, in their order.
        classes: The messages, by name.
    """

    def __init__(self, descriptor_set: bytes) -> None:
        file = rules.load(descriptor_set)[-1]
        self._methods: dict[str, MethodDescriptor] = dict(file.services_by_name["Stations"].methods_by_name)
        self.classes = {
            name: message_factory.GetMessageClass(kind) for name, kind in file.message_types_by_name.items()
        }
        self.behaviours: dict[str, Behaviour] = {}
        self.calls: list[tuple[str, dict[str, str | bytes], float]] = []

    def make(self, message: str, /, **fields: object) -> Any:
        """Make a message."""
        return self.classes[message](**fields)

    def fail(self, method: str, *codes: grpc.StatusCode, trailing: tuple[tuple[str, str | bytes], ...] = ()) -> None:
        """Let a method fail with one code after the other, and answer from then on."""
        remaining = list(codes)

        async def behave(_request: Any, context: Any) -> Any:
            if remaining:
                context.set_trailing_metadata(trailing)
                await context.abort(remaining.pop(0), "because")
            return message_factory.GetMessageClass(self._methods[method].output_type)()

        self.behaviours[method] = behave

    def refuse(self, method: str, code: grpc.StatusCode) -> None:
        """Let a method that gives many messages fail before the first."""

        async def behave(_request: Any, context: Any) -> AsyncIterator[Any]:
            await context.abort(code, "because")
            yield None

        self.behaviours[method] = behave

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(name == method for name, _, _ in self.calls)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Find a method's behaviour, as grpc asks for it."""
        name = handler_call_details.method.rpartition("/")[2]
        method = self._methods.get(name)
        if method is None:
            return None
        kind = "_".join("stream" if each else "unary" for each in (method.client_streaming, method.server_streaming))
        make: Any = getattr(grpc, f"{kind}_rpc_method_handler")
        answer = message_factory.GetMessageClass(method.output_type)
        request = message_factory.GetMessageClass(method.input_type)
        noted = self._streaming(name) if method.server_streaming else self._answering(name, answer)
        handler: grpc.RpcMethodHandler[Any, Any] = make(
            noted, request.FromString, lambda each: each.SerializeToString()
        )
        return handler

    def _answering(self, name: str, answer: type[Message]) -> Behaviour:
        async def behave(request: Any, context: Any) -> Any:
            self._note(name, context)
            behaviour = self.behaviours.get(name)
            return answer() if behaviour is None else await behaviour(request, context)

        return behave

    def _streaming(self, name: str) -> Behaviour:
        async def behave(request: Any, context: Any) -> Any:
            self._note(name, context)
            if name in self.behaviours:
                async for each in self.behaviours[name](request, context):
                    yield each

        return behave

    def _note(self, name: str, context: Any) -> None:
        self.calls.append((name, dict(context.invocation_metadata()), context.time_remaining()))


class Stand:
    """The service, and gateways in front of it.

    Attributes:
        weather: The service.
        health: Its health check.
        address: Where it listens.
    """

    def __init__(self) -> None:
        self.descriptor_set = protos.compiled(WEATHER, "weather.proto")
        self.weather = Weather(self.descriptor_set)
        self.health = HealthServicer()
        self.address = ""
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="stand")

    def __enter__(self) -> "Stand":
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._grpc.stop(None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run something on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(2 * WAIT_S)

    def do(self, function: Callable[[], Result]) -> Result:
        """Call something on the loop and wait for it."""

        async def called() -> Result:
            return function()

        return self.run(called())

    def set_health(self, state: "health_pb2.HealthCheckResponse.ServingStatus.ValueType") -> None:
        """Let the health check say something else."""
        self.run(self.health.set("", state))

    @contextlib.contextmanager
    def gateway(self, **settings: Any) -> Iterator["Running"]:
        """Run a gateway; `upstreams`, `descriptor_set` and `drain_s` may be given like its other settings."""
        upstreams = settings.pop("upstreams", {PACKAGE: self.address})
        descriptor_set = settings.pop("descriptor_set", self.descriptor_set)
        drain_s = settings.pop("drain_s", 2 * WAIT_S)
        app = bootstrap.build_app(descriptor_set, upstreams, **(QUICK | settings))
        server = Server(app, drain_s=drain_s)
        served: Future[None] = asyncio.run_coroutine_threadsafe(server.serve(), self.loop)
        eventually(lambda: server.started or served.done())
        port = self.do(lambda: server.servers[0].sockets[0].getsockname()[1])
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=WAIT_S) as client:
            try:
                yield Running(server, port, client)
            finally:
                client.close()
                server.should_exit = True
                served.result(4 * WAIT_S)

    async def _start(self) -> None:
        self._grpc = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._grpc.add_generic_rpc_handlers((self.weather,))
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._grpc)
        await self.health.set("", health_pb2.HealthCheckResponse.SERVING)
        self.address = f"127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        await self._grpc.start()


class Running:
    """A gateway that runs.

    Attributes:
        server: It.
        port: Where it listens.
        client: Asks it.
    """

    def __init__(self, server: Server, port: int, client: httpx.Client) -> None:
        self.server = server
        self.port = port
        self.client = client


def eventually(condition: Callable[[], object], timeout_s: float = WAIT_S) -> None:
    """Wait until something is so, and fail if it never is."""
    latest = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > latest:
            raise AssertionError("it never was so")
        time.sleep(0.005)
