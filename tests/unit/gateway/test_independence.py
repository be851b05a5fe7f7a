"""The gateway stands alone: it could serve any other system."""

import re
from pathlib import Path

import pytest

import gateway

FOLDER = Path(str(gateway.__file__)).parent
LENDING = re.compile("loan|customer|agent|review|notification|credit|borrow|lend", re.IGNORECASE)
SERVICES = re.compile(
    r"^\s*(?:from|import)\s+(?:loan_service|review_service|notification_service|los\.(?!gateway|access))", re.MULTILINE
)

FILES = sorted(FOLDER.rglob("*.py"))


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 30


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_no_word_of_lending_is_in_the_gateway(file: Path) -> None:
    text = file.read_text().replace("user-agent", "")
    assert [line for line in text.splitlines() if LENDING.search(line)] == []
    assert not SERVICES.search(text)
