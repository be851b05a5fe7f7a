"""Where the members of a crew serve their metrics."""

import pytest

from chassis import crew


@pytest.mark.parametrize(
    ("listen", "number", "expected"),
    [
        ("127.0.0.1:9101", 1, "127.0.0.1:9101"),
        ("127.0.0.1:9101", 2, "127.0.0.1:9201"),
        ("[::1]:9101", 4, "[::1]:9401"),
        ("0.0.0.0:0", 2, "0.0.0.0:0"),
        ("", 2, ""),
    ],
)
def test_each_member_after_the_first_serves_its_metrics_a_hundred_ports_higher(
    listen: str, number: int, expected: str
) -> None:
    assert crew.metrics_listen(listen, number) == expected
