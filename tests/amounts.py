"""How many random cases a test draws: few each time, and many where `LAPILLI_MANY` is set in the environment."""

import os


def amount(usual: int, many: int) -> int:
    """The number for this run."""
    return many if os.environ.get("LAPILLI_MANY") else usual
