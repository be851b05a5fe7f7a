"""Serve a descriptor set over HTTP.

Every flag can also be given in the environment as GATEWAY_ and its name; a flag wins.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from pydantic import ValidationError

from chassis import config, exposure, logs, memory, metrics, tls
from chassis.access import tokens
from chassis.access.tokens import AuthSettings
from gateway import bootstrap
from gateway.app import Gateway
from gateway.bootstrap import Options, Settings
from gateway.rules import InvalidRulesError
from gateway.server import Server


def main(arguments: Sequence[str]) -> int:
    """Run until SIGTERM or SIGINT; answer the exit code: 2 for settings that cannot be used."""
    try:
        settings = Settings(**_given(arguments))
        logs.configure("gateway", config.load(logs.LogSettings))
        verifier = tokens.verifier(config.load(AuthSettings))
        is_open = verifier is None
        certificates = tls.load(is_open=is_open)
        options = settings.model_dump(include=set(Options.model_fields))
        verify = None if verifier is None else lambda token: verifier.verify(token).subject
        app = bootstrap.build_app(
            settings.descriptor_set.read_bytes(), settings.upstreams, certificates, verify, **options
        )
    except ValidationError as error:
        print(config.problems(Settings, error), file=sys.stderr)  # noqa: T201 -- logs are not configured yet
        return config.EXIT_UNUSABLE_SETTINGS
    except InvalidRulesError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a list for a person at a terminal
        return config.EXIT_UNUSABLE_SETTINGS
    exposure.check(settings.listen, is_open=is_open, is_allowed=settings.allow_open, setting="GATEWAY_ALLOW_OPEN")
    _serve(app, settings)
    return 0


def _given(arguments: Sequence[str]) -> dict[str, Any]:  # whatever they are, the settings check them
    """Read the flags; there is one for each setting."""
    parser = argparse.ArgumentParser(prog="python -m gateway", description=__doc__)
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "upstreams":
            parser.add_argument("--upstream", dest=name, action="append", metavar="PACKAGE=HOST:PORT")
        elif field.annotation is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=field.description)
        else:
            parser.add_argument(flag, help=f"{field.description} (default: {field.default})")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    if "upstreams" in given:
        given["upstreams"] = ",".join(given["upstreams"])
    return given


def _serve(app: Gateway, settings: Settings) -> None:
    host, _, port = settings.listen.rpartition(":")
    metrics.serve(settings.metrics_listen)
    # uvicorn raises the signal again once everything is drained; by then it is a wish that has been granted.
    signal.signal(signal.SIGTERM, _exit)
    signal.signal(signal.SIGINT, _exit)
    memory.collect_seldom()
    Server(app, host.strip("[]"), int(port), settings.drain_s).run()


def _exit(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
