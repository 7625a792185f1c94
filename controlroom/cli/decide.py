"""`controlroom allow` and `controlroom deny`: one answer to one request. Starts without the heavy imports."""

import os

from controlroom.cli.quick import FAILED, NO_DAEMON, OK, USAGE, Usage, fail, options, say
from controlroom.client.rpc import ALLOW_SECONDS, ANSWER_SECONDS, NoDaemon, Operator, Refused, RpcError
from controlroom.client.where import NoPlace, where

HELP = {
    "allow": """Usage: controlroom allow ID --digest D

Allows request ID once. D is the digest that was shown with it (controlroom pending --json, controlroom show ID):
if the request is not what was shown any more, nothing is allowed and the request keeps waiting.""",
    "deny": """Usage: controlroom deny ID [--reason R] [--digest D]

Denies request ID. R is told to the agent.""",
}


def main(words: list[str]) -> int:
    """Runs `allow ...` or `deny ...`; gives the exit code."""
    verb = words[0]
    if "--help" in words or "-h" in words:
        print(HELP[verb])
        return OK
    try:
        params = _params(verb, words[1:])
    except Usage as error:
        return fail(f"{error}\n{HELP[verb].splitlines()[0]}".replace("\n", ". "), USAGE)
    try:
        seconds = ALLOW_SECONDS if verb == "allow" else ANSWER_SECONDS
        with Operator(where(os.environ), seconds=seconds) as operator:
            operator.call(verb, **params)
    except NoDaemon as error:
        return fail(f"{error}. Nothing was decided.", NO_DAEMON)
    except Refused as error:
        return fail(f"{verb} {params['id']}: {error.code}: {error}", FAILED)
    except (RpcError, NoPlace) as error:
        return fail(str(error), FAILED)
    say("allowed and delivered" if verb == "allow" else "denied")
    return OK


def _params(verb: str, words: list[str]) -> dict[str, str]:
    names = ("--digest",) if verb == "allow" else ("--digest", "--reason")
    rest, values = options(words, names)
    if len(rest) != 1:
        raise Usage(f"{verb} takes one request id, not {len(rest)}")
    if verb == "allow" and not values.get("--digest"):
        raise Usage("allow needs --digest D, the digest that was shown with the request")
    return {"id": rest[0], **{name.removeprefix("--"): value for name, value in values.items()}}
