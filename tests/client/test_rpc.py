"""The operator's connection: hello first, one answer a call, and every way of not getting one has its name."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlroom.client.rpc import LINE_LIMIT, Hung, NoDaemon, Operator, Refused, VersionMismatch
from controlroom.client.where import Where
from tests.support.home import Home
from tests.support.operator import Answers, Error, FakeOperator, Silent


def refuse(params: dict[str, Any]) -> object:
    raise Error("changed", "it is not what was shown")


def say_nothing(params: dict[str, Any]) -> object:
    raise Silent


@pytest.fixture
def places(home: Home) -> Where:
    (home.path / "run").mkdir()
    return Where(str(home.path / "state"), str(home.path / "run"))


@pytest.fixture
def daemon(places: Where) -> Iterator[FakeOperator]:
    answers: Answers = {"agents": lambda _: [{"id": "1"}], "allow": refuse, "status": say_nothing}
    noise = b'{"event":"changed","seq":1}\n{"id":99,"result":"of another call"}\n'
    fake = FakeOperator(Path(places.runtime), answers, noise=noise)
    yield fake
    fake.close()


def test_hello_comes_first_with_the_version(places: Where, daemon: FakeOperator) -> None:
    with Operator(places) as operator:
        assert operator.pid == os.getpid()
    assert daemon.calls == [("hello", {"version": 1})]


def test_a_call_gets_its_own_answer_among_lines_nobody_asked_for(places: Where, daemon: FakeOperator) -> None:
    with Operator(places) as operator:
        assert operator.call("agents") == [{"id": "1"}]
        assert operator.call("agents") == [{"id": "1"}]


def test_a_refusal_carries_its_code(places: Where, daemon: FakeOperator) -> None:
    with Operator(places) as operator, pytest.raises(Refused, match="not what was shown") as refused:
        operator.call("allow", id="1", digest="d")
    assert refused.value.code == "changed"
    assert daemon.calls[-1] == ("allow", {"id": "1", "digest": "d"})


def test_nothing_at_the_socket_is_no_daemon(places: Where) -> None:
    with pytest.raises(NoDaemon, match="no daemon answers"):
        Operator(places)


def test_a_socket_that_nobody_serves_any_more_is_no_daemon(places: Where) -> None:
    Path(places.operator_sock).touch()
    with pytest.raises(NoDaemon, match="no daemon answers"):
        Operator(places)


def test_a_daemon_that_does_not_answer_in_time_is_hung_and_named(places: Where, daemon: FakeOperator) -> None:
    with Operator(places, seconds=0.1) as operator, pytest.raises(Hung, match=r"status within 0\.1 s") as hung:
        operator.call("status")
    assert hung.value.pid == os.getpid()


def test_a_daemon_that_does_not_even_say_hello_is_hung(places: Where) -> None:
    fake = FakeOperator(Path(places.runtime), {"hello": say_nothing})
    with pytest.raises(Hung):
        Operator(places, connect=0.1)
    fake.close()


def test_another_version_is_not_talked_to(places: Where) -> None:
    fake = FakeOperator(Path(places.runtime), version=2)
    with pytest.raises(VersionMismatch):
        Operator(places)
    fake.close()


def test_a_daemon_that_refuses_the_version_is_a_mismatch(places: Where) -> None:
    def hello(params: dict[str, Any]) -> object:
        raise Error("version", "this daemon speaks 9")

    fake = FakeOperator(Path(places.runtime), {"hello": hello})
    with pytest.raises(VersionMismatch, match="speaks 9"):
        Operator(places)
    fake.close()


def test_a_daemon_that_goes_away_in_a_call_is_no_daemon(places: Where) -> None:
    def go(params: dict[str, Any]) -> object:
        fake.hang_up()
        raise Silent

    fake = FakeOperator(Path(places.runtime), {"status": go})
    with Operator(places) as operator, pytest.raises(NoDaemon):
        operator.call("status")
    fake.close()


@pytest.mark.row("S04")
def test_a_daemon_that_hangs_up_before_hello_takes_no_operator_from_here(places: Where) -> None:
    def go(params: dict[str, Any]) -> object:
        fake.hang_up()
        raise Silent

    fake = FakeOperator(Path(places.runtime), {"hello": go})
    with pytest.raises(Refused, match="supervised session"):
        Operator(places)
    fake.close()


def test_a_line_over_the_limit_is_not_sent(places: Where, daemon: FakeOperator) -> None:
    with Operator(places) as operator, pytest.raises(Refused, match="limit of a line"):
        operator.call("deny", reason="x" * LINE_LIMIT)
    assert daemon.calls == [("hello", {"version": 1})]


def test_what_is_no_utf8_text_is_not_sent(places: Where, daemon: FakeOperator) -> None:
    with Operator(places) as operator, pytest.raises(Refused, match=r"'\\udcff' is not UTF-8 text") as refused:
        operator.call("deny", id=os.fsdecode(b"id\xff"))
    assert refused.value.code == "usage"
    assert daemon.calls == [("hello", {"version": 1})]


def test_a_line_that_the_daemon_could_not_read_is_refused_at_once(places: Where, daemon: FakeOperator) -> None:
    with Operator(places) as operator:
        daemon.noise = b'{"id":0,"error":{"code":"usage","message":"not a call"}}\n'
        with pytest.raises(Refused, match="not a call"):
            operator.call("agents")
