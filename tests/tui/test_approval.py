"""Which key presses decide, and which do not (S12; rows U01 to U09, U12; arming: `test_approval_arming.py`)."""

from typing import get_args

import pytest

from controlroom.model.tier import Tier, Verdict
from controlroom.tui import approval_events as ev
from controlroom.tui.approval import due, inbox, unready
from controlroom.tui.approval_events import Decision, OpenDialog, Refusal, Settling, Source
from tests.tui.hand import ALLOWED, DENIED, ONE, Hand, waiting

TWO = waiting("two", asked=2)
GRAVE = waiting("grave", Tier.T3)


def test_a_key_allows_what_was_focused_wholly_shown_and_armed() -> None:
    hand = Hand(ONE).paint().wait(0.5)
    assert unready(hand.state, hand.now) == ""
    assert hand.press("a") == ALLOWED


def test_the_digest_that_goes_out_is_the_one_that_was_on_screen() -> None:
    assert Hand(waiting("one", digest="what I saw")).armed().press("a")[0].digest == "what I saw"


# U02, U03, U05: one press, one request, the one under the finger


@pytest.mark.row("U02")
def test_an_arrival_never_moves_the_focus_and_never_disarms() -> None:
    hand = Hand(TWO).armed().view(TWO, GRAVE, ONE)
    assert hand.state.focus == "two"
    assert [d.request for d in hand.press("a")] == ["two"]


@pytest.mark.row("U02")
def test_what_changed_under_the_same_id_must_be_shown_again() -> None:
    hand = Hand(ONE).armed().view(waiting("one", digest="other"))
    assert hand.press("a") == []
    hand.feed(ev.Shown(hand.now, "one", "digest-one", Tier.T2, True))
    assert hand.wait(2).press("a") == [], "a frame of what it was before"
    assert [d.digest for d in hand.armed().press("a")] == ["other"]


@pytest.mark.row("U02")
def test_when_the_focused_one_goes_by_itself_the_next_key_meets_nothing() -> None:
    hand = Hand(ONE, TWO).armed().view(TWO)
    assert hand.state.focus == ""
    assert hand.press("a") == []
    assert hand.press("d") == []
    assert hand.wait(0.5).state.focus == "two"


@pytest.mark.row("U05")
def test_a_decision_leaves_nothing_focused_for_a_while_then_the_highest_tier_then_the_oldest() -> None:
    hand = Hand(ONE, TWO).armed().view(TWO, GRAVE, ONE)
    hand.press("a")
    assert hand.state.focus == ""
    assert hand.wait(0.4).state.focus == ""
    assert hand.wait(0.1).state.focus == "grave"
    hand.armed().press("A")
    assert hand.wait(0.5).state.focus == "two"


@pytest.mark.row("U03")
def test_nothing_takes_the_focus_and_no_key_answers_while_a_text_field_has_the_keyboard() -> None:
    hand = Hand()
    hand.feed(ev.Away(hand.now, "a text field has the keyboard"))
    hand.view(ONE).wait(5)
    assert hand.state.focus == ""
    assert hand.press("a") + hand.press("d") == []
    hand.feed(ev.Away(hand.now, ""))
    assert hand.state.focus == "one"
    assert hand.press("a") == []


@pytest.mark.row("U03")
def test_a_focused_request_is_not_answered_while_a_text_field_has_the_keyboard() -> None:
    hand = Hand(ONE).armed()
    hand.feed(ev.Away(hand.now, "a text field has the keyboard"))
    for key in "adg":
        assert hand.press(key) == []
        assert hand.why == "a text field has the keyboard"
    assert hand.feed(ev.Moved(hand.now, 1)) == (Refusal("a text field has the keyboard"),)


@pytest.mark.row("U05")
@pytest.mark.parametrize("gap", [0.001, 0.03, 0.079])
def test_a_key_held_down_decides_one_request_at_most(gap: float) -> None:
    hand = Hand(ONE, TWO).armed()
    for _ in range(round(6 / gap)):
        hand.now += gap
        hand.key("a")
        if hand.state.focus:
            hand.paint()
    assert len(hand.decisions) <= 1


@pytest.mark.row("U05")
def test_a_held_deny_denies_one_request() -> None:
    hand = Hand(ONE, TWO).armed()
    for _ in range(100):
        hand.now += 0.04
        hand.key("d")
    assert hand.decisions == DENIED
    assert "let go" in hand.why


@pytest.mark.row("U05")
def test_what_the_terminal_calls_a_repeat_never_allows() -> None:
    assert Hand(ONE).armed().press("a", "repeat") == []


# U06: paste


@pytest.mark.row("U06")
@pytest.mark.parametrize("text", ["a\n", "apt install", "make a", "aaaa", "ga5", "Ad"])
def test_pasted_text_without_a_bracket_never_allows(text: str) -> None:
    hand = Hand(GRAVE if "A" in text else ONE).armed()
    for char in text:
        hand.key(char)
        hand.now += 0.004
    hand.wait(1)
    assert [d for d in hand.decisions if d.verdict is Verdict.ALLOW] == []


@pytest.mark.row("U06")
def test_an_allow_waits_to_see_that_no_paste_follows_it() -> None:
    hand = Hand(ONE).armed()
    assert hand.key("a") == (Settling(hand.now + 0.02),)
    assert due(hand.state, hand.now) == hand.now + 0.02
    hand.now += 0.01
    hand.key("p")
    assert "faster than a person" in hand.why
    assert hand.wait(1).decisions == []


@pytest.mark.row("U06")
def test_a_key_right_behind_another_never_allows() -> None:
    hand = Hand(ONE).armed()
    hand.key("j")
    hand.now += 0.01
    assert hand.press("a") == []
    assert "faster than a person" in hand.why
    assert hand.wait(0.1).press("a") == ALLOWED


@pytest.mark.row("U06")
def test_a_bracketed_paste_answers_nothing_at_all() -> None:
    hand = Hand(ONE).armed()
    assert hand.press("a", "paste") + hand.press("d", "paste") == []
    assert hand.why == "pasted text answers nothing"


@pytest.mark.row("U07")
@pytest.mark.parametrize("source", sorted(set(get_args(Source)) - {"plain"}))
def test_only_a_key_pressed_in_the_room_allows(source: Source) -> None:
    hand = Hand(ONE).armed()
    assert hand.press("a", source) == []
    assert hand.why


def test_what_changes_while_an_allow_settles_takes_it_back() -> None:
    for event in (ev.Relaid(101.1), ev.Changed(101.1, (ONE,), "stop-1"), ev.Offline(101.1), ev.Moved(101.1, 1)):
        hand = Hand(ONE, TWO).armed()
        hand.key("a")
        hand.feed(event)
        assert hand.wait(1).decisions == []
        assert "the screen changed" in hand.why


# U09, tiers


@pytest.mark.row("U09")
@pytest.mark.parametrize("key", ["enter", "space", "y", "Y", "escape", "tab", "v", "n", "o", "1", "5", "s", "u"])
def test_the_keys_of_habit_decide_nothing(key: str) -> None:
    assert Hand(ONE).armed().press(key) == []
    assert Hand(GRAVE).armed().press(key) == []


@pytest.mark.parametrize(
    ("tier", "key", "why"),
    [
        (Tier.T2, "A", "a allows it"),
        (Tier.T3, "a", "A allows it"),
        (Tier.TX, "a", "never-touch"),
        (Tier.TX, "A", "never-touch"),
        (Tier.TX, "g", "never-touch"),
        (Tier.T1, "a", "not asked"),
    ],
)
def test_each_tier_has_its_own_key_and_never_touch_has_none(tier: Tier, key: str, why: str) -> None:
    hand = Hand(waiting("one", tier)).armed()
    assert hand.press(key) == []
    assert why in hand.why


# Deny is never delayed


@pytest.mark.row("U04")
@pytest.mark.parametrize("tier", list(Tier))
def test_a_denial_needs_no_paint_no_arming_and_no_settling(tier: Tier) -> None:
    hand = Hand(waiting("one", tier))
    assert hand.key("d", epoch=-1) == (Decision("one", "digest-one", Verdict.DENY),)


def test_a_denial_overtakes_an_allow_that_settles() -> None:
    hand = Hand(ONE).armed()
    hand.key("a")
    hand.now += 0.01
    hand.key("d")
    assert hand.wait(1).decisions == DENIED


def test_a_denial_with_a_reason_is_for_the_request_it_was_begun_for() -> None:
    hand = Hand(ONE, TWO)
    assert hand.key("D") == (OpenDialog("reason", "one", "digest-one"),)
    hand.feed(ev.Away(hand.now, "a text field has the keyboard"))
    hand.view(GRAVE, ONE, TWO)
    assert hand.feed(ev.Reasoned(hand.now, "one")) == tuple(DENIED)
    assert isinstance(hand.feed(ev.Reasoned(hand.now, "one"))[0], Refusal)


# Grants


def test_a_grant_is_an_allow_with_two_presses_each_armed() -> None:
    hand = Hand(ONE)
    assert hand.press("g") == []
    assert not hand.state.granting
    hand.armed().press("g")
    assert hand.state.granting
    assert hand.press("s") == []
    hand.paint(surface="panel").wait(2)
    assert hand.press("s") == [], "the frame was not the dialog's"
    hand.paint(surface="dialog").wait(0.5)
    assert hand.press("a") == []
    assert hand.press("s") == [Decision("one", "digest-one", Verdict.ALLOW, "session")]


def test_leaving_the_grant_dialog_decides_nothing_and_arms_anew() -> None:
    hand = Hand(ONE).armed()
    hand.press("g")
    hand.feed(ev.Closed(hand.now))
    assert hand.press("5") + hand.press("a") == []
    assert hand.armed().press("a") == ALLOWED


def test_the_grant_dialog_goes_with_its_request() -> None:
    hand = Hand(ONE, TWO).armed()
    hand.press("g")
    hand.paint(surface="dialog").wait(1).view(TWO)
    assert not hand.state.granting
    assert hand.wait(1).press("s") == []


# Who else decides


@pytest.mark.row("U12")
def test_a_stop_in_force_outranks_every_allow() -> None:
    hand = Hand(ONE).armed().view(ONE, latch="stop-1")
    assert hand.paint().wait(2).press("a") == []
    assert "emergency stop" in hand.why
    assert hand.press("g") == []
    assert hand.press("d") == DENIED


def test_a_read_only_room_answers_nothing() -> None:
    hand = Hand(ONE, read_only=True).armed()
    assert hand.press("a") + hand.press("d") == []
    hand.feed(ev.Reasoned(hand.now, "one"))
    assert hand.decisions == []
    assert hand.why == "this room is read-only"


@pytest.mark.row("S06")
def test_without_the_daemon_nothing_is_decided_and_after_it_all_arm_anew() -> None:
    hand = Hand(ONE).armed()
    hand.feed(ev.Offline(hand.now))
    assert hand.press("a") + hand.press("d") == []
    assert "no daemon" in hand.why
    hand.view(ONE)
    assert hand.press("a") == []
    assert hand.armed().press("a") == ALLOWED


def test_what_was_sent_is_not_focused_again_until_the_daemon_refused_it() -> None:
    hand = Hand(ONE).armed()
    hand.press("a")
    assert hand.view(ONE).wait(5).state.focus == ""
    hand.feed(ev.Failed(hand.now, "one"))
    assert hand.state.focus == "one"
    assert hand.armed().press("a") == ALLOWED


# Moving


def test_the_operator_moves_through_the_inbox_and_each_move_arms_anew() -> None:
    hand = Hand(ONE, TWO, GRAVE)
    assert [w.id for w in hand.state.waiting] == ["grave", "one", "two"]
    seen = []
    for by in (1, 1, 1, -1):
        hand.feed(ev.Moved(hand.now, by))
        seen.append(hand.state.focus)
    assert seen == ["one", "two", "grave", "two"]
    assert hand.press("a") == []


def test_moving_where_nothing_is_pending_says_so() -> None:
    assert Hand().feed(ev.Moved(100.0, 1)) == (Refusal("nothing is pending"),)
    assert Hand(ONE).feed(ev.Focused(100.0, "gone")) == (Refusal("that request is no longer pending"),)


def test_the_inbox_is_highest_tier_first_then_oldest_then_by_id() -> None:
    rows = [waiting("b", Tier.T2, 5), waiting("a", Tier.T2, 5), waiting("old", Tier.T2, 1), waiting("x", Tier.T3, 9)]
    assert [w.id for w in inbox(rows)] == ["x", "old", "a", "b"]


def test_the_app_is_told_when_time_alone_changes_something() -> None:
    hand = Hand(ONE, TWO)
    assert due(hand.state, hand.now) is None
    hand.paint()
    assert due(hand.state, hand.now) == hand.now + 0.5
    hand.wait(0.5)
    assert due(hand.state, hand.now) is None
    hand.press("d")
    assert due(hand.state, hand.now) == hand.state.rest_until
