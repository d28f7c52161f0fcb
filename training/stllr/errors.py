"""What can go wrong while a rule learns, where a smaller step might not."""

from lapilli.netx_exports.errors import LapilliError


class UnusableRateError(LapilliError):
    """A training that cannot go on with its learning rate: numbers that are none, or too large, or too small a rate."""
