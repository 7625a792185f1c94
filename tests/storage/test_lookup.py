"""What the daemon no longer has in memory is found in the journal."""

from pathlib import Path

import msgspec
import pytest

from controlroom.model.action import Action
from controlroom.model.effect import Assessment
from controlroom.model.record import Intent, Kind, Record, Stage
from controlroom.model.snapshot import Checkpoint, Saved
from controlroom.model.tier import Tier
from controlroom.storage import lineup
from controlroom.storage.chain import Damaged
from controlroom.storage.lookup import find_checkpoint, find_receipt
from tests.storage.support import AT, opened, record, segments


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three receipts and two checkpoints in the first of several segments."""
    monkeypatch.setattr(lineup, "MOST", 3000)
    tmp_path.chmod(0o700)
    made = opened(tmp_path / "journal")
    for name in ("r1", "r2", "r11"):
        intent = Intent("d", Action("Bash", name, "/"), Assessment(Tier.T2, ()), "a")
        made.append(Record(Kind.INTENT, AT, "s", name, msgspec.Raw(msgspec.json.encode(intent))))
        made.append(Record(Kind.STARTED, AT, "s", name))
    for name in ("checkpoint.s.1", "checkpoint.s.11"):
        body = msgspec.json.encode(Checkpoint(name, f"at act {name}", Saved(f"seal of {name}")))
        made.append(Record(Kind.CHECKPOINT, AT, "s", "r1", msgspec.Raw(body)))
    for number in range(60):
        made.append(record(number))
        made.sync()
    made.close()
    assert len(segments(tmp_path / "journal")) > 3
    return tmp_path / "journal"


def test_a_receipt_is_folded_from_its_own_records_alone(journal: Path) -> None:
    found = find_receipt(journal, "r1")
    assert found is not None
    assert (found.id, found.stage, found.intent.action.input) == ("r1", Stage.STARTED, "r1")
    assert find_receipt(journal, "r") is None


def test_a_checkpoint_is_found_by_its_whole_name(journal: Path) -> None:
    found = find_checkpoint(journal, "checkpoint.s.1")
    assert found is not None
    assert (found[0].saved.seal, found[1]) == ("seal of checkpoint.s.1", AT.wall)
    assert find_checkpoint(journal, "checkpoint.s.2") is None
    assert find_checkpoint(journal.parent / "none", "checkpoint.s.1") is None


def test_a_line_that_is_being_written_ends_the_search_and_a_changed_one_refuses_it(journal: Path) -> None:
    newest = segments(journal)[-1]
    whole = newest.read_bytes()
    newest.write_bytes(whole + b'{"sum":"')
    assert find_receipt(journal, "r1") is not None
    newest.write_bytes(whole.replace(b'"n":', b'"m":'))
    with pytest.raises(Damaged):
        find_receipt(journal, "r1")
