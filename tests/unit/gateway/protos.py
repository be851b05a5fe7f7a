"""Descriptor sets of protos that are written for tests; compiled when they are asked for, never kept."""

import tempfile
from importlib import resources
from pathlib import Path
from typing import cast

from google.api import httpbody_pb2
from google.protobuf import descriptor_pb2, empty_pb2, message_factory, struct_pb2, wrappers_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from grpc_tools import protoc  # type: ignore[import-untyped]  # shipped without types

from gateway import rules

LOANS = (resources.files("los") / "descriptors.binpb").read_bytes()
LIBRARY = (Path(__file__).parent / "library.proto").read_text()
KINDS = (Path(__file__).parent / "kinds.proto").read_text()


def compiled(text: str, name: str = "test.proto") -> bytes:
    """The descriptor set of a proto file with all that it imports, comments included."""
    known = descriptor_pb2.FileDescriptorSet.FromString(LOANS)
    for module in (empty_pb2, struct_pb2, wrappers_pb2, httpbody_pb2):
        module.DESCRIPTOR.CopyToProto(known.file.add())
    with tempfile.TemporaryDirectory(prefix="proto-") as folder:
        (Path(folder) / "known").write_bytes(known.SerializeToString())
        (Path(folder) / name).write_text(text)
        asked = [f"--descriptor_set_in={folder}/known", f"-I{folder}", "--include_imports", "--include_source_info"]
        if protoc.main(["protoc", *asked, f"--descriptor_set_out={folder}/set", name]) != 0:
            raise ValueError(f"protoc refuses {name}")
        return (Path(folder) / "set").read_bytes()


def messages(descriptor_set: bytes) -> dict[str, type[Message]]:
    """The classes of the messages of the last file in a set, by name."""
    file = rules.load(descriptor_set)[-1]
    return {name: message_factory.GetMessageClass(kind) for name, kind in file.message_types_by_name.items()}


def kind_of(message: Message | type[Message]) -> Descriptor:
    """The descriptor of a message; the stubs say less than is so."""
    return cast("Descriptor", message.DESCRIPTOR)


def pool_of(message: Message | type[Message]) -> DescriptorPool:
    """Where the types of a message come from."""
    return cast("DescriptorPool", message.DESCRIPTOR.file.pool)
