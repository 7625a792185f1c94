"""What a secret looks like: a table, one row a kind. Add rows here.

A row is: the name in the marker; hints, literal texts of which one is in any text that the pattern can match, so that the row
is not tried without them (with a capital: exactly so; in small letters: in any case); the pattern. A group named `s` in it is
the secret itself, without one the whole match is.

Rules for a pattern: it begins with a literal or a small class (a look behind comes after it: that keeps it fast), every
repeat is bounded or ends at a character that it cannot take, and no two neighbouring repeats share a character. So one
pass over a text stays linear (R15).
"""

MARKER = r"<redacted:[a-z-]{1,24}:[0-9]{1,9}(?::[0-9a-f]{16})?+>"
# Also inside JSON inside a string. Possessive: what follows must not get a second try at an earlier place.
_SEPARATE = r"\\{0,3}+[\"']?+[ \t]{0,8}+(?:=>?|:=?)[ \t]{0,8}+\\{0,3}+[\"']?+"
_END = r"(?![^\s\"'`;&|<>,)}\]\\])"
# Words that stand where a secret could: no value at all, a shell variable, or our own marker.
_NO_SECRET = rf"(?!(?:(?i:true|false|null|none)|\$\{{?[A-Z_][A-Z0-9_]{{0,64}}\}}?|{MARKER}){_END})"
_QUOTED = r"(?<=\\\")[^\"\\\n]+|(?<=\")(?:[^\"\\\n]|\\.)+|(?<=')[^'\n]+"
NOT_ITSELF = r"(?![_-]?(?:s\b|s[_-]|file|path|name|count|type|url|limit|length|iz))[A-Za-z0-9_.-]{0,24}?"

WORD_NAMES = r"(?:[Pp](?i:assw(?:or)?d|assphrase)|_(?i:pwd))"
KEY_NAMES = (
    r"(?:[Ss](?i:ecret|igning[_-]?key)|[Tt](?i:oken)|[Aa](?i:(?:pi|ccess|ccount|uth)[_-]?key)"
    r"|[Pp](?i:rivate[_-]?key)|[Ee](?i:ncryption[_-]?key)|[Cc](?i:redential))"
)

_SCHEME = r"(?i:(?:basic|bearer|token|digest|negotiate|apikey)[ \t]{1,8}+)?+"
_REST_OF_LINE = r"[^\"'\r\n\\]{4,}"
_PEM_END = r"-----END [A-Z0-9 ]{0,48}-----"
_PEM_BODY = r"[A-Za-z0-9+/=:,.()\s\\-]"
_FLAG = rf"[ \t]{{1,4}}+[\"']?+{_NO_SECRET}"
_WORD_HINTS = "passw passphrase _pwd"
_KEY_HINTS = "secret token key credential"
_BARE = r"[^\s\"'`;&|<>]"

Row = tuple[str, str, str]

# Tokens that tell by themselves what they are. Only at the start of a word: a digest or a name may contain the letters.
TOKENS: tuple[Row, ...] = (
    ("aws-key", "AKIA ASIA ABIA ACCA", r"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("github", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{30,255}"),
    ("github", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}"),
    ("gitlab", "glpat- glptt- gldt- glrt- glsoat- glcbt- glft-", r"gl(?:pat|ptt|dt|rt|soat|cbt|ft)-[A-Za-z0-9_-]{20,255}"),
    ("slack", "xox", r"xox[abceoprs]-[A-Za-z0-9-]{10,255}"),
    ("slack", "xapp-", r"xapp-[0-9]-[A-Za-z0-9-]{10,255}"),
    ("stripe", "k_live_ k_test_", r"[spr]k_(?:live|test)_[A-Za-z0-9]{10,255}"),
    ("stripe", "whsec_", r"whsec_[A-Za-z0-9+/=]{20,255}"),
    ("anthropic", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{16,255}"),
    ("openai", "sk-", r"sk-(?<![_-]sk-)(?=[A-Za-z_-]{0,64}[0-9])[A-Za-z0-9_-]{20,255}"),
    ("google", "AIza", r"AIza[0-9A-Za-z_-]{35}"),
    ("google", "ya29.", r"ya29\.[0-9A-Za-z_-]{20,1024}"),
    ("google", "GOCSPX-", r"GOCSPX-[0-9A-Za-z_-]{20,64}"),
    ("npm", "npm_", r"npm_[A-Za-z0-9]{36}"),
    ("pypi", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{40,1024}"),
    ("huggingface", "hf_", r"hf_[A-Za-z0-9]{30,255}"),
    ("sendgrid", "SG.", r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}"),
    ("twilio", "SK", r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("telegram", ":AA", r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}"),
    ("discord", ".", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}"),
    ("digitalocean", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    ("vault", "hvs. hvb. hvr.", r"hv[sbr]\.[A-Za-z0-9_-]{20,1024}"),
    ("shopify", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    ("docker", "dckr_", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,255}"),
    ("databricks", "dapi", r"dapi[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("age", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("jwt", "eyJ", r"eyJ(?<![_.-]eyJ)[A-Za-z0-9_-]{8,8192}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{0,8192}"),
)

# Of kinds whose hints are in most texts: a part of every match that begins with a literal, so that looking for it costs little.
SHAPES = {"discord": r"\.[A-Za-z0-9_-]{6}\.", "twilio": r"SK[0-9a-f]{32}"}

# Secrets that only what stands around them gives away.
CONTEXTS: tuple[Row, ...] = (
    (
        "private-key",
        "PRIVATE",
        rf"-----BEGIN [A-Z0-9 ]{{0,32}}PRIVATE KEY[A-Z ]{{0,8}}-----{_PEM_BODY}*?(?:{_PEM_END}|(?!{_PEM_BODY}))",
    ),
    ("slack-hook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/(?P<s>[A-Za-z0-9/_-]{20,255})"),
    ("url-password", "://", r"://[^\s/@:\"'<>]{0,256}:(?![0-9]{1,5}/)(?P<s>(?:(?!://)[^\s\"'<>]){1,256})@"),
    ("url-token", "://", r"://(?P<s>[^\s/@:\"'<>]{20,256})@"),
    (
        "signature",
        "sig= signature= key=",
        r"[?&](?i:sig|signature|x-amz-signature|x-goog-signature|key)=(?P<s>[^&\s\"'#<>]{12,2048})",
    ),
    ("authorization", "authorization", rf"[Aa](?i:uthorization){_SEPARATE}{_SCHEME}{_NO_SECRET}(?P<s>{_REST_OF_LINE})"),
    ("bearer", "bearer", r"[Bb](?i:earer)[ \t]{1,8}(?=[A-Za-z._~+/=-]{0,64}[0-9])(?P<s>[A-Za-z0-9._~+/=-]{12,8192})"),
    ("cookie", "cookie", rf"[Cc](?i:ookie){_SEPARATE}{_NO_SECRET}(?P<s>{_REST_OF_LINE})"),
    ("password", _WORD_HINTS, rf"{WORD_NAMES}{NOT_ITSELF}{_SEPARATE}{_NO_SECRET}(?P<s>{_QUOTED}|{_BARE}+)"),
    ("password", _WORD_HINTS, rf"--[a-z-]{{0,24}}?{WORD_NAMES}{_FLAG}(?P<s>{_QUOTED}|(?!-){_BARE}+)"),
    (
        "password",
        "sshpass password",
        rf"(?:sshpass -p|password(?<=\spassword))(?=[ \t]{{1,4}}[^\s]{{0,64}}[0-9]){_FLAG}(?P<s>{_BARE}+)",
    ),
    (
        "password",
        "-u",
        rf"-(?<=\s-)(?:u|-user)[ =]{{1,4}}+[\"']?+[^\s:\"']{{1,64}}:(?![0-9]{{1,10}}\b){_NO_SECRET}(?P<s>{_BARE}+)",
    ),
    ("secret", _KEY_HINTS, rf"{KEY_NAMES}{NOT_ITSELF}{_SEPARATE}{_NO_SECRET}(?P<s>{_QUOTED}|{_BARE}{{6,}})"),
    ("secret", _KEY_HINTS, rf"--[a-z-]{{0,24}}?{KEY_NAMES}{_FLAG}(?P<s>{_QUOTED}|(?!-){_BARE}{{6,}})"),
)
