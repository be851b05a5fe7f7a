"""Run the notification service: `python -m notification_service [serve | work]`.

serve   answers requests
work    delivers messages
        (both in one process, unless told otherwise)
"""

import argparse

from chassis import config, logs
from chassis.logs import LogSettings
from notification_service import bootstrap
from notification_service.bootstrap import NotificationSettings


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m notification_service", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["serve", "work"], nargs="?", help="only this part")
    part = parser.parse_args().part
    settings = config.load(NotificationSettings)
    logs.configure("notification", config.load(LogSettings))
    bootstrap.run(settings, serves=part != "work", works=part != "serve")


if __name__ == "__main__":
    main()
