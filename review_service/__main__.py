"""Run the review service: `python -m review_service [serve | work | seed | jobs]`.

serve   answers requests
work    delivers what follows from assignments and decisions, and assigns waiting reviews
        (both in one process, unless told otherwise)
seed    adds the agents that a new system begins with, and ends
jobs    lists jobs that wait or were parked, and replays them
"""

import argparse

from chassis import backlog, config, logs
from chassis.logs import LogSettings
from review_service import bootstrap
from review_service.bootstrap import ReviewSettings


def main() -> int:
    """Run from the command line; answer the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m review_service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part")
    parts.add_parser("serve", help="only answer requests")
    parts.add_parser("work", help="only work on jobs")
    parts.add_parser("seed", help="add the agents that a new system begins with")
    backlog.add_command(parts)
    arguments = parser.parse_args()
    settings = config.load(ReviewSettings)
    logs.configure("review", config.load(LogSettings))
    if arguments.part == "jobs":
        return backlog.run(bootstrap.operators_engine(settings), arguments)
    if arguments.part == "seed":
        bootstrap.seed(settings)
        return 0
    bootstrap.run(settings, serves=arguments.part != "work", works=arguments.part != "serve")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
