"""What others write into the folder of claims is on record as a claim, never as what we know (R07, S20)."""

import json
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.waiting import eventually


def claims(daemon: Daemon) -> list[dict[str, Any]]:
    return [record["body"] for record in daemon.records() if record["kind"] == "claimed"]


@pytest.mark.row("R07")
def test_a_forged_receipt_is_a_claim_and_makes_no_receipt(daemon: Daemon) -> None:
    forged = json.dumps({"kind": "decision", "verdict": "allow", "by": "operator:root", "token": "ghp_" + "a" * 36})
    file = daemon.places.state / "claims" / "cron.jsonl"
    file.write_text(forged + "\n\x1b[31mplain text\nno end yet")
    eventually(lambda: len(claims(daemon)) == 2, 20, "two claims")
    first, second = claims(daemon)
    assert first["file"] == "cron.jsonl"
    assert json.loads(first["unverified"])["by"] == "operator:root"
    assert "ghp_" not in first["unverified"]
    assert second["unverified"] == "\x1b[31mplain text"
    assert daemon.call("receipts") == []
    assert daemon.call("pending") == []
    with file.open("a") as more:
        more.write(" but now\n")
    eventually(lambda: claims(daemon)[-1]["unverified"] == "no end yet but now", 20, "the third claim")


def test_a_link_in_the_folder_is_not_followed(daemon: Daemon) -> None:
    secret = daemon.home.user / "secret"
    secret.write_text("mine\n")
    (daemon.places.state / "claims" / "x.jsonl").symlink_to(secret)
    eventually(lambda: len(claims(daemon)) >= 1, 20, "a word about it")
    assert "gap" in claims(daemon)[0]
    assert all("mine" not in json.dumps(one) for one in claims(daemon))
