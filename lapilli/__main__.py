"""`python -m lapilli`: the command line."""

import sys

from lapilli.cli import main

if __name__ == "__main__":
    sys.exit(main())
