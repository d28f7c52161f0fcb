"""What the `fast` backend cannot run, because no kernel of it is known here."""

from lapilli.netx_exports.network import Network
from lapilli.simulators.fast.neurons.kinds import FAST_NEURONS
from lapilli.simulators.fast.synapses.kinds import FAST_SYNAPSES
from lapilli.simulators.refusals import unknown_kinds


def fast_refusals(network: Network) -> tuple[str, ...]:
    """Why the `fast` backend could not run `network`, one phrase for each reason; empty where it can.

    Compiles nothing.
    """
    return unknown_kinds(network, FAST_NEURONS, FAST_SYNAPSES)
