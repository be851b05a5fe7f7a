"""Run the review service: `python -m review_service [serve | work | seed]`.

serve   answers requests
work    delivers what follows from assignments and decisions, and assigns waiting reviews
        (both in one process, unless told otherwise)
seed    adds the agents that a new system begins with, and ends
"""

import argparse

from chassis import config, logs
from chassis.logs import LogSettings
from review_service import bootstrap
from review_service.bootstrap import ReviewSettings


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m review_service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["serve", "work", "seed"], nargs="?", help="only this part")
    part = parser.parse_args().part
    settings = config.load(ReviewSettings)
    logs.configure("review", config.load(LogSettings))
    if part == "seed":
        bootstrap.seed(settings)
    else:
        bootstrap.run(settings, serves=part != "work", works=part != "serve")


if __name__ == "__main__":
    main()
