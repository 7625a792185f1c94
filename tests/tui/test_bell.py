"""The bell is for what is new, and no noise in a flood."""

from controlroom.tui.bell import QUIET, Bell


def test_it_rings_for_what_waits_at_first_and_for_what_is_new() -> None:
    bell = Bell()
    assert not bell.wanted((), 0.0)
    assert bell.wanted(("a",), 1.0)
    assert not bell.wanted(("a",), 1.0 + QUIET)
    assert bell.wanted(("a", "b"), 2.0 + QUIET)


def test_in_a_flood_it_rings_once_in_a_while() -> None:
    bell = Bell()
    rung = sum(bell.wanted((str(number),), number / 100) for number in range(3000))
    assert rung == 30 / QUIET


def test_what_goes_away_or_comes_back_as_it_was_does_not_ring_twice_in_a_while() -> None:
    bell = Bell()
    assert bell.wanted(("a",), 0.0)
    assert not bell.wanted((), 1.0)
    assert not bell.wanted(("a",), 2.0)
