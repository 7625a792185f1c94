"""One argument of a command, as far as it is known."""

import msgspec


class Arg(msgspec.Struct, frozen=True):
    """One argument. `text` is its value; where that is not certain, the source text, and `stem` its known start.

    `bounded`: below the directory `stem`, whatever it becomes; `only`: an expression that its path then has. `split`: may
    become several arguments, or none. `plain`: a value of the outer environment that is surely no option.
    """

    text: str
    certain: bool = True
    stem: str = ""
    bounded: bool = False
    split: bool = False
    only: str = ""
    plain: bool = False
