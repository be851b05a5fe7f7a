"""Generate `los/` and `buf/` from the contracts, or prove that they are fresh.

    python protos/generate.py          write the generated code
    python protos/generate.py --check  exit 1 if writing would change anything

The descriptor set `los/descriptors.binpb` carries the comments, so that the gateway can serve them as documentation.
"""

import argparse
import filecmp
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATED = ("los", "buf")
MARKER = "# Generated from protos/ by `make proto`: do not edit.\n"


def write_validate_image(path: Path) -> None:
    """Write buf/validate/validate.proto as a descriptor set: the wheel ships the descriptor, not the file."""
    image = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(image.file.add())
    image.file.append(descriptor_pb2.FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary()))
    path.write_bytes(image.SerializeToString(deterministic=True))


def protoc(arguments: list[str]) -> None:
    """Run protoc with the well-known and the Google API files on its path."""
    well_known = str(resources.files("grpc_tools") / "_proto")
    google_apis = str(Path(descriptor_pb2.__file__).parent.parent.parent)
    paths = [f"-I{path}" for path in (PROTOS, well_known, google_apis)]
    command = [sys.executable, "-m", "grpc_tools.protoc", *paths, *arguments]
    if subprocess.run(command, cwd=PROTOS, check=False).returncode != 0:
        raise SystemExit("protoc refused the contracts: see above")


def generate(target: Path) -> None:
    """Write everything that is generated below the folder `target`."""
    contracts = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as scratch:
        validate = Path(scratch) / "validate.binpb"
        write_validate_image(validate)
        validate_source = Path(scratch) / "buf" / "validate"
        validate_source.mkdir(parents=True)
        imports = [f"--descriptor_set_in={validate}:{google_api_image(Path(scratch))}"]
        outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi")]
        protoc([*imports, *outputs, "buf/validate/validate.proto"])
        protoc([*imports, *outputs, f"--grpc_python_out={target}", *contracts])
        image = target / "los" / "descriptors.binpb"
        protoc([*imports, "--include_imports", "--include_source_info", f"--descriptor_set_out={image}", *contracts])
    for package in GENERATED:
        for folder in [target / package, *(path for path in (target / package).rglob("*") if path.is_dir())]:
            (folder / "__init__.py").write_text(MARKER)


def google_api_image(scratch: Path) -> Path:
    """Compile the Google API files the contracts import: with --descriptor_set_in protoc reads no import from disk."""
    image = scratch / "google.binpb"
    imports = ["google/api/annotations.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"]
    protoc(["--include_imports", f"--descriptor_set_out={image}", *imports])
    return image


def files_below(folder: Path) -> set[str]:
    """Every file below `folder`, compiled Python left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)) for path in files}


def check() -> int:
    """Compare what generation would write with what is there; print each difference."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        generate(fresh)
        stale = [
            f"{package}/{name}"
            for package in GENERATED
            for name in sorted(files_below(fresh / package) | files_below(ROOT / package))
            if not (
                (fresh / package / name).is_file()
                and (ROOT / package / name).is_file()
                and filecmp.cmp(fresh / package / name, ROOT / package / name, shallow=False)
            )
        ]
    for name in stale:
        print(f"{name} differs from what the contracts say: run `make proto`", file=sys.stderr)
    return 1 if stale else 0


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if anything would change")
    if parser.parse_args().check:
        return check()
    generate(ROOT)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
