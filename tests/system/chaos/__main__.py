"""Break the system for some minutes: `python -m tests.system.chaos --seed 1 --minutes 2`.

Prints the seed, every fault as it happens, and a table at the end; exits with 1 if a promise was broken.
"""

import argparse
import secrets
import sys

from tests.system.chaos import drill


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="a random one unless given")
    parser.add_argument("--minutes", type=float, default=2, help="how long faults happen")
    parser.add_argument("--keep-logs", action="store_true", help="keep the logs although nothing is wrong")
    given = parser.parse_args()
    report = drill.run(given.seed, given.minutes * 60, _say, keeps_logs=given.keep_logs)
    _say(f"\n{report.table()}")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
