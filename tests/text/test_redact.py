"""Planted secrets do not get through; everything else does (R14, R15, S18)."""

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.text.patterns import CONTEXTS, TOKENS
from controlroom.text.redact import _ALL, _hinted, _in_strings, _is_quiet, redact, redact_json

A20, A36 = "a1B2c3D4e5F6g7H8i9J0", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA=\n-----END OPENSSH PRIVATE KEY-----"

# Name in the marker, text before, the secret, text after. Made up; built in pieces so that no scanner takes them for real.
PLANTED = [
    ("aws-key", "id ", "AKIA" + "IOSFODNN7EXAMPLE", " ok"),
    ("github", "push https to ", "ghp_" + A36, " now"),
    ("github", "", "github_pat_" + A36, ""),
    ("gitlab", "use ", "glpat-" + A20, "."),
    ("slack", "say ", "xoxb-" + "1234567890-" + A20, " x"),
    ("slack-hook", "https://hooks.slack.com/services/", "T000/B000/" + A20, " x"),
    ("stripe", "pay ", "sk_live_" + A20, ";"),
    ("anthropic", "x ", "sk-ant-api03-" + A36, " y"),
    ("openai", "x ", "sk-proj-" + A36, " y"),
    ("google", "x ", "AIza" + "SyA" + A36[:32], " y"),
    ("npm", "x ", "npm_" + A36, " y"),
    ("pypi", "x ", "pypi-AgE" + A36 + A20, " y"),
    ("huggingface", "x ", "hf_" + A36, " y"),
    ("sendgrid", "x ", "SG." + A20 + "." + A36, " y"),
    ("twilio", "x ", "SK" + "0123456789abcdef" * 2, " y"),
    ("telegram", "bot ", "123456789:AA" + A36[:33], " y"),
    ("discord", "x ", "M" + A20 + "abcde.abcdef." + A36[:30], " y"),
    ("digitalocean", "x ", "dop_v1_" + "0123456789abcdef" * 4, " y"),
    ("vault", "x ", "hvs." + A36, " y"),
    ("shopify", "x ", "shpat_" + "0123456789abcdef" * 2, " y"),
    ("docker", "x ", "dckr_pat_" + A20, " y"),
    ("databricks", "x ", "dapi" + "0123456789abcdef" * 2, " y"),
    ("age", "x ", "AGE-SECRET-KEY-1" + "Q" * 58, " y"),
    ("jwt", "x ", "eyJhbGciOiJI.eyJzdWIiOiIx." + A36, " y"),
    ("private-key", "cat: ", PEM, "\nnext line"),
    ("url-password", "postgres://app:", "s3cr/t@pw", "@db/x"),
    ("url-token", "https://", A20, "@host/x"),
    ("signature", "https://h/b?se=1&sig=", A20 + "%3D", "&x=1"),
    ("authorization", 'curl -H "Authorization: Bearer ', "abc.def", '" https://h'),
    ("authorization", "authorization: ", "dXNlcjpwYXNz", "\n"),
    ("bearer", "with bearer ", A20, " please"),
    ("cookie", "Cookie: ", "sid=abc; theme=dark", "\nHost: h"),
    ("password", "export PGPASSWORD=", "hunter2", " && psql"),
    ("password", 'password: "', "two words", '"'),
    ("password", "mysql --password ", "hunter2", " -e 1"),
    ("password", "MYSQL_PWD=", "x!y", " mysql"),
    ("password", "machine h login me password ", "h4nter", " "),
    ("password", "curl -u me:", "pa55:word", " https://h"),
    ("secret", "AWS_SECRET_ACCESS_KEY=", A36 + "/+", " aws s3 ls"),
    ("secret", "{'api_key': '", "abc", "'}"),
    ("secret", "deploy --token ", A20, " --now"),
    ("secret", "X-Api-Key: ", A20, "\n"),
    ("secret", 'a \\"client_secret\\": \\"', "top", '\\" b'),
]


@pytest.mark.row("R14")
@pytest.mark.parametrize(("name", "before", "secret", "after"), PLANTED)
def test_a_planted_secret_is_replaced_and_nothing_else(name: str, before: str, secret: str, after: str) -> None:
    clean = redact(before + secret + after)
    assert clean == f"{before}<redacted:{name}:{len(secret)}>{after}"
    assert redact(clean) == clean


@pytest.mark.row("R14")
@pytest.mark.parametrize(
    "text",
    [
        "max_tokens=4096, input_tokens: 12000000",
        "TOKEN=$GITHUB_TOKEN ./deploy --token ${TOKEN}",
        "password: null, secret = true",
        "git clone ssh://git@example.org/x && curl http://localhost:8080/@scope/a",
        "docker run -u 1000:1000 image",
        "kubectl get secrets; token_type=bearer; password_file=/run/pw",
        "0123456789abcdef" * 4,
        "sk-learn-is-a-package-with-a-long-name",
        "def tokenize(text): return passwords",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.row("R14")
@pytest.mark.parametrize(("name", "before", "secret", "after"), PLANTED)
def test_a_secret_in_json_in_json_is_replaced_and_both_stay_json(name: str, before: str, secret: str, after: str) -> None:
    command = before + secret + after
    text = json.dumps({"action": {"input": json.dumps({"command": command, "n": 1.50})}, "ok": True})
    clean = redact_json(text)
    assert json.loads(json.loads(clean)["action"]["input"]) == {"command": redact(command), "n": 1.5}
    assert redact_json(clean) == clean


@pytest.mark.row("R14")
def test_the_value_of_a_telling_key_goes_whole() -> None:
    text = '{"db":{"password" : "a \\"b\\" c","user":"me"},"x-api-key":"k","max_tokens":5,"token":""}'
    clean = '{"db":{"password" : "<redacted:value:7>","user":"me"},"x-api-key":"<redacted:value:1>","max_tokens":5,"token":""}'
    assert redact_json(text) == clean


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from([p + s + a for _, p, s, a in PLANTED])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)),
    max_leaves=8,
)


@given(JSON, st.sampled_from([None, 2]))
def test_json_stays_json_of_the_same_shape(value: object, indent: int | None) -> None:
    clean = redact_json(json.dumps(value, indent=indent))
    assert _shape(json.loads(clean)) == _shape(value)
    assert redact_json(clean) == clean


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return [_shape(inner) for inner in value.values()]
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    return type(value).__name__


@given(st.text(max_size=200))
def test_text_that_is_not_json_does_not_raise(text: str) -> None:
    redact_json(text)
    redact_json("{" + text)


def test_json_deeper_than_any_stack_does_not_raise() -> None:
    redact_json("[" * 100_000 + '"password=hunter2"' + "]" * 100_000)


ADVERSARIAL = [
    *(
        "://",
        "://:",
        "://a:",
        "://a:b",
        "eyJ",
        "-eyJ",
        "eyJaaaaaaaa.",
        "eyJaaaaaaaa.eyJaaaaaaaa",
        "sk-",
        "-sk-",
        "sk-a-",
        "password",
    ),
    *(
        "password=",
        'password="',
        "password='",
        "password: ",
        "token ",
        "--token ",
        "--",
        "--a",
        "secret_",
        "api-",
        "a",
        " ",
        "\\",
        '"',
    ),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "authorization:",
        "authorization: bearer ",
        "bearer ",
        "bearer a",
        "cookie: ",
    ),
    *(
        "AKIA",
        "ghp_",
        "xoxb-",
        "SG.",
        "M" + "a" * 23 + ".",
        "123456789:",
        "-u a:",
        " -u ",
        "?sig=",
        "&key=",
        "<redacted:a:1>",
        "@",
    ),
]


@pytest.mark.row("R15")
@pytest.mark.parametrize("piece", ADVERSARIAL)
def test_time_grows_with_the_length_only(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece)) + " x"
        began = time.thread_time()
        redact(text)
        return time.thread_time() - began

    redact(piece)  # compiles the rows
    small = min(seconds(16_000) for _ in range(3))
    large = min(seconds(128_000) for _ in range(3))
    # Eight times the text: 8 when linear, 64 when quadratic. Below 5 ms the clock's own grain decides.
    assert large < 0.005 or large < 24 * small


@pytest.mark.row("R14")
def test_what_follows_a_telling_flag_in_an_argument_list_goes() -> None:
    text = '["tool","--password","hunter2","-v","--token-file","/run/x"]'
    assert redact_json(text) == '["tool","--password","<redacted:value:7>","-v","--token-file","/run/x"]'
    assert redact_json('{"a":"--password","b":"x"}') == '{"a":"--password","b":"x"}'


def numbered(secret: str) -> str:
    """A mark that a test can tell: which secret it is of."""
    return f"{sum(secret.encode('utf-8', 'surrogatepass')):016x}"


@pytest.mark.row("J18")
@pytest.mark.parametrize(("name", "before", "secret", "after"), PLANTED)
def test_a_mark_is_of_the_secret_alone_and_stays_on_a_second_pass(name: str, before: str, secret: str, after: str) -> None:
    clean = redact(before + secret + after, numbered)
    assert clean == f"{before}<redacted:{name}:{len(secret)}:{numbered(secret)}>{after}"
    assert redact(clean, numbered) == redact(clean) == clean


@pytest.mark.row("J18")
def test_the_same_secret_has_the_same_mark_wherever_it_stands_in_json() -> None:
    inner = json.dumps({"command": "curl https://me:s3cr3t-value@example.org"})
    clean = redact_json(json.dumps({"password": "s3cr3t-value", "input": inner, "argv": ["--token", "s3cr3t-value"]}), numbered)
    assert clean.count(f":12:{numbered('s3cr3t-value')}>") == 3 and "s3cr3t" not in clean
    assert redact_json(clean, numbered) == clean


_PIECES = st.one_of(
    st.sampled_from([before + secret + after for _, before, secret, after in PLANTED]),
    st.sampled_from(["rm -rf build", "a.b.c", "task", "monkey", "api_key", "--token", "Cookie", "://", "-u me:1", '"q"', "{}"]),
    st.text(max_size=8),
)
_VALUES = st.recursive(
    _PIECES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_PIECES, inner, max_size=3), inner.map(lambda value: json.dumps(value))
    ),
    max_leaves=6,
)


@pytest.mark.row("R14")
@given(value=_VALUES, plain=st.booleans())
def test_where_the_short_look_finds_nothing_the_long_one_finds_nothing(value: object, plain: bool) -> None:
    text = json.dumps(value, ensure_ascii=plain)
    if _is_quiet(text):
        assert _in_strings(text, 8, tuple(range(len(TOKENS + CONTEXTS))), None) == text
        assert "\\" in text or redact(text) == text, "as text that is not JSON, too"


@pytest.mark.row("R14")
@given(planted=st.sampled_from(PLANTED), turned=st.integers(0))
def test_a_row_that_finds_a_secret_is_tried_whatever_the_case_of_its_letters(
    planted: tuple[str, str, str, str], turned: int
) -> None:
    text = "".join(planted[1:])
    text = "".join(letter.swapcase() if turned >> at & 1 else letter for at, letter in enumerate(text))
    finding = {number for number, (_, _, pattern) in enumerate(TOKENS + CONTEXTS) if re.search(pattern, text)}
    assert finding <= {*_hinted(text, _ALL)}


def test_a_record_without_a_secret_costs_one_short_look() -> None:
    act = {"action": {"tool": "Bash", "input": json.dumps({"command": "git -C /home/op/shop clean -fdx"})}, "cwd": "/home/op"}
    assert _is_quiet(json.dumps(act))
