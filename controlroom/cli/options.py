"""Options that several commands have: what each means is said once. None has a `--no-` form (`app.build`)."""

from typing import Annotated

from cyclopts import Parameter

Agent = Annotated[str, Parameter(help="only of this agent (name or session)")]
Json = Annotated[bool, Parameter(name="--json", help="one array of objects, oldest first")]
OneObject = Annotated[bool, Parameter(name="--json", help="one object")]
Yes = Annotated[bool, Parameter(help="answers the command's own question")]
Command = Annotated[str, Parameter(allow_leading_hyphen=True)]
