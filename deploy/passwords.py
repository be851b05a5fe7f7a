"""Make the passwords that containers read below /run/secrets: `python -m deploy.passwords`, which is `make secrets`.

Needs nothing but Python. What is there stays as it is: a database keeps the password that it was created with.
"""

import os
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "secrets"
NAMES = (
    "postgres_password",
    "migrate_database_password",
    "loan_database_password",
    "review_database_password",
    "notification_database_password",
)


def make(folder: Path) -> list[str]:
    """Make the passwords that are missing; answer their names.

    The folder is for its owner alone. The files in it are for everybody who gets that far: a container sees the file
    and not the folder, and reads it as a user that this machine does not know.

    Args:
        folder: Where they are kept; made if it is not there.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    missing = [name for name in NAMES if not (folder / name).exists()]
    for name in missing:
        unfinished = folder / f"{name}.unfinished"
        unfinished.write_text(secrets.token_urlsafe(24))
        unfinished.chmod(0o444)
        os.replace(unfinished, folder / name)
    return missing


def main() -> int:
    """Run from the command line."""
    made = make(FOLDER)
    print(f"made in {FOLDER}: {', '.join(made)}" if made else f"all passwords are in {FOLDER}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
