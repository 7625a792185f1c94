"""`python -m controlroom`: the same as the `controlroom` command."""

import sys

from controlroom.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
