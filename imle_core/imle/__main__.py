"""`python -m imle`: the command line, where the script `imle` is not on the path."""

from __future__ import annotations

import sys

from imle.cli import main

if __name__ == "__main__":
    sys.exit(main())
