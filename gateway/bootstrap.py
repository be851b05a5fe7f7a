"""Wiring: from a descriptor set and addresses to an ASGI application."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from google.protobuf.descriptor import FileDescriptor
from pydantic import Field, FilePath, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chassis import metrics
from gateway import openapi, pages, rules
from gateway.app import Application, Gateway, health
from gateway.app.callers import Callers, Verify
from gateway.app.cors import Cors
from gateway.app.endpoint import Endpoint
from gateway.app.health import Health
from gateway.app.limits import Limits
from gateway.codec import Codec
from gateway.router import Route, Router
from gateway.rules import Binding, InvalidRulesError, Mistake
from gateway.upstream import Upstreams

Names = Annotated[tuple[str, ...], NoDecode]


class Options(Limits):
    """How an application behaves, its limits included."""

    lenient: bool = Field(False, description="ignore query parameters and body fields that nobody knows")
    query_with_body: Names = Field((), description="query parameters read although the body is the whole request")
    cors_origins: Names = Field((), description="other origins that browsers may call from, * for all")
    title: str = Field("API", description="the name in the OpenAPI document")
    version: str = Field("1", description="the version in the OpenAPI document")

    @field_validator("query_with_body", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


class Settings(Options, BaseSettings):
    """How a gateway process is run: everything by environment, and everything by flag."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="forbid")

    listen: str = Field("127.0.0.1:8000", pattern=r"^\S+:[0-9]{1,5}$", description="host:port to listen on")
    allow_open: bool = Field(False, description="listen beyond this machine without authentication")
    metrics_listen: str = Field(
        "", pattern=metrics.LISTEN, description="host:port to serve metrics on, nowhere if empty"
    )
    descriptor_set: FilePath = Field(
        Path(str(resources.files("los") / "descriptors.binpb")),
        description="the serialized FileDescriptorSet to serve",
    )
    upstreams: Annotated[dict[str, str], NoDecode] = Field(
        description="package=host:port or package.Service=host:port, separated by commas; owner@host:port to name whose"
        " certificate it must have"
    )
    drain_s: float = Field(20.0, gt=0, description="how long requests may take to finish after SIGTERM")

    @field_validator("upstreams", mode="before")
    @classmethod
    def _read_pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
        if not pairs or not all(name and address for name, _, address in pairs):
            raise ValueError("must be package=host:port, separated by commas")
        return {name: address for name, _, address in pairs}


def build_app(
    descriptor_set: bytes,
    upstreams: Mapping[str, str],
    tls_folder: Path | None = None,
    verify: Verify | None = None,
    **settings: Any,  # noqa: ANN401 -- as the fields of Options have it
) -> Gateway:
    """Make the ASGI application that serves what a descriptor set annotates with google.api.http.

    Services without an upstream are not served.

    Args:
        descriptor_set: A serialized google.protobuf.FileDescriptorSet with all imports.
        upstreams: Where the services are: `host:port` by package or full service name; the longest name wins.
        tls_folder: The certificates to call them with; without them nothing is encrypted.
        verify: Tells genuine bearer tokens; None in an open system, where tokens mean nothing.
        settings: Fields of Options.

    Raises:
        InvalidRulesError: The descriptor set cannot be served; lists every mistake.
        pydantic.ValidationError: A setting is unknown or out of range.
    """
    options = Options(**settings)
    files = rules.load(descriptor_set)
    bindings = _checked(files, upstreams)
    served_by = Upstreams(upstreams, options.answer_max_bytes, tls_folder)
    codec = Codec(files[0].pool, depth_max=options.depth_max, is_lenient=options.lenient)
    endpoints = [
        Endpoint(binding, found, codec, frozenset(options.query_with_body))
        for binding in bindings
        if (found := served_by.find(binding.method.containing_service.full_name)) is not None
    ]
    router = Router(Route(each.binding.verb, each.binding.template, each) for each in endpoints)
    document = openapi.document(
        [each.binding for each in endpoints], descriptor_set, title=options.title, version=options.version
    )
    shown: dict[str, Application] = {**pages.pages(document), "/health": Health(served_by), "/livez": health.alive}
    callers = Callers(options, verify)
    return Gateway(router, shown, upstreams=served_by, callers=callers, limits=options, cors=Cors(options.cors_origins))


def _checked(files: Sequence[FileDescriptor], upstreams: Iterable[str]) -> list[Binding]:
    """Read the bindings; refuse them together with whatever else does not fit the descriptor set."""
    services = [service.full_name for file in files for service in file.services_by_name.values()]
    mistakes = [
        Mistake("", "", f"upstream {name}", "the descriptor set has no such package or service")
        for name in upstreams
        if not any(f"{service}.".startswith(f"{name}.") for service in services)
    ]
    try:
        found = rules.bindings(files)
    except InvalidRulesError as error:
        raise InvalidRulesError([*error.mistakes, *mistakes]) from None
    if mistakes:
        raise InvalidRulesError(mistakes)
    return found
