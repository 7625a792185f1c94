"""What a secret looks like: a table, one row a kind. Add rows here.

Each row: the name in the marker, then the pattern. A group named `s` is the secret itself, without one the whole match is.
Rules for a pattern: it begins with literal text or a small class, every repeat is bounded or ends at a character that it cannot
take, and no two neighbouring repeats share a character. So one pass over a text stays linear (R15).
"""

_B = r"(?<![A-Za-z0-9])"  # not inside a longer word: keeps digests and names that merely contain the letters
_SEPARATE = r"\\{0,3}[\"']?[ \t]{0,8}(?:=>?|:=?)[ \t]{0,8}\\{0,3}[\"']?"  # also inside JSON inside a string
_END = r"(?![^\s\"'`;&|<>,)}\]])"
# Words that stand where a secret could: no value at all, a shell variable, or our own marker.
_NO_SECRET = (
    rf"(?!(?:(?i:true|false|null|none)|\$\{{?[A-Z_][A-Z0-9_]{{0,64}}\}}?|<redacted:[a-z-]{{1,24}}:[0-9]{{1,9}}>){_END})"
)
_QUOTED = r"(?<=\\\")[^\"\\\n]+|(?<=\")(?:[^\"\\\n]|\\.)+|(?<=')[^'\n]+"
NOT_ITSELF = r"(?![_-]?(?:s\b|s[_-]|file|path|name|count|type|url|limit|length|iz))[A-Za-z0-9_.-]{0,24}?"

WORD_NAMES = r"(?i:passw(?:or)?d|passphrase|(?<=_)pwd)"
KEY_NAMES = r"(?i:secret|token|(?:api|access|account|auth|private|signing|encryption)[_-]?key|credential)"

ROWS: tuple[tuple[str, str], ...] = (
    (
        "private-key",
        r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY[A-Z ]{0,8}-----(?:[A-Za-z0-9+/=:,.()\s\\-])*?(?:-----END [A-Z0-9 ]{0,48}-----|(?![A-Za-z0-9+/=:,.()\s\\-]))",
    ),
    ("aws-key", _B + r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("github", _B + r"gh[pousr]_[A-Za-z0-9]{30,255}"),
    ("github", _B + r"github_pat_[A-Za-z0-9_]{22,255}"),
    ("gitlab", _B + r"gl(?:pat|ptt|dt|rt|soat|cbt|ft|agent)-[A-Za-z0-9_-]{20,255}"),
    ("slack", _B + r"xox[abceoprs]-[A-Za-z0-9-]{10,255}"),
    ("slack", _B + r"xapp-[0-9]-[A-Za-z0-9-]{10,255}"),
    ("slack-hook", r"hooks\.slack\.com/(?:services|workflows)/(?P<s>[A-Za-z0-9/_-]{20,255})"),
    ("stripe", _B + r"[spr]k_(?:live|test)_[A-Za-z0-9]{10,255}"),
    ("stripe", _B + r"whsec_[A-Za-z0-9+/=]{20,255}"),
    ("anthropic", _B + r"sk-ant-[A-Za-z0-9_-]{16,255}"),
    ("openai", r"(?<![A-Za-z0-9_-])sk-(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,255}"),
    ("google", _B + r"AIza[0-9A-Za-z_-]{35}"),
    ("google", _B + r"ya29\.[0-9A-Za-z_-]{20,1024}"),
    ("google", _B + r"GOCSPX-[0-9A-Za-z_-]{20,64}"),
    ("npm", _B + r"npm_[A-Za-z0-9]{36}"),
    ("pypi", _B + r"pypi-AgE[A-Za-z0-9_-]{40,1024}"),
    ("huggingface", _B + r"hf_[A-Za-z0-9]{30,255}"),
    ("sendgrid", _B + r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"),
    ("twilio", _B + r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("telegram", _B + r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    ("discord", _B + r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}"),
    ("digitalocean", _B + r"do[opr]_v1_[0-9a-f]{64}"),
    ("vault", _B + r"hv[sbr]\.[A-Za-z0-9_-]{20,1024}"),
    ("shopify", _B + r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("docker", _B + r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,255}"),
    ("databricks", _B + r"dapi[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("age", _B + r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("jwt", r"(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{8,8192}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{0,8192}"),
    ("url-password", r"://[^\s/@:\"'<>]{0,256}:(?![0-9]{1,5}/)(?P<s>(?:(?!://)[^\s\"'<>]){1,256})@"),
    ("url-token", r"://(?P<s>[^\s/@:\"'<>]{20,256})@"),
    ("signature", r"[?&](?i:sig|signature|x-amz-signature|x-goog-signature|key)=(?P<s>[^&\s\"'#<>]{12,2048})"),
    (
        "authorization",
        r"(?i:authorization)"
        + _SEPARATE
        + _NO_SECRET
        + r"(?i:(?:basic|bearer|token|digest|negotiate|apikey)[ \t]{1,8})?"
        + _NO_SECRET
        + r"(?P<s>[^\"'\r\n\\]{4,8192})",
    ),
    ("bearer", r"(?i:bearer)[ \t]{1,8}(?=[A-Za-z._~+/=-]{0,64}[0-9])(?P<s>[A-Za-z0-9._~+/=-]{12,8192})"),
    ("cookie", r"(?i:cookie)\\{0,3}[\"']?[ \t]{0,8}:[ \t]{0,8}\\{0,3}[\"']?" + _NO_SECRET + r"(?P<s>[^\"'\r\n\\]{4,8192})"),
    ("password", WORD_NAMES + NOT_ITSELF + _SEPARATE + _NO_SECRET + rf"(?P<s>{_QUOTED}|[^\s\"'`;&|<>]+)"),
    (
        "password",
        r"--[a-z-]{0,24}?"
        + WORD_NAMES
        + r"[ \t]{1,4}[\"']?"
        + _NO_SECRET
        + rf"(?P<s>{_QUOTED}|[^\s\"'`;&|<>-][^\s\"'`;&|<>]*)",
    ),
    (
        "password",
        r"(?:sshpass[ \t]{1,4}-p|(?<=\s)password)[ \t]{1,4}(?=[^\s]{0,64}[0-9])[\"']?" + _NO_SECRET + r"(?P<s>[^\s\"']+)",
    ),
    ("password", r"(?<=\s)(?:-u|--user)[ =]{1,4}[\"']?[^\s:\"']{1,64}:(?![0-9]{1,10}\b)" + _NO_SECRET + r"(?P<s>[^\s\"']+)"),
    ("secret", KEY_NAMES + NOT_ITSELF + _SEPARATE + _NO_SECRET + rf"(?P<s>(?:{_QUOTED})|[^\s\"'`;&|<>]{{6,}})"),
    (
        "secret",
        r"--[a-z-]{0,24}?"
        + KEY_NAMES
        + r"[ \t]{1,4}[\"']?"
        + _NO_SECRET
        + rf"(?P<s>{_QUOTED}|[^\s\"'`;&|<>-][^\s\"'`;&|<>]{{5,}})",
    ),
)
