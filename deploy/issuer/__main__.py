"""The local issuer's command line, which `make token` calls.

    python -m deploy.issuer token --role agent --agent 3            print a token, and nothing else
    python -m deploy.issuer token --role customer --phone +14155550123
    python -m deploy.issuer rotate                                  sign with a new key from now on; print its id

The keys are in the folder of the local run, and are made when there are none. Exits with 2 if there can be no such
token.
"""

import argparse
import sys

from chassis import config
from deploy import issuer
from deploy.issuer import CannotIssue, Issuer
from deploy.local import LocalSettings


def main() -> int:
    """Run from the command line."""
    arguments = _parser().parse_args()
    try:
        print(_answer(issuer.ensure(config.load(LocalSettings).folder / "issuer"), arguments))
    except (CannotIssue, OSError) as refusal:
        print(f"{arguments.part}: {refusal}", file=sys.stderr)
        return 2
    return 0


def _answer(local: Issuer, arguments: argparse.Namespace) -> str:
    if arguments.part == "rotate":
        return local.rotate()
    return local.token(
        *arguments.role,
        agent_id=arguments.agent,
        phone=arguments.phone,
        subject=arguments.subject,
        lifetime_s=arguments.lifetime_s,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.issuer", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part", required=True)
    token = parts.add_parser("token", help="print a token")
    token.add_argument("--role", action="append", default=[], help=f"{', '.join(issuer.ROLES)}; may be repeated")
    token.add_argument("--agent", type=int, metavar="ID", help="which agent or manager it is for")
    token.add_argument("--phone", help="which customer, for example +14155550123")
    token.add_argument("--subject", help="how the history calls who uses it")
    token.add_argument("--lifetime-s", type=int, default=3_600, metavar="SECONDS", help="default: 3600")
    parts.add_parser("rotate", help="sign with a new key from now on; tokens of the earlier ones stay valid")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
