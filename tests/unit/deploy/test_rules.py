"""The rules that no linter knows."""

import pytest

from deploy import rules


def broken(source: str, path: str = "chassis/jobs.py") -> list[str]:
    return list(rules.broken_rules(path, source))


def test_a_file_of_400_lines_is_fine_and_one_of_401_is_not() -> None:
    assert broken("x = 1\n" * 400) == []
    assert broken("x = 1\n" * 401) == ["chassis/jobs.py: 401 lines, at most 400: make it a package of the same name"]


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_a_function_of_60_lines_is_fine_and_one_of_61_is_not(keyword: str) -> None:
    assert broken(f"{keyword} work():\n" + "    1\n" * 59) == []
    assert broken(f"{keyword} work():\n" + "    1\n" * 60) == ["chassis/jobs.py:1: work has 61 lines, at most 60"]


def test_a_migration_may_list_as_many_statements_as_it_needs() -> None:
    source = "def upgrade():\n" + "    1\n" * 60
    assert broken(source, "loan_service/migrations/versions/0001_first_tables.py") == []


@pytest.mark.parametrize(
    "source",
    [
        "user_data = 1",
        "def parse_info(): ...",
        "def parse(data): ...",
        "class BaseStore: ...",
        "class StringUtils: ...",
        "for misc in (): ...",
    ],
)
def test_a_name_that_says_nothing_is_found(source: str) -> None:
    (found,) = broken(source)
    assert found.startswith("chassis/jobs.py:1: ")
    assert found.endswith("which says nothing")


@pytest.mark.parametrize(
    "source",
    [
        "database = 1",
        "metadata = 1",
        "x.data = 1",
        "print(data)",
        "def test_data_survive(): ...",
        "def data_received(): ...  # named by asyncio",
    ],
)
def test_a_name_that_says_something_or_is_not_ours_is_fine(source: str) -> None:
    assert broken(source) == []


def test_a_file_whose_name_says_nothing_is_found() -> None:
    assert broken("", "gateway/http_utils.py") == ["gateway/http_utils.py: its name says nothing"]


def test_a_file_that_shadows_the_standard_library_is_found() -> None:
    assert broken("", "gateway/logging.py") == ["gateway/logging.py: shadows the standard library's logging"]


def test_everything_wrong_is_reported_at_once() -> None:
    assert len(broken("data = 1\ninfo = 2\n")) == 2
