"""What a session used stays bounded, whatever its log tells, and nothing of it is lost from the sums."""

from controlroom.daemon.account import MOST_KEYS, MOST_MODELS, Account
from controlroom.model.told import Cost, Spent, Tokens


def test_figures_of_more_messages_than_are_kept_stay_in_the_sums() -> None:
    account = Account()
    for number in range(MOST_KEYS + 100):
        account.spend(Spent(f"m{number}", Tokens(out=2), "a"), "", before=False)
        account.pay(Cost(f"m{number}", 0.5), before=False)
    assert account.spending(partial=False).models == {"a": Tokens(out=2 * (MOST_KEYS + 100))}
    assert account.spending(partial=False).usd == account.cost == 0.5 * (MOST_KEYS + 100)
    account.spend(Spent(f"m{MOST_KEYS}", Tokens(out=3), "a"), "", before=False)
    assert account.tokens == 2 * (MOST_KEYS + 100) + 1, "a message that is kept counts for what it grew"


def test_models_beyond_the_bound_are_counted_together() -> None:
    account = Account()
    for number in range(MOST_MODELS + 5):
        account.spend(Spent(f"m{number}", Tokens(out=1), f"model{number}"), "", before=False)
    models = account.spending(partial=False).models
    assert len(models) == MOST_MODELS + 1
    assert models["others"] == Tokens(out=5)


def test_tokens_without_a_model_go_to_the_one_that_was_named_last_or_to_unknown() -> None:
    account = Account()
    account.spend(Spent("m1", Tokens(out=1)), "", before=False)
    account.spend(Spent("m2", Tokens(out=1)), "named", before=False)
    assert account.spending(partial=True).models == {"unknown": Tokens(out=1), "named": Tokens(out=1)}
    assert account.spending(partial=True).partial
