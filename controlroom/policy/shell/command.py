"""One simple command: builtins, wrappers, shells and interpreters are followed, the rest is judged by the catalogue."""

import re
from collections.abc import Callable

import msgspec

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy.context import Context
from controlroom.policy.files import TEMPORARY, Act, Files
from controlroom.policy.ledger import Ledger, TooMuch
from controlroom.policy.limits import MAX_NESTING, MAX_TEXT, MAX_WORDS
from controlroom.policy.paths import absolute, normal
from controlroom.policy.shell import apply, builtins, oneliner, special
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.carried import carries
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.items import ITEM
from controlroom.policy.shell.options import parse
from controlroom.policy.shell.prints import Stdin
from controlroom.policy.shell.walk import Simple, Walker
from controlroom.policy.shell.words import Words, quoted
from controlroom.policy.shell.wrappers import UNSEEN, Inner, guess, optional, searched, unwrap
from controlroom.policy.tree import Tree

_SHELLS = {"sh", "bash", "zsh", "dash", "ksh", "mksh", "ash", "fish", "rbash", "yash", "elvish", "nu"}
_FOREIGN = {"pwsh", "powershell", "powershell.exe", "cmd", "cmd.exe"}
_RUNS_CODE = re.compile(
    r"(LD_PRELOAD|LD_LIBRARY_PATH|LD_AUDIT|BASH_ENV|ENV|PROMPT_COMMAND|PYTHONSTARTUP|PERL5OPT|RUBYOPT|NODE_OPTIONS|GIT_CONFIG_COUNT|GIT_CONFIG_PARAMETERS|BASH_FUNC_.*)"
)
_TEXT_VARIABLE = re.compile(
    r"GIT_(SSH_COMMAND|EXTERNAL_DIFF|PAGER|EDITOR|SEQUENCE_EDITOR|PROXY_COMMAND|ASKPASS)|PAGER|EDITOR|VISUAL|MANPAGER|LESSOPEN"
)
_VERB_NOUN = re.compile(
    r"(?i:(Remove|Set|Clear|Move|Copy|New|Stop|Start|Restart|Invoke|Out|Rename|Format|Get|Add|Write|Select|Import|Export)-[A-Z]\w+)"
)
_RESERVED = frozenset("{ } [[ ]] if then elif else fi for while until do done case esac select function in".split())  # noqa: SIM905
_ODD = re.compile(r"[^\x20-\x7e]")


def _interpreter(content: str, name: str, *, shell: bool) -> str:
    """What runs a script: the program in front of it, or its first line's; a file without one is read by the shell."""
    if not shell:
        return name
    first = re.match(r"#!\s*(\S+)(?:\s+(?:-S\s+)?(\S+))?", content)
    if name in _SHELLS or name == "source" or first is None:
        return "sh"
    program = first[1].rsplit("/", 1)[-1]
    return (first[2] or "") if program == "env" else program


class Shell:
    """Judges shell text. `remote` is the label of another machine while a command for it is judged, "" here."""

    def __init__(self, files: Files, tree: Tree, ledger: Ledger, context: Context) -> None:
        self.files = files
        self.tree = tree
        self.ledger = ledger
        self.home = context.home
        self.written = context.written
        self._catalogue = context.rules
        self.remote = ""
        self.seen: set[str] = set()  # files of the project whose text was looked at
        self.root = False
        self.here = True  # False: what runs may have another root folder
        self.walker = Walker(Words(tree), ledger, self.simple)

    def text(self, text: str, env: Env) -> None:
        """Judge shell text. Raises TooMuch over a limit."""
        if "\0" in text or "\r" in text:
            self.ledger.reason(
                Tier.T3,
                "shell.control",
                "The command holds a NUL or carriage return, which the shell reads otherwise than it looks.",
            )
        self.walker.text(text.replace("\0", "").replace("\r", "\n"), env)

    def nested(self, arg: Arg | None, env: Env, what: str) -> None:
        """Judge text that is handed to a shell as an argument."""
        if arg is None or not arg.certain:
            self.hidden(f"{what} is computed while it runs")
            if arg is None or not arg.text or arg.text.startswith(("$", "`")):
                return
        self._deeper()
        self.text(arg.text, env.fork())
        self.walker.depth -= 1

    def hidden(self, why: str) -> None:
        """Note text that is run and that nobody here has seen."""
        self.ledger.effect(EffectKind.UNKNOWN)
        self.ledger.reason(
            Tier.T3,
            "shell.hidden",
            f"Runs something that cannot be inspected: {why}.",
            "Write the command out, so that it can be read.",
        )

    def _deeper(self) -> None:
        self.walker.depth += 1
        if self.walker.depth > MAX_NESTING:
            raise TooMuch(f"more than {MAX_NESTING} levels of nesting; write it flatter")

    def simple(self, simple: Simple, env: Env) -> None:
        """Judge one simple command as the walk found it."""
        self._assigned(simple, env)
        if simple.args:
            self.run(simple.args, env, simple.stdin, before=lambda: self._redirects(simple, env))
        else:
            self._redirects(simple, env)
        if simple.args and simple.args[0].text == "read" and simple.stdin.names and simple.args[-1].certain:
            env.bounds[simple.args[-1].text] = simple.stdin.names

    def _redirects(self, simple: Simple, env: Env) -> None:
        for redirect in simple.redirects:
            self._redirect(redirect.operator, redirect.target, env, simple.prints)

    def _assigned(self, simple: Simple, env: Env) -> None:
        for name, value in simple.assigned:
            self.assigned(name, value, env)
            if not simple.args:
                env.put(name, None if value is None else (value,))

    def assigned(self, name: str, value: str | None, env: Env) -> None:
        """Judge a variable that makes programs run code."""
        if _RUNS_CODE.fullmatch(name) or (name == "PS4" and any(mark in (value or "$(") for mark in ("$(", "`"))):
            self.ledger.reason(Tier.T3, "shell.injected", f"{name} makes programs run code that is not on the command line.")
        elif name == "PATH" and (value or "").startswith((".:", ":", *(f"{folder}/" for folder in TEMPORARY))):
            self.ledger.reason(Tier.T3, "shell.injected", "PATH begins with a folder in which anybody can put programs.")
        elif _TEXT_VARIABLE.fullmatch(name) and value not in ("", "cat", "true", ":", "less"):
            self.nested(None if value is None else Arg(value), env, f"the command in {name}")

    def _redirect(self, operator: str, target: Arg, env: Env, prints: str | None) -> None:
        if "&" in operator and re.fullmatch(r"\d+-?|-", target.text):
            return
        if target.text.startswith(("/dev/tcp/localhost/", "/dev/tcp/127.0.0.1/")) and operator == "<":
            self.ledger.effect(EffectKind.NET)
            self.ledger.reason(Tier.T1, "shell.probe", "Looks whether a port of this machine answers.")
            return
        if target.text.startswith(("/dev/tcp/", "/dev/udp/")):
            self.ledger.effect(EffectKind.NET)
            self.ledger.reason(Tier.T3, "shell.socket", "Opens a network connection from the shell itself.")
            return
        kind = EffectKind.READ if operator in ("<", "<&") else EffectKind.WRITE
        self.touch(
            Act(
                kind,
                "",
                env.cwd,
                "shell.redirect",
                "Redirection",
                "Append with >> or write to a new file.",
                append=operator.endswith(">>"),
            ),
            target,
        )
        if prints is not None and kind is EffectKind.WRITE and target.certain and not self.remote:
            self._holds(target.text, env, prints, append=operator.endswith(">>"))

    def _holds(self, name: str, env: Env, text: str, *, append: bool) -> None:
        """Remember the exact text that a file now has, so that it can be looked at when it is run."""
        real, stat = self.files.place(name, env.cwd)
        if not real or (append and stat is not None):
            return
        self.ledger.content[real] = text

    def touch(self, act: Act, arg: Arg) -> None:
        """Judge an act on the file that an argument names (on another machine: by its kind alone)."""
        if self.remote:
            apply.remote(self.ledger, self.remote, act, arg)
            return
        path = arg.text if arg.certain else arg.stem
        changed = {name: getattr(act, name) for name in act.__struct_fields__}
        changed |= {"path": path, "certain": arg.certain, "bounded": arg.bounded, "only": act.only or arg.only}
        changed["here"] = self.here
        self.files.touch(Act(**changed))

    def run(
        self,
        args: tuple[Arg, ...],
        env: Env,
        stdin: Stdin = Stdin(),  # noqa: B008 - frozen
        *,
        direct: bool = False,
        before: Callable[[], None] | None = None,
    ) -> None:
        """Judge a command word by word. `direct`: neither functions nor aliases are looked at, as after `command` or `env`.

        `before` judges what the shell does first: its redirections.
        """
        if len(args) > MAX_WORDS:
            raise TooMuch(f"more than {MAX_WORDS} arguments in one command; use fewer")
        self._deeper()
        self.ledger.enter(tuple(arg.text for arg in args))
        if before is not None:
            before()
        word = args[0]
        if not word.certain or (not word.text and len(args) == 1):
            if word.text:
                self.hidden(f"the command word {word.text[:80]} is computed while it runs")
        elif not word.text:
            self.run(args[1:], env, stdin)
        else:
            self._named(word.text, args[1:], env, stdin, direct=direct)
        self.ledger.leave()
        self.walker.depth -= 1

    def _named(self, word: str, args: tuple[Arg, ...], env: Env, stdin: Stdin, *, direct: bool) -> None:
        if word in _RESERVED:  # the parser took a keyword for a command, as in `! { rm x; }`: bash would not
            self.ledger.reason(
                Tier.T3, "shell.unparsable", f"The keyword {word} stands where a command is read; it could hide anything."
            )
        if _ODD.search(word):
            self.ledger.reason(Tier.T3, "shell.odd-name", "The command's name has characters that can pass for others.")
        if word in env.aliases and not direct:
            alias = env.aliases[word]
            rest = " ".join(quoted(arg) for arg in args)
            fork = env.fork()
            fork.aliases.pop(word, None)
            self.nested(Arg(alias + " " + rest) if alias is not None else None, fork, "an alias")
        if word in env.functions and not direct:
            self.walker.call(word, env, args)
            return
        if builtins.run(self, word, args, env):
            return
        name = self._plain_name(word)
        optional(self, name, args, env)
        inner = unwrap(name, args)
        if inner is None and not self._known(name):
            inner = guess(args)
        elif searched(name) and (run_too := guess(args)) is not None:
            self._inner(word, run_too, env, stdin)
        remote = inner is not None and inner.wrapper.remote and not inner.quiet and stdin.given
        if inner is not None and (inner.argv or inner.texts or inner.strange or remote or (inner.wrapper.more and stdin.given)):
            self._inner(word, inner, env, stdin)
            return
        self.ledger.runs(word)
        self.ledger.effect(EffectKind.EXEC)
        if name in _SHELLS:
            self._shell(name, args, env, stdin)
        elif name in _FOREIGN:
            self.ledger.reason(Tier.T3, "shell.foreign", f"{name} reads another language, which is not inspected here.")
        elif not oneliner.run(self, name, args, env, stdin):
            self._judged(word, name, args, env, stdin)

    def _plain_name(self, word: str) -> str:
        """A program's name without its folder; as a case-blind system or Windows would find it, where a rule knows that."""
        name = word.rsplit("/", 1)[-1]
        if not (name.isupper() or name.lower().endswith(".exe")):
            return name
        plain = name.rsplit("\\", 1)[-1].lower().removesuffix(".exe")
        return plain if self._catalogue.knows(plain) or plain in _SHELLS else name

    def _known(self, name: str) -> bool:
        known = name in _SHELLS or name in _FOREIGN or oneliner.finds(name) or special.knows(name)
        return known or self._catalogue.knows(name)

    def _inner(self, word: str, inner: Inner, env: Env, stdin: Stdin) -> None:
        wrapper = inner.wrapper
        self.ledger.runs(word)
        if inner.strange:
            self.ledger.reason(
                Tier.T3, "shell.wrapper", f"{word} has options that are not known here: {' '.join(inner.strange)[:80]}."
            )
        if wrapper.tier is not None:
            self.ledger.reason(
                wrapper.tier, "shell.wrapper", wrapper.reason or f"{word} runs a command in an environment of its own."
            )
        for assignment in inner.assigned:
            name, _, value = assignment.partition("=")
            self.assigned(name, value, env)
        within = env.fork()
        within.cwd = None if inner.login else within.cwd
        if inner.chdir is not None:
            builtins.change(self, inner.chdir, within)
        outer = (self.remote, self.root, self.walker.words, self.here)
        self.here &= not wrapper.guess
        if wrapper.remote:
            self.remote = wrapper.remote
            self.walker.words = Words(None)
            self.ledger.effect(EffectKind.REMOTE)
            self.ledger.reason(Tier.T1, "shell.remote", f"Runs a command somewhere else ({wrapper.remote}).")
            within.cwd = None
            if not inner.argv and not inner.texts and not inner.quiet:
                self.piped(f"a shell elsewhere ({wrapper.remote})", stdin, within)
        self.root = self.root or wrapper.root
        for text in inner.texts:
            self.nested(text, within, f"the text given to {word}")
        if wrapper.more and stdin.text is not None and not inner.argv and not inner.texts:
            self.nested(Arg(stdin.text), within, f"what {word} reads")
        if wrapper.guess:
            self.uninspected(f"Runs {word}, which no rule knows.")
        if inner.argv:
            if wrapper.more and stdin.names:
                within.bounds[ITEM] = stdin.names
                inner_argv = [stdin.names if arg == UNSEEN else (arg,) for arg in inner.argv]
                inner = msgspec.structs.replace(inner, argv=tuple(arg for group in inner_argv for arg in group))
            same = word in ("command", "builtin", "time", "!", "exec")
            self.run(inner.argv, env if same else within, stdin, direct=word not in ("time", "!", "coproc"))
        self.remote, self.root, self.walker.words, self.here = outer

    def _shell(self, name: str, args: tuple[Arg, ...], env: Env, stdin: Stdin) -> None:
        parsed = parse(args, ("-o", "+o", "-O", "+O", "--rcfile", "--init-file"), leading=True)
        rest = tuple(arg for arg in args[parsed.after :])
        while rest and rest[0].text.startswith("+"):
            rest = rest[1:]
        if "-c" in parsed.options or "--command" in parsed.options:
            self.nested(rest[0] if rest else None, env, f"the text given to {name} -c")
            return
        if rest and "-s" not in parsed.options:
            self.script(rest[0], env, name, shell=True)
            return
        if "--version" in parsed.options or "--help" in parsed.options:
            return
        self.piped(name, stdin, env)

    def piped(self, name: str, stdin: Stdin, env: Env) -> None:
        """Judge a shell that reads its commands from standard input."""
        if not stdin.given:
            self.uninspected(f"Starts {name} with nothing to run.", "shell.interactive")
        elif stdin.text is None and stdin.names:
            self.hidden(f"names of files are piped into {name}")
        elif stdin.text is None:
            self.hidden(f"what is piped into {name}")
        else:
            self.ledger.reason(Tier.T1, "shell.piped", f"Hands text to {name}; it is judged like a command.")
            self.nested(Arg(stdin.text), env, f"what is piped into {name}")

    def script(self, arg: Arg, env: Env, name: str, *, shell: bool) -> None:
        """Judge a script that is run: its content is bound; one that the agent wrote is inspected, or asks (A22)."""
        self.touch(Act(EffectKind.READ, "", env.cwd, "script.read", name), arg)
        if not arg.certain or arg.text.startswith(("/dev/fd/", "/dev/stdin", "/proc/")) or arg.text == "-":
            self.hidden(f"what {name} is given to run")
            return
        real, _ = self.files.place(arg.text, env.cwd)
        path = real or absolute(arg.text, env.cwd or "/")
        self.ledger.operand(path)
        if path not in self.ledger.made and path not in self.written:
            self.uninspected(f"Runs {path}; what is in it is not inspected.")
            return
        content = self._content(path)
        runner = name if content is None else _interpreter(content, name, shell=shell)
        if content is None or (runner not in _SHELLS and not oneliner.knows(runner)):
            self.ledger.reason(Tier.T3, "shell.written", f"Runs {path}, which the agent itself wrote.")
        elif runner in _SHELLS:
            self.nested(Arg(content), env, path)
        else:
            oneliner.inspect(self, runner, content, env)
        self.ledger.reason(Tier.T1, "shell.written-seen", f"Runs {path}, which the agent itself wrote; its text was looked at.")

    def own_text(self, names: list[str], env: Env) -> tuple[str | None, bool]:
        """The text of the first of some files that is there, and whether the agent wrote it in this session."""
        for name in names:
            real, stat = self.files.place(name, env.cwd)
            if not real or (stat is None and real not in self.ledger.content):
                continue
            own = real in self.ledger.made or real in self.written
            self.seen.add(real)
            if own:
                return self._content(real), True
            raw = self.tree.read(real, MAX_TEXT + 1)
            return (raw.decode("utf-8", "surrogateescape") if raw is not None and len(raw) <= MAX_TEXT else None), False
        return None, False

    def _content(self, path: str) -> str | None:
        """The text of a script that this session wrote, None where it is not known or is no text."""
        if path in self.ledger.made:
            return self.ledger.content.get(path)
        raw = self.tree.read(path, MAX_TEXT + 1)
        if raw is None or len(raw) > MAX_TEXT or b"\0" in raw:
            return None
        return raw.decode("utf-8", "surrogateescape")

    def uninspected(self, text: str, rule: str = "program.not-inspected") -> None:
        """Note something that no rule looks into: T1, also in a container; T3 as root or on another machine."""
        if self.root:
            self.ledger.reason(Tier.T3, "program.as-root", f"{text} It runs with other rights than the agent's.")
        elif self.remote and self.remote != "container":
            self.ledger.reason(Tier.T3, "program.remote", f"{text} It runs somewhere else ({self.remote}).")
        else:
            self.ledger.reason(Tier.T1, rule, text)

    def rules(self, name: str, args: tuple[Arg, ...], env: Env, stdin: Stdin) -> bool:
        """Judge by the rules about a program; False where none fits."""
        fits = self._catalogue.fits(name, args, stdin.text, piped=stdin.given)
        for fit in fits:
            apply.rule(self, fit, args, env)
        return bool(fits)

    def _judged(self, word: str, name: str, args: tuple[Arg, ...], env: Env, stdin: Stdin) -> None:
        if "/" in word:
            real, _ = self.files.place(word, env.cwd)
            if real and (real in self.written or real in self.ledger.made):
                self.script(Arg(word), env, name, shell=True)
            elif real:
                self.ledger.operand(real)
        if _VERB_NOUN.fullmatch(name):
            self.ledger.reason(Tier.T3, "shell.foreign", f"{name} is a command of PowerShell, which is not inspected here.")
        if carries(name, args, env):
            self.ledger.effect(EffectKind.NET)
            self.ledger.reason(
                Tier.T3,
                "net.carries",
                f"Hands what looks like a secret of this machine to {name}, in an argument that is computed from it.",
            )
        handled = special.run(self, name, args, env, stdin)
        fits = self.rules(name, args, env, stdin)
        if not fits and not handled:
            for arg in args:
                apply.mention(self, name, arg, env)
            self.uninspected(f"Runs {normal(word) if word.startswith('/') else word}, which no rule knows.")
