"""A system without authentication is open: it listens to this machine only, unless somebody has said otherwise."""

import ipaddress

from chassis.logs import log


def check(listen: str, *, is_open: bool, is_allowed: bool, setting: str) -> None:
    """Say at the start of a process that everybody may call it, or refuse to start.

    Args:
        listen: `host:port` on which it is going to listen.
        is_open: Whether callers need not say who they are.
        is_allowed: Whether it may listen beyond this machine nevertheless.
        setting: What allows that.

    Raises:
        SystemExit: With 1, if it is open, would be reached from elsewhere, and nobody has allowed that.
    """
    if not is_open:
        return
    if is_loopback(listen.rpartition(":")[0].strip("[]")):
        log.info("WITHOUT AUTHENTICATION: everybody on this machine may do everything", listen=listen)
    elif is_allowed:
        log.warning("WITHOUT AUTHENTICATION BEYOND THIS MACHINE: whoever reaches it may do everything", listen=listen)
    else:
        log.error(
            f"refusing to listen beyond this machine without authentication: set AUTH_ISSUER, or {setting}=true",
            listen=listen,
        )
        raise SystemExit(1)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
