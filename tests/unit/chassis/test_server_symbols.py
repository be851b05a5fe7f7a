"""Which names reflection finds."""

import pytest

from chassis.server.symbols import Symbols
from los.loan.v1 import loan_pb2

SERVICE = "los.loan.v1.LoanService"
FILE = loan_pb2.DESCRIPTOR.name


@pytest.mark.parametrize(
    "symbol",
    [SERVICE, f"{SERVICE}.SubmitLoan", "los.loan.v1.Loan", "los.loan.v1.Loan.Status", "los.loan.v1.Loan.loan_id"],
)
def test_the_file_of_every_symbol_is_found(symbol: str) -> None:
    assert Symbols().FindFileContainingSymbol(symbol).name == FILE


@pytest.mark.parametrize(
    "symbol",
    [
        f"{SERVICE}.Nothing",
        "los.loan.v1.Loan.nothing",
        "los.loan.v1.Loan.Status.Nothing",
        "los.loan.v1.Nothing",
        "",
        "x",
    ],
)
def test_what_does_not_exist_is_not_found(symbol: str) -> None:
    with pytest.raises(KeyError):
        Symbols().FindFileContainingSymbol(symbol)


def test_everything_else_is_asked_of_the_pool() -> None:
    assert Symbols().FindMessageTypeByName("los.loan.v1.Loan") is loan_pb2.Loan.DESCRIPTOR
