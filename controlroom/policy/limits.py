"""How much an assessment looks at. Whatever is over a limit is denied, never judged more softly (A12)."""

MAX_TEXT = 65_536  # bytes of one command line: what is longer cannot be shown to an operator either
MAX_OPENINGS = 1_000  # of `<<` or `=(`: the parser's time grows with their square (20,000 took 5 s)
MAX_PIPES = 4_000  # `|` in one text, for the same reason (7,500 took 1 s)
MAX_COMMANDS = 512  # simple commands in one action, counted where they hide too
MAX_NESTING = 120  # syntax, wrappers and `-c` strings together; four Python frames a level stay under 1,000
MAX_WORDS = 4_096  # arguments of one command after expansion
MAX_FIELDS = 512  # alternatives that one word may expand to; more = "could match" below the fixed part
MAX_NAMES = 4_096  # programs that the catalogue remembers, also that it does not know them
MAX_ROUNDS = 16  # rounds of one loop that are looked at one by one; more are taken together
MAX_SOURCE = 1_000  # characters that are kept of the text that an unknown variable is computed from
MAX_BRACES = 64  # brace groups in one word; more = "could match"
MAX_PATH = 16_384  # bytes of a path; no file system has a longer one
MAX_TARGETS = 256  # targets listed one by one; the rest is counted in their common ancestor's reason
SCAN_ENTRIES = 20_000  # directory entries looked at for one action (about 200 ms on a cold disk)
MEMBER_ENTRIES = 2_000  # entries looked at to find the inodes of never-touch members
MAX_DIFF = 262_144  # bytes of each side of a diff
