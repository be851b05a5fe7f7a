"""What a process writes to its log."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from chassis import logs

PROGRAM = """
import logging, sys, threading
from chassis import config, logs
from chassis.logs import LogSettings, bound, log
from chassis.personal import Name, Phone

logs.configure("kitchen", config.load(LogSettings))
log.debug("too quiet")
with bound(request_id="r-1"):
    log.info("cooked", dish="soup", portions=2, at=threading.Lock)
    thread = threading.Thread(target=log.info, args=("from a thread",))
    thread.start()
    thread.join()
log.info("unbound")
log.warning("two\\nlines", said="a\\nb")
logging.getLogger("oven").info("too quiet")
with bound(request_id="r-2"):
    logging.getLogger("oven").warning("hot: %d", 200)
try:
    {}["salt"]
except KeyError as error:
    log.error("failed", exc_info=error)
    logging.getLogger("oven").exception("failed as well")
ada, number = Name("Ada Lovelace"), Phone("+14155550123")
log.info("seated", name=ada, also=[ada, {"by": (ada,)}], calls=number, plainly="+14155550199 or ada@example.com")
log.info(f"bell of {ada}")
logging.getLogger("oven").warning("smoke over %s and %s", ada, "+14155550199")
try:
    {}[ada]
except KeyError as error:
    try:
        raise ValueError("nobody has +14155550199, nor ada@example.com") from error
    except ValueError as error:
        log.error("unseated", exc_info=error)
        logging.getLogger("oven").exception("unseated as well")
"""


def output(**environment: str) -> list[str]:
    """What the program writes to its log."""
    program = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert program.stdout == ""
    return program.stderr.splitlines()


@pytest.fixture(scope="module")
def lines() -> dict[str, dict[str, Any]]:
    """The log for machines, by event."""
    parsed = [json.loads(line) for line in output(LOG_FORMAT="json")]
    return {line["event"]: line for line in parsed}


def test_each_event_is_one_line_of_json_with_what_was_said(lines: dict[str, dict[str, Any]]) -> None:
    cooked = lines["cooked"]
    assert (cooked["dish"], cooked["portions"], cooked["level"]) == ("soup", 2, "info")
    assert lines["two\nlines"]["said"] == "a\nb"


def test_a_value_that_is_no_json_is_written_as_text(lines: dict[str, dict[str, Any]]) -> None:
    assert "lock" in lines["cooked"]["at"]


def test_every_line_names_the_service_on_whatever_thread_it_was_written(lines: dict[str, dict[str, Any]]) -> None:
    assert {line["service"] for line in lines.values()} == {"kitchen"}


def test_every_line_has_an_aware_timestamp(lines: dict[str, dict[str, Any]]) -> None:
    assert all(line["timestamp"].endswith("Z") for line in lines.values())


def test_a_bound_id_is_in_every_line_below_and_in_none_after(lines: dict[str, dict[str, Any]]) -> None:
    assert lines["cooked"]["request_id"] == "r-1"
    assert "request_id" not in lines["unbound"]


def test_the_standard_library_logs_the_same_way(lines: dict[str, dict[str, Any]]) -> None:
    hot = lines["hot: 200"]
    assert (hot["level"], hot["request_id"], hot["service"]) == ("warning", "r-2", "kitchen")


@pytest.mark.parametrize("event", ["failed", "failed as well"])
def test_an_error_carries_its_traceback(lines: dict[str, dict[str, Any]], event: str) -> None:
    (exception,) = lines[event]["exception"]
    assert (exception["exc_type"], exception["exc_value"]) == ("KeyError", "'salt'")


def test_what_is_below_the_level_is_left_out(lines: dict[str, dict[str, Any]]) -> None:
    assert "too quiet" not in lines


def test_the_level_can_be_chosen() -> None:
    assert [json.loads(line)["event"] for line in output(LOG_FORMAT="json", LOG_LEVEL="error")] == [
        "failed",
        "failed as well",
        "unseated",
        "unseated as well",
    ]
    assert "too quiet" in output(LOG_FORMAT="json", LOG_LEVEL="debug")[0]


def test_for_people_a_line_reads_as_a_sentence_with_its_values() -> None:
    (cooked,) = [line for line in output() if "cooked" in line]
    assert "info" in cooked
    assert "dish=soup" in cooked
    assert "request_id=r-1" in cooked


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_line_tells_who_somebody_is(form: str) -> None:
    said = output(LOG_FORMAT=form)
    assert [line for line in said if re.search("Ada|Lovelace|ada@|4155550", line)] == []
    (seated,) = [line for line in said if "seated" in line and "calls" in line]
    assert re.search(r"calls\W+\+1\*{6}0123", seated)
    assert re.search(r"plainly\W+\+1\*{6}0199 or a\*\*\*@\*\*\*", seated)
    assert [line for line in said if "bell of A***" in line]
    assert [line for line in said if "smoke over A*** and +1******0199" in line]
    assert len([line for line in said if "nobody has +1******0199, nor a***@***" in line]) >= 2


WORDS = st.text(st.sampled_from("ab=é '\"\n\t\\"), max_size=6)
VALUES = st.one_of(
    WORDS, st.integers(), st.floats(allow_nan=False), st.none(), st.booleans(), st.lists(WORDS, max_size=2)
)


@given(st.dictionaries(st.text("abcd_", min_size=1, max_size=4), VALUES, max_size=4), st.booleans())
def test_a_line_for_people_looks_the_same_without_a_terminal(said: dict[str, object], has_failed: bool) -> None:
    event: dict[str, object] = {"timestamp": "12:00:00.000001", "level": "info", "event": "cooked", **said}
    if has_failed:
        event["exception"] = "KeyError: 'salt'"
    expected = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)(None, "info", dict(event))
    assert logs.console(has_colours=False)(None, "info", event) == expected


def test_the_time_of_day_is_told_to_the_microsecond() -> None:
    times = [line.split(" ")[0] for line in output() if " [" in line]
    assert len(times) > 3
    assert all(re.fullmatch(r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}", each) for each in times)
    assert times == sorted(times) or times[0] > "23:59"  # midnight may have passed


def test_what_is_bound_within_goes_with_what_was_bound_without() -> None:
    with structlog.testing.capture_logs([logs.add_bound]) as lines:
        with logs.bound(request_id="r-1", job="j-1"):
            with logs.bound(job="j-2"):
                logs.log.info("within")
            logs.log.info("without")
            logs.log.info("said", job="j-3")
        logs.log.info("after")
    told = [(line.get("request_id"), line.get("job")) for line in lines]
    assert told == [("r-1", "j-2"), ("r-1", "j-1"), ("r-1", "j-3"), (None, None)]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        output(LOG_FORMAT="xml")
    assert failed.value.returncode == 2
    assert "LOG_FORMAT" in failed.value.stderr
