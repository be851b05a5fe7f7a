"""Run the loan service: `python -m loan_service [serve | work | jobs | verify]`.

serve   answers requests
work    decides loans and delivers what follows
        (both in one process, unless told otherwise)
jobs    lists jobs that wait or were parked, and replays them
verify  looks for histories that were tampered with
"""

import argparse

from chassis import backlog, config, logs
from chassis.logs import LogSettings
from loan_service import audit, bootstrap
from loan_service.bootstrap import LoanSettings


def main() -> int:
    """Run from the command line; answer the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loan_service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part")
    parts.add_parser("serve", help="only answer requests")
    parts.add_parser("work", help="only work on jobs")
    backlog.add_command(parts)
    audit.add_command(parts)
    arguments = parser.parse_args()
    settings = config.load(LoanSettings)
    logs.configure(bootstrap.NAME, config.load(LogSettings))
    if arguments.part == "jobs":
        return backlog.run(bootstrap.operators_engine(settings), arguments)
    if arguments.part == "verify":
        return audit.run(bootstrap.operators_engine(settings), arguments)
    return bootstrap.run(settings, serves=arguments.part != "work", works=arguments.part != "serve")


if __name__ == "__main__":
    raise SystemExit(main())
