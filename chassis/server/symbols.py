"""Descriptors as reflection is asked for them: by every name, those of methods and fields included."""

from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor


class Symbols:
    """The descriptors of this process; Python's own pool does not find the members of services and messages by name."""

    def __init__(self) -> None:
        self._pool: Any = descriptor_pool.Default()

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 -- the pool's name
        """The file that defines a symbol, or what the symbol is a member of.

        Raises:
            KeyError: There is no such symbol.
        """
        try:
            found: FileDescriptor = self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            owner, _, member = symbol.rpartition(".")
            found = self._pool.FindFileContainingSymbol(owner)
            if not _has_member(found, owner, member):
                raise
        return found

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the pool has
        """Everything else as the pool has it."""
        return getattr(self._pool, name)


def _has_member(file: FileDescriptor, owner: str, member: str) -> bool:
    """Whether a service has such a method, or a message such a field."""
    service = file.services_by_name.get(owner.removeprefix(f"{file.package}."))
    if service is not None:
        return member in service.methods_by_name
    try:
        return member in file.pool.FindMessageTypeByName(owner).fields_by_name
    except KeyError:
        return False
