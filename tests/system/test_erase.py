"""Erasing a customer from the running system: nothing of them is left, and everything else is."""

import subprocess
import sys

from deploy.processes import wait_until
from tests.system.client import Client, new_phone
from tests.system.conftest import RunningSystem

NAME, COMMENT = "Erna Vergissmeinnicht", "knows Erna from school"

TEXT_COLUMNS = """
SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE table_schema IN ('loan', 'review', 'notification')
  AND data_type IN ('text', 'json', 'jsonb', 'character varying', 'ARRAY')
"""


def run(system: RunningSystem, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the loan service's command line beside the system."""
    command = [sys.executable, "-m", "loan_service", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=system.environment)


def places_of(system: RunningSystem, words: str) -> list[str]:
    """Every column of the three schemas in which some words stand."""
    columns = system.rows(TEXT_COLUMNS)
    assert len(columns) > 40
    return [
        f"{schema}.{table}.{column}"
        for schema, table, column in columns
        if system.rows(f"SELECT 1 FROM {schema}.{table} WHERE position('{words}' IN {column}::text) > 0 LIMIT 1")
    ]


def test_nothing_of_an_erased_customer_is_left_and_what_was_decided_is(running_system: RunningSystem) -> None:
    phone = new_phone()
    with Client(running_system.gateway_url) as client:
        approved = client.submit("5000.50", customer_name=NAME, customer_phone=phone)["loan_id"]
        reviewed = client.submit("20000", customer_name=NAME, customer_phone=phone)["loan_id"]
        client.wait_for_status(approved, "APPROVED_BY_SYSTEM")
        agent_id = client.wait_for_assignment(reviewed)

        too_early = run(running_system, "erase", "--phone", phone)
        assert (too_early.returncode, "no final state" in too_early.stderr + too_early.stdout) == (1, True)
        assert client.loan(approved)["customer_phone"] == phone

        client.decide(agent_id, reviewed, "REJECT", reason_codes=["INCOME_INSUFFICIENT"], comment=COMMENT)
        client.wait_for_status(reviewed, "REJECTED_BY_AGENT")
        wait_until(
            lambda: run(running_system, "erase", "--phone", phone).returncode == 0, "the customer to be erased", 60
        )
        wait_until(lambda: not places_of(running_system, phone), "their number to be gone", 60)

        assert [places_of(running_system, words) for words in (NAME, COMMENT, phone)] == [[], [], []]
        loans = [client.loan(loan_id) for loan_id in (approved, reviewed)]
        assert len({loan["customer_phone"] for loan in loans}) == 1  # still one customer, whoever it was
        assert [loan["loan_amount"] for loan in loans] == ["5000.50", "20000.00"]
        assert client.kinds(reviewed)[-2:] == ["DECIDED", "ERASED"]

    verified = run(running_system, "verify", "--loan", reviewed)
    assert verified.returncode == 0, verified.stderr + verified.stdout
    again = run(running_system, "erase", "--phone", phone)
    assert again.returncode == 1
    assert phone not in again.stdout + again.stderr
