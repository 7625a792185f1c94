"""The room's snapshot, from a running daemon."""

import msgspec

from controlroom.model.tier import Tier
from controlroom.model.view import LayerView, Pulse, RoomView, after
from tests.support.daemon import Daemon


def _view(daemon: Daemon) -> RoomView:
    return msgspec.convert(daemon.call("view"), RoomView)


def test_a_held_request_is_shown_as_it_is_to_be_judged(daemon: Daemon) -> None:
    (daemon.workspace / "build").mkdir()
    daemon.bash("rm -rf build", says="harmless cleanup")
    (row,) = daemon.pending()
    view = _view(daemon)
    (request,) = view.pending
    assert (request.id, request.digest, request.argv) == (row["id"], row["digest"], (("rm", "-rf", "build"),))
    assert request.tier >= Tier.T2
    assert request.says == "harmless cleanup"
    (agent,) = view.agents
    assert (agent.pending, agent.tool) == (1, "Bash: rm -rf build")
    assert request.deadline.boot > view.now.boot


def test_the_stream_tells_intent_decision_and_stop_in_order(daemon: Daemon) -> None:
    daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    daemon.call("deny", id=row["id"], reason="no")
    daemon.call("estop")
    view = _view(daemon)
    told = [line.text for line in view.log]
    intent = next(n for n, text in enumerate(told) if "rm -rf build" in text)
    assert any(text.startswith("deny by operator") for text in told[intent:])
    assert view.status.stop_id
    assert view.status.stop_by.startswith("operator:")


def test_a_snapshot_fits_the_wire_however_much_there_is(daemon: Daemon) -> None:
    for n in range(250):
        assert daemon.bash(f"echo {n} " + "x" * 6000, f"call_{n}").answer()[0] == "allow"
    assert _view(daemon).status.pid == daemon.process.pid


def test_layers_name_files_that_do_not_exist_yet(daemon: Daemon) -> None:
    daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    layers = msgspec.convert(daemon.call("layers", session=row["session"]), list[LayerView])
    assert any(layer.path.endswith(".claude/settings.json") and not layer.exists for layer in layers)
    assert daemon.call("processes", session=row["session"]) == {"total": 0, "rows": []}


def test_a_pulse_tells_what_moved_until_something_happens(daemon: Daemon) -> None:
    daemon.bash("rm -rf build")
    daemon.pending()
    view = _view(daemon)
    pulse = msgspec.convert(daemon.call("pulse", seq=view.seq), Pulse)
    later = after(view, pulse)
    assert later.now > view.now
    assert (later.pending, later.log, later.receipts) == (view.pending, view.log, view.receipts)
    daemon.call("estop")
    assert daemon.call("pulse", seq=view.seq) is None
