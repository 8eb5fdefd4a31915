"""`python -m jarch` is the command `jarch`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
