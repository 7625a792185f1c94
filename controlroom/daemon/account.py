"""What a session used, as its log tells: tokens by model, and dollars. Bounded; a figure told again counts for its growth."""

from collections import OrderedDict

from controlroom.model.told import Cost, Spending, Spent, Tokens

MOST_KEYS = 4096  # of the newest figures, which may still grow
MOST_MODELS = 64


class Account:
    """One session's. `tokens` and `cost` are of what came while we looked; `spending` holds what was there before, too."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, Tokens] = OrderedDict()
        self._models: dict[str, Tokens] = {}
        self._bills: OrderedDict[str, float] = OrderedDict()
        self._usd: float | None = None
        self.tokens = 0
        self.cost: float | None = None  # dollars; None = the log tells none

    def spend(self, told: Spent, model: str, *, before: bool) -> None:
        """Tokens of a message so far. `model`: where it names none; `before`: it was there before us."""
        model = told.model or model or "unknown"
        if model not in self._models and len(self._models) >= MOST_MODELS:
            model = "others"
        grown = told.tokens - self._messages.pop(told.key, Tokens())
        self._messages[told.key] = told.tokens
        if len(self._messages) > MOST_KEYS:
            self._messages.popitem(last=False)
        self._models[model] = self._models.get(model, Tokens()) + grown
        self.tokens += 0 if before else grown.total

    def pay(self, told: Cost, *, before: bool) -> None:
        """Dollars under a key so far."""
        grown = told.usd - self._bills.pop(told.key, 0.0)
        self._bills[told.key] = told.usd
        if len(self._bills) > MOST_KEYS:
            self._bills.popitem(last=False)
        self._usd = (self._usd or 0.0) + grown
        self.cost = (self.cost or 0.0) + (0.0 if before else grown)

    def spending(self, *, partial: bool) -> Spending:
        """All that the log tells. `partial`: there is more of it than was read."""
        return Spending(dict(self._models), self._usd, partial)
