"""The input's values as the neurons' input current."""

from collections.abc import Iterator

from lapilli.simulators.reference.synapses.pathway import Int64, Pathway


class DirectPathway(Pathway):
    """What is fed, as it is."""

    def sums(self, step: int, sent: Int64) -> Iterator[tuple[int, Int64]]:
        """(delay, sums at the neurons) of what the source sent in a step."""
        yield 0, sent
