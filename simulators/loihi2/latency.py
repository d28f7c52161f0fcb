"""How many steps a spike takes through the adapters of a board, measured with a network whose answer is known.

Lava's CPU graph has no adapters; on a board each is a program on an embedded processor, which hands spikes on a step
later. Intel's tutorials count such steps by hand ("gets transmitted through the embedded processor at t=1",
lava-nc/lava-dl, `tutorials/lava/lib/dl/netx/pilotnet_snn/run.ipynb`); how many there are depends on the release. So the
backend asks the board itself, once for each worker: one neuron spikes in every step because of its bias, the other one
once, because of an input spike in step 0. When their spikes arrive tells both latencies. The rest of the answer must be
right too: a board that gets two neurons wrong gets no network.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.synapses.kinds import DenseSynapse
from lapilli.simulators.events import Events
from lapilli.simulators.lava.client import LavaRunError

N_STEPS = 32

_UNIT = 128
_NEURONS = CubaLif(
    vth_mant=_UNIT // 2, current_decay=4096, voltage_decay=4095, bias_mant=np.array([_UNIT, 0]), bias_exp=6
)


@dataclass(frozen=True)
class Latency:
    """Steps that a spike takes on top of what it takes in Lava without adapters.

    Arguments:
        into: from the host to the chip.
        out: from the chip to the host.
    """

    into: int
    out: int

    @property
    def total(self) -> int:
        """Steps from the host to the chip and back."""
        return self.into + self.out


def known_network() -> Network:
    """One input, and two neurons: the first spikes in every step, the second one step after each input spike."""
    synapse = DenseSynapse("input", np.array([[0], [_UNIT]]))
    return Network((1,), (Layer("known", (2,), _NEURONS, (synapse,)),))


def known_events() -> Events:
    """One spike, in step 0."""
    zero = np.zeros(1, np.int32)
    return Events(zero, zero, np.array([0, 1], np.int64), N_STEPS, (1,))


def latency_of(rows: npt.NDArray[np.int32]) -> Latency:
    """The latencies that an answer of the known network tells.

    Arguments:
        rows: what the host received, (steps, 2).

    Raises:
        LavaRunError: when it cannot be the network's answer.
    """
    spikes = rows != 0
    arrived = [int(np.argmax(column)) if column.any() else len(rows) for column in spikes.T]
    out, into = arrived[0], arrived[1] - 1 - arrived[0]
    steps = np.arange(len(rows))
    expected = np.stack([steps >= out, steps == arrived[1]], axis=1)
    if into < 0 or arrived[1] == len(rows) or not np.array_equal(spikes, expected):
        answer = ", ".join(
            f"neuron {number} in steps {np.flatnonzero(column).tolist()}" for number, column in enumerate(spikes.T)
        )
        raise LavaRunError(f"the board answered a network of two neurons wrongly: spikes of {answer}")
    return Latency(into, out)
