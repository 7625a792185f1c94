"""The room's line to the daemon, where no daemon is."""

from pathlib import Path

from controlroom.storage.paths import Places
from controlroom.tui.link import CannotStart, Contact, Link
from tests.support.waiting import eventually


def _places(top: Path) -> Places:
    return Places(top / "config", top / "state", top / "run")


def test_a_daemon_is_started_once_and_why_it_could_not_be_stays_on_screen(tmp_path: Path) -> None:
    starts: list[str] = []
    told: list[Contact] = []

    def start() -> None:
        starts.append("start")
        raise CannotStart("the state folder is open to others")

    link = Link(_places(tmp_path), start)
    link.open(lambda: told.append(link.contact))
    eventually(lambda: len(told) >= 4)  # it tried again, and again
    link.close()
    assert [contact.state for contact in told[:4]] == ["starting", "lost", "lost", "lost"]
    assert {contact.why for contact in told[1:4]} == {"the state folder is open to others"}
    assert starts == ["start"]


def test_a_line_that_connects_early_tells_who_opens_it_late_where_things_stand(tmp_path: Path) -> None:
    def start() -> None:
        raise CannotStart("no")

    link = Link(_places(tmp_path), start)
    link.connect()
    eventually(lambda: link.contact.state == "lost")
    told: list[Contact] = []
    link.open(lambda: told.append(link.contact))
    eventually(lambda: bool(told))
    link.close()
    assert told[0].why == "no"
