"""Run the loan service: `python -m loan_service [serve | work]`.

serve   answers requests
work    decides loans and delivers what follows
        (both in one process, unless told otherwise)
"""

import argparse

from chassis import config, logs
from chassis.logs import LogSettings
from loan_service import bootstrap
from loan_service.bootstrap import LoanSettings


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m loan_service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["serve", "work"], nargs="?", help="only this part")
    part = parser.parse_args().part
    settings = config.load(LoanSettings)
    logs.configure("loan", config.load(LogSettings))
    bootstrap.run(settings, serves=part != "work", works=part != "serve")


if __name__ == "__main__":
    main()
