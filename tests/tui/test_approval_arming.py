"""An allow counts only for what was shown whole and armed: when it arms, what takes that back, what must be scrolled."""

import pytest

from controlroom.model.tier import Tier
from controlroom.tui import approval_events as ev
from controlroom.tui.approval import ARM, PANEL_BYTES
from tests.tui.hand import ALLOWED, DENIED, ONE, Hand, waiting

# U04, U01: arming


@pytest.mark.row("U04")
@pytest.mark.parametrize(("tier", "key"), [(Tier.T2, "a"), (Tier.T3, "A")])
def test_it_arms_half_a_second_after_its_first_complete_paint_and_a_second_for_t3(tier: Tier, key: str) -> None:
    hand = Hand(waiting("one", tier)).paint().wait(ARM[tier] - 0.01)
    assert hand.press(key) == []
    assert "not armed" in hand.why
    assert Hand(waiting("one", tier)).paint().wait(ARM[tier]).press(key)


@pytest.mark.row("U04")
def test_painting_it_again_does_not_arm_it_again() -> None:
    hand = Hand(ONE).paint()
    for _ in range(6):
        hand.wait(0.1).paint()
    assert hand.press("a") == ALLOWED


@pytest.mark.row("U04", "U08")
@pytest.mark.parametrize(
    "event",
    [ev.Relaid(200.0), ev.Away(200.0, "help is open"), ev.Offline(200.0)],
    ids=["resize or new layout", "another screen", "daemon gone"],
)
def test_what_takes_the_request_off_the_screen_asks_for_a_new_paint_and_arms_anew(event: ev.Event) -> None:
    hand = Hand(ONE).armed()
    hand.now = 200.0
    hand.feed(event)
    hand.view(ONE)
    hand.feed(ev.Away(200.0, ""))
    hand.wait(5)
    assert hand.press("a") == []
    assert "not on screen" in hand.why
    hand.paint()
    assert hand.wait(0.4).press("a") == []
    assert hand.wait(0.5).press("a") == ALLOWED


@pytest.mark.row("U04")
@pytest.mark.parametrize("lost", [True, False])
def test_a_change_of_the_terminals_focus_arms_it_anew(lost: bool) -> None:
    hand = Hand(ONE).armed()
    hand.feed(ev.Blurred(hand.now, lost))
    assert hand.wait(0.4).press("a") == []
    assert hand.wait(0.5).press("a") == ALLOWED


@pytest.mark.row("U04")
def test_what_was_scrolled_to_its_end_before_the_focus_was_lost_is_armed_anew_without_scrolling_again() -> None:
    hand = Hand(ONE)
    hand.paint(fits=False).scroll().wait(2)
    hand.feed(ev.Blurred(hand.now, False))
    assert hand.wait(0.4).press("a") == []
    hand.paint(fits=False).scroll()
    assert hand.wait(0.2).press("a") == ALLOWED


@pytest.mark.row("U01")
def test_keys_typed_before_it_was_on_screen_do_nothing() -> None:
    hand = Hand(ONE)
    for key in "aAa":
        hand.now += 0.2
        hand.key(key)
    assert hand.paint().wait(2).decisions == []


@pytest.mark.row("U01")
def test_a_key_read_before_the_arming_but_handled_after_it_does_nothing() -> None:
    hand = Hand(ONE).paint()
    typed = hand.now
    hand.now += 3.0
    hand.key("a", at=typed)
    assert hand.wait(1).decisions == []
    hand.key("a", epoch=hand.state.epoch - 1)
    assert hand.wait(1).decisions == []
    assert "pressed before this was on screen" in hand.why


# D07, U08: wholly shown


@pytest.mark.row("D07")
def test_what_does_not_fit_must_have_been_scrolled_to_its_end_and_arms_from_there() -> None:
    hand = Hand(ONE).paint(fits=False).wait(5)
    assert hand.press("a") == []
    assert "scroll to its end" in hand.why
    hand.scroll()
    assert hand.wait(0.4).press("a") == []
    assert hand.wait(0.5).press("a") == ALLOWED


@pytest.mark.row("D07")
def test_the_end_of_another_request_is_not_its_end() -> None:
    hand = Hand(ONE).paint(fits=False)
    hand.feed(ev.ScrolledToEnd(hand.now, "two", "digest-two"))
    hand.feed(ev.ScrolledToEnd(hand.now, "one", "other"))
    assert hand.wait(5).press("a") == []


@pytest.mark.row("D07")
@pytest.mark.parametrize("tier", [Tier.T2, Tier.T3])
def test_more_than_64_kib_is_allowed_only_as_t3_through_the_full_view(tier: Tier) -> None:
    key = "a" if tier is Tier.T2 else "A"
    hand = Hand(waiting("huge", tier, size=PANEL_BYTES + 1)).paint(fits=False).scroll().wait(2)
    assert hand.press(key) == []
    assert "full view" in hand.why
    hand.paint(fits=False, surface="full").scroll().wait(2)
    assert bool(hand.press(key)) is (tier is Tier.T3)


@pytest.mark.row("U08")
def test_a_screen_too_small_for_the_mandatory_fields_disarms_and_still_denies() -> None:
    hand = Hand(ONE).armed()
    hand.feed(ev.Relaid(hand.now))
    hand.paint(fits=False, too_small=True).scroll().wait(5)
    assert hand.press("a") == []
    assert "too small" in hand.why
    assert hand.press("d") == DENIED


@pytest.mark.row("U08")
def test_a_frame_that_no_longer_fits_disarms_even_if_nobody_said_so() -> None:
    assert Hand(ONE).armed().paint(fits=False).wait(2).press("a") == []
    assert Hand(ONE).armed().paint(fits=False, too_small=True).wait(2).press("a") == []


@pytest.mark.row("U08")
def test_a_frame_too_small_takes_back_what_was_seen_before() -> None:
    for hand in (Hand(ONE).armed(), Hand(ONE).paint(fits=False).scroll().wait(2)):
        assert hand.paint(fits=False, too_small=True).paint().press("a") == []
        assert hand.wait(0.5).press("a") == ALLOWED


@pytest.mark.row("D07")
def test_an_end_that_could_not_be_seen_is_no_end() -> None:
    for early in (Hand(ONE), Hand(ONE).paint(fits=False, too_small=True)):
        assert early.scroll().paint(fits=False).wait(2).press("a") == []
        assert "scroll to its end" in early.why


@pytest.mark.row("D07", "U08")
def test_a_new_layout_forgets_that_the_end_was_seen() -> None:
    hand = Hand(ONE).paint(fits=False).scroll().wait(2)
    hand.feed(ev.Relaid(hand.now))
    assert hand.paint().paint(fits=False).wait(2).press("a") == []


@pytest.mark.row("U08")
def test_a_frame_from_before_the_resize_does_not_count() -> None:
    hand = Hand(ONE).armed()
    before = hand.now - 0.1
    hand.feed(ev.Relaid(hand.now))
    hand.feed(ev.Shown(before, "one", "digest-one", Tier.T2, True))
    assert hand.wait(2).press("a") == []
