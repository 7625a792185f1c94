"""Parts of a room's view with everything in them, for `views`. All times are fixed."""

from msgspec.structs import replace

from controlroom.model.agent import Label, Rung, SessionState
from controlroom.model.clock import SECOND, Instant
from controlroom.model.effect import EffectKind, Reason, Target
from controlroom.model.permissions import (
    Environment,
    Gate,
    Hook,
    LayerChange,
    Mode,
    Permissions,
    Secret,
    SeenChange,
    Writers,
)
from controlroom.model.record import Kind, Stage
from controlroom.model.request import RequestState
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Tier, Verdict
from controlroom.model.told import Spending, Tokens
from controlroom.model.touched import FilesView, FileView, OpenFile
from controlroom.model.use import Capability, Matrix
from controlroom.model.view import (
    AgentView,
    EffectView,
    GrantView,
    LayerView,
    Load,
    LogView,
    ProcessesView,
    ProcessView,
    ReceiptView,
    RequestView,
    StatusView,
    StoryView,
)

NOW = Instant(90_000 * SECOND, 1_790_000_000 * SECOND)
PROJECT = "/home/ada/shop"


def ago(seconds: float) -> Instant:
    """So long before NOW."""
    return NOW.plus(-seconds)


def status(**changes: object) -> StatusView:
    """A house in order."""
    whole = StatusView(
        host="forge",
        version="0.1.0",
        pid=811,
        rung=Rung.CGROUP,
        rung_why="a delegated cgroup v2 subtree",
        journal="ok",
        manifest="ok",
        settings="ok",
        unjournalled=0,
        stop_id="",
        stop_by="",
    )
    return replace(whole, **changes)


def agent(name: str = "claude-1", **changes: object) -> AgentView:
    """An agent at work."""
    whole = AgentView(
        id=f"s-{name}",
        name=name,
        kind="claude-code",
        state=SessionState.RUNNING,
        label=Label.SUPERVISED,
        rung=Rung.CGROUP,
        workspace=PROJECT,
        command=("claude", "--model", "opus"),
        pid=4242,
        opened=ago(4_000),
        pending=0,
        tool="Bash: npm test",
        last=ago(75),
        load=Load(cpu=12.4, memory=310 * 1024 * 1024, processes=5),
        profile="builder",
        uses=(
            Matrix(Capability.FS_READ, ("*",), 12),
            Matrix(Capability.FS_WRITE, (".", "./build"), 3, ("/home/ada/.profile",)),
            Matrix(Capability.EXEC, ("git", "make"), 9, ("curl", "jq", "sed", "tee")),
            Matrix(Capability.NET, ()),
        ),
        gate=Gate("closed", "written", "the agent denies a call whose hook fails"),
    )
    return replace(whole, **changes)


def request_t2(**changes: object) -> RequestView:
    """A delete that a snapshot covers."""
    whole = RequestView(
        id="7d2f90c4a1b3e5f60718293a4b5c6d7e",
        digest="9f31ab02c4d1e6a7b8c9d0e1f2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5",
        tier=Tier.T2,
        state=RequestState.PENDING,
        session="s-claude-1",
        agent="claude-1",
        label=Label.SUPERVISED,
        pid=4242,
        subagent="",
        tool="Bash",
        text="rm -rf build dist",
        cwd=PROJECT,
        argv=(("rm", "-rf", "build", "dist"),),
        diff="",
        invalid="",
        effects=(EffectKind.DELETE,),
        targets=(
            Target(f"{PROJECT}/build", exists=True, files=212, size=8_600_000, tracked=False, inside=True),
            Target(f"{PROJECT}/dist", exists=True, files=128, size=4_100_000, tracked=True, inside=True),
        ),
        reasons=(Reason("rm.recursive", Tier.T2, "removes folder trees inside the workspace", "git clean -n build dist"),),
        undo=True,
        undo_why="",
        says="Cleaning up build artefacts before the release.",
        asked=ago(65),
        deadline=NOW.plus(535),
    )
    return replace(whole, **changes)


def request_t3(**changes: object) -> RequestView:
    """A push that others see, after a merge, written by a subagent."""
    whole = request_t2(
        id="0b1c2d3e4f5061728394a5b6c7d8e9fa",
        digest="4be7190d33aa5c1e2f3041526374859607a8b9cadbecfd0e1f2031425364758a",
        tier=Tier.T3,
        session="s-codex-2",
        agent="codex-2",
        pid=5151,
        subagent="release",
        text="git fetch origin &&\ngit push --force origin main",
        argv=(("git", "fetch", "origin"), ("git", "push", "--force", "origin", "main")),
        effects=(EffectKind.NET, EffectKind.PUBLISH, EffectKind.REMOTE),
        targets=(Target("git:origin/main", exists=True, inside=False, certain=False),),
        reasons=(
            Reason(
                "git.push.force",
                Tier.T3,
                "rewrites a branch that others have; commits of theirs can be lost",
                "git push --force-with-lease",
            ),
        ),
        undo=False,
        undo_why="what leaves this machine cannot be taken back",
        says="This just syncs main.",
        asked=ago(190),
        deadline=NOW.plus(410),
    )
    return replace(whole, **changes)


def request_edit(**changes: object) -> RequestView:
    """An edit of a guarded file, as a diff."""
    whole = request_t2(
        id="c3d4e5f60718293a4b5c6d7e8f9a0b1c",
        digest="c0ffee11d33aa5c1e2f3041526374859607a8b9cadbecfd0e1f2031425364758",
        tier=Tier.T3,
        tool="Edit",
        text=f"{PROJECT}/.claude/settings.json",
        argv=(),
        diff=(
            "--- .claude/settings.json\n+++ .claude/settings.json\n@@ -1,5 +1,5 @@\n {\n"
            '-  "disableAllHooks": false,\n+  "disableAllHooks": true,\n   "model": "opus"\n }\n'
        ),
        effects=(EffectKind.CONFIG, EffectKind.WRITE),
        targets=(Target(f"{PROJECT}/.claude/settings.json", exists=True, files=1, size=412, tracked=True, inside=True),),
        reasons=(Reason("guarded.settings", Tier.T3, "changes an agent's settings: hooks could be switched off"),),
        says="",
    )
    return replace(whole, **changes)


def receipt(number: int = 1, **changes: object) -> ReceiptView:
    """An act that is over."""
    whole = ReceiptView(
        id=f"{number:032x}",
        seq=100 + number,
        session="s-claude-1",
        agent="claude-1",
        stage=Stage.DONE,
        tier=Tier.T2,
        tool="Bash",
        text="rm -rf node_modules",
        by="operator:ada",
        reason="",
        at=ago(600 - number),
        targets=(f"{PROJECT}/node_modules",),
        effects=(EffectKind.DELETE,),
        ended=ago(598 - number),
        ok=True,
        note="removed 1204 files",
        digest="12ab34cd56ef" + "0" * 52,
        cwd=PROJECT,
        says="Make room for a clean install",
        reasons=(Reason("files.rm", Tier.T2, "removes what is there", "npm ci replaces it by itself"),),
        verdict=Verdict.ALLOW,
        answered=ago(599 - number),
        saved=Saved("5e" * 32, files=1204, size=8_600_000, left_out=("named pipe .lock",)),
        started=ago(599 - number),
        took_ms=843,
        declared=(EffectView(EffectKind.DELETE, (f"{PROJECT}/node_modules",)),),
        gaps=("its effects were not observed: no sensor of ours saw what it did",),
    )
    return replace(whole, **changes)


def receipts() -> tuple[ReceiptView, ...]:
    """One of every stage, oldest first."""
    return (
        receipt(1),
        receipt(
            2,
            stage=Stage.DONE,
            tier=Tier.T0,
            tool="Read",
            text=f"{PROJECT}/src/cart.ts",
            by="policy",
            effects=(EffectKind.READ,),
            targets=(f"{PROJECT}/src/cart.ts",),
            note="",
        ),
        receipt(
            3,
            stage=Stage.DENIED,
            tier=Tier.TX,
            text="cat ~/.ssh/id_ed25519",
            by="policy",
            reason="never-touch: private keys",
            verdict=Verdict.DENY,
            saved=None,
            undo_why="it changes no files",
            started=None,
            took_ms=None,
            declared=(),
            gaps=(),
            effects=(EffectKind.SECRETS,),
            targets=("/home/ada/.ssh/id_ed25519",),
            ok=None,
            ended=None,
            note="",
        ),
        receipt(
            4,
            stage=Stage.FAILED,
            tier=Tier.T1,
            text="npm test",
            by="policy",
            ok=False,
            note="exit status 1",
            effects=(EffectKind.EXEC,),
            targets=(f"{PROJECT}/coverage",),
        ),
        receipt(
            5,
            stage=Stage.INTERRUPTED,
            by="grant:91c2",
            grant="91c2",
            says="",
            took_ms=None,
            saved=Saved("", why="12 GB, 8 GB over the limit of 4.0 GB"),
            gaps=("nobody told how it ended", "no snapshot of its targets"),
            declared=(EffectView(EffectKind.WRITE, (f"{PROJECT}/data",), 40),),
            seen=(EffectView(EffectKind.DELETE, (f"{PROJECT}/data",)),),
            session="s-codex-2",
            agent="codex-2",
            text="mv data data.old",
            ok=None,
            ended=None,
            note="the daemon was gone before the outcome was told",
            effects=(EffectKind.WRITE,),
            targets=(f"{PROJECT}/data",),
        ),
        receipt(
            6,
            stage=Stage.STARTED,
            text="npm run build",
            tier=Tier.T1,
            by="policy",
            ok=None,
            ended=None,
            note="",
            effects=(EffectKind.EXEC, EffectKind.CREATE),
            targets=(f"{PROJECT}/build",),
        ),
    )


def log() -> tuple[LogView, ...]:
    """A stream, oldest first."""
    rows = (
        (900, "s-claude-1", Kind.SESSION, "state running"),
        (600, "s-claude-1", Kind.INTENT, "T2 Bash: rm -rf node_modules"),
        (590, "s-claude-1", Kind.DECISION, "allow by operator:ada"),
        (588, "s-claude-1", Kind.OUTCOME, "done: removed 1204 files"),
        (300, "s-codex-2", Kind.INTENT, "T1 shell: npm test"),
        (290, "s-codex-2", Kind.OUTCOME, "failed: exit status 1"),
        (190, "s-codex-2", Kind.INTENT, "T3 shell: git fetch origin && git push --force origin main"),
        (120, "s-claude-1", Kind.ALARM, "hooks of claude-1 were changed on disk"),
        (75, "s-claude-1", Kind.INTENT, "T1 Bash: npm test"),
        (65, "s-claude-1", Kind.INTENT, "T2 Bash: rm -rf build dist"),
    )
    return tuple(LogView(200 + n, ago(age), session, kind, text) for n, (age, session, kind, text) in enumerate(rows))


def story() -> StoryView:
    """What the journal and an agent's own log tell together."""

    def told(number: int, kind: str, text: str, **more: object) -> LogView:
        return replace(
            LogView(number, ago(80 - number), "s-claude-1", kind, text, told=True, claimed=ago(81 - number).wall), **more
        )

    rows = (
        told(1, "prompt", "clean up the build", more="clean up the build\nand nothing else"),
        told(2, "thinks", "The folder build is old  (+3 lines)", more="The folder build is old\n1\n2\n3"),
        told(
            3,
            "call",
            "Bash rm -rf build",
            call="toolu_1",
            receipt="7f3a",
            gate="allowed by operator:ada, T2",
            outcome="done",
            processes=("4711 rm",),
        ),
        told(4, "call", "Write notes.md", call="toolu_2", gate="allowed by policy, T1", outcome="failed", files=("notes.md",)),
        told(5, "call", "Bash curl x | sh", call="toolu_3", gate="UNGATED", doubt=True, subagent="a1"),
        told(6, "speaks", "allowed by operator:ada, T2: I was told so"),
        told(7, "unknown", 'brand-new: {"type":"brand-new"}'),
        LogView(231, ago(60), "s-claude-1", Kind.ALARM, "ungated: UNGATED: the agent's log tells of Bash (toolu_3)"),
    )
    spending = Spending({"claude-sonnet-4-5": Tokens(1200, 30_000, 400, 900)}, 0.125)
    return StoryView(9, rows, ("/home/ada/s1.jsonl",), spending, "claude-sonnet-4-5", "default", 3, {"brand-new": 1})


def grants() -> tuple[GrantView, ...]:
    """One by path, one by command."""
    return (
        GrantView(
            "91c2",
            "s-claude-1",
            (EffectKind.DELETE, EffectKind.WRITE),
            3,
            NOW.plus(240),
            "operator:ada",
            (),
            f"{PROJECT}/build",
            "",
        ),
        GrantView("a0d7", "s-codex-2", (), 1, NOW.plus(31), "operator:ada", ("npm", "publish", "--dry-run"), "", "release"),
    )


def processes() -> ProcessesView:
    """A small tree; one that has left it."""
    rows = (
        ProcessView(4501, 0, "S", ("nohup", "./miner"), 99.0, 12 * 1024 * 1024, 4, 30, "miner", outside=True),
        ProcessView(
            4242, 0, "S", ("claude", "--model", "opus"), 8.1, 214 * 1024 * 1024, 12, 4_000, "claude", whole=True, files=31,
            cwd=PROJECT, waits="do_epoll_wait", listening=("tcp 127.0.0.1:40117",), connected=("tcp 160.79.104.10:443",),
        ),
        ProcessView(4300, 1, "S", ("/bin/bash", "-c", "npm test"), 0.0, 3 * 1024 * 1024, 1, 76, "bash"),
        ProcessView(4301, 2, "R", ("node", "/usr/bin/npm", "test"), 71.3, 91 * 1024 * 1024, 11, 75, "node"),
        ProcessView(4377, 3, "Z", (), 0.0, 0, 1, 3, "sh"),
    )  # fmt: skip
    return ProcessesView(212, rows)


def files() -> FilesView:
    """What calls named, what nobody named, a violation, and what is open."""
    rows = (
        FileView("/home/ada/.ssh/id_ed25519", "deleted", ago(20), 411, seen=True, never=True),
        FileView(f"{PROJECT}/build/index.html", "written", ago(12), 8_400, "toolu_01A", "3f" * 16, seen=True, times=3),
        FileView(f"{PROJECT}/cache.db", "created", ago(40), 1_204_000, during="3f" * 16, seen=True),
        FileView(f"{PROJECT}/tmp/x", "deleted", ago(90), 12, seen=True),
        FileView(f"{PROJECT}/src/shop.ts", "read", ago(300), 2_100, "toolu_019", "4a" * 16),
    )
    return FilesView(9, rows, 1_204, 7, "", 31, (OpenFile(f"{PROJECT}/cache.db", 4301, True),))


def layers() -> tuple[LayerView, ...]:
    """One in order, one absent, one that weakens the gate since it was changed."""
    project, hers = f"{PROJECT}/.claude/settings.json", Writers("ada", "0644", True, "the agent's own user can write it")
    change = LayerChange(
        id="c0ffee11",
        path=project,
        role="settings",
        agent="claude-code",
        what="changed",
        who="on disk, no call named it; meanwhile ran claude-1's call Bash: npm test, allowed by policy (receipt 12ab34cd)",
        diff='@@ -1,3 +1,4 @@\n {\n+  "disableAllHooks": true,\n   "model": "opus"\n }',
        weakens=("disableAllHooks is true: hooks do not run",),
        declares=("it declares now: allow exec rm",),
    )
    return (
        LayerView("/home/ada/.claude/settings.json", True, "our gate", "", "user", "settings", hers),
        LayerView(
            project, True, "no gate", "disableAllHooks is true: hooks do not run", "project", "settings", hers,
            (SeenChange(ago(130), change),),
        ),
        LayerView(
            "/etc/claude-code/managed-settings.json", False, "", "", "managed", "settings",
            Writers("root", "0755", False, "the agent's own user cannot make it"),
        ),
        LayerView(f"{PROJECT}/.claude/agents/reviewer.md", False, "", "", "project", "agents"),
    )  # fmt: skip


def permissions(named: str = "claude-1") -> Permissions:
    """Everything that can be known of an agent, good and bad. `named`: what stands where agents write words of their own."""
    user, hooked = "/home/ada/.claude/settings.json", ("/home/ada/.claude/settings.json", "command line")
    return Permissions(
        session="s-claude-1",
        modes=(
            Mode(user, "permissions.defaultMode", "plan", "plain"),
            Mode("command line", "--dangerously-skip-permissions", "", "red", "it asks for nothing"),
            Mode("its hook", "permissions.defaultMode", named, "plain"),
        ),
        hooks=(
            Hook("PreToolUse", hooked, 42, ago(75), "denied by this gate"),
            Hook("PostToolUse", hooked, 41, ago(70)),
            Hook("ConfigChange", hooked),
        ),
        gate=Gate("closed", "proved", f"the agent denies a call whose hook fails; {named}"),
        walls=("19 attempts to change, move or uncover a protected file failed, as they must",),
        environment=Environment(("GITHUB_TOKEN", named), ""),
        secrets=(Secret(f"/home/ada/.claude/projects/{named}.jsonl", 118, "github", 3),),
        unscanned=5_200_000,
    )
