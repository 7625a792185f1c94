"""What is in force of manifest, settings and rules: watched on disk, pinned in the journal, taken by an operator's word."""

from collections.abc import Mapping

import anyio
import anyio.to_thread

from controlroom.daemon.accepted import Accepted, Pin
from controlroom.daemon.config import SETTINGS, BadSettings, Configuration
from controlroom.daemon.judge import MANIFEST, BadManifest, Judge
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.rulebook import RULES, Rulebook
from controlroom.daemon.runner import Runner
from controlroom.model import event as ev
from controlroom.model.record import Kind
from controlroom.policy.catalogue import RuleError

LOOK_SECONDS = 1.0  # between two looks at the files
_BAD = (BadManifest, BadSettings, RuleError, OSError)


class InForce:
    """The three, and the operator's calls about them."""

    def __init__(
        self, runner: Runner, judge: Judge, configuration: Configuration, rules: Rulebook, accepted: Accepted, by: str
    ) -> None:
        self._runner = runner
        self._judge = judge
        self._configuration = configuration
        self._rules = rules
        self._pins = accepted.pins
        self._by = by

    def table(self) -> dict[str, Method]:
        """Every method by its name on the wire."""
        return {"settings": self.settings, "manifest": self.manifest, "rules": self.rules, "reload": self.reload}

    def state(self) -> dict[str, str]:
        """Where each stands, in words."""
        return {
            "manifest": self._judge.drift() or "ok",
            "settings": self._configuration.state(),
            "rules": self._rules.wrong or "ok",
        }

    def wrong(self) -> str:
        """What of settings and rules on disk is not in force, and why; "ok" = nothing."""
        return "; ".join(filter(None, (self._configuration.wrong, self._rules.wrong))) or "ok"

    def pin_all(self, before: Mapping[str, str]) -> None:
        """Every run of the daemon says what was in force at its start: the records before may be gone one day."""
        if RULES in before and before[RULES] != self._rules.sha256:
            text = "the rules are not those of the daemon before: the program was updated, or somebody changed its files"
            self._runner.alarm("rules", text)
        self._pins[RULES] = self._rules.sha256
        for what, pin in self._pins.items():
            self._runner.record(Kind.CONFIG, Pin(what, pin, "first start" if what not in before else "start"))
        for line in self._judge.idle_lines():
            self._runner.alarm("manifest", f"the never-touch line {line} matches 0 files and folders now; check its spelling")
        if self._configuration.first.trouble:
            self._runner.alarm("settings", self._configuration.first.trouble)

    async def watch(self) -> None:
        """See the files change: settings that strengthen hold at once, anything else is an alarm (C01, C03, N11)."""
        told = ""
        while True:
            await self._look_at_settings()
            if news := await anyio.to_thread.run_sync(self._rules.look, abandon_on_cancel=True):
                self._runner.alarm("rules", news)
            drift = await anyio.to_thread.run_sync(self._judge.drift, abandon_on_cancel=True)
            if drift and drift != told:
                self._runner.alarm("manifest", f"{drift}; nothing is written until you look at it: controlroom protect list")
            told = drift
            await anyio.sleep(LOOK_SECONDS)

    async def _look_at_settings(self) -> None:
        change = await anyio.to_thread.run_sync(self._configuration.look, abandon_on_cancel=True)
        if change.pin:
            self._took(SETTINGS, change.pin, change.by)
        if change.trouble:
            self._runner.alarm("settings", change.trouble)

    def _took(self, what: str, pin: str, by: str) -> None:
        """Journal what holds from now on; grants that were given before it end (A16)."""
        self._pins[what] = pin
        self._runner.record(Kind.CONFIG, Pin(what, pin, by))
        self._runner.feed(ev.PolicyChanged(self._runner.clock(), by, self._configuration.settings.config.hold.seconds))

    async def settings(self, params: Params) -> object:
        """The settings in force, and what on disk waits for an operator."""
        try:
            proposal = await anyio.to_thread.run_sync(self._configuration.proposal)
        except BadSettings as e:
            raise CallError("refused", f"{e}; the last good settings hold") from e
        return {"state": self._configuration.state(), "settings": self._configuration.settings, **proposal}

    async def rules(self, params: Params) -> object:
        """How the rules on disk stand to those in force."""
        try:
            return await anyio.to_thread.run_sync(self._rules.proposal)
        except RuleError as e:
            raise CallError("refused", f"{e}; the last good rules hold") from e

    async def manifest(self, params: Params) -> object:
        """The never-touch manifest in force, whatever lies on disk."""
        return {"text": self._judge.text}

    async def reload(self, params: Params) -> object:
        """An operator takes one of them as it lies on disk, by its hash."""
        what, expected = str(params.get("what", MANIFEST)), str(params["sha256"])
        try:
            if what == MANIFEST:
                pin = await anyio.to_thread.run_sync(self._judge.reload, expected)
            elif what == SETTINGS:
                pin = (await anyio.to_thread.run_sync(self._configuration.accept, expected, self._by)).pin
            elif what == RULES:
                pin = await anyio.to_thread.run_sync(self._rules.accept, expected)
            else:
                raise CallError("usage", f"there is no {what} to be taken; it is {MANIFEST}, {SETTINGS} or {RULES}")
        except _BAD as e:
            raise CallError("refused", f"{e}; the last good one stays in force") from e
        self._took(what, pin, self._by)
        return {}
