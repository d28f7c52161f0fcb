"""Join: windows wait at their places in the map for the last of their image."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lapilli.lava_models.synapses.delayed import DelayedModel, DelayedProcess, Int32
from lapilli.lava_models.synapses.wire import LavaSynapse, Wire
from lapilli.netx_exports.synapses.join import JoinSynapse

Int64 = npt.NDArray[np.int64]


class JoinProcess(DelayedProcess):
    """Puts what comes in a step at the places of the window that the step is of. A run must be one sample.

    Arguments:
        n_sources: neurons of the source.
        places: of each of them in each window, (windows, sources).
        weights: of each place of the map, (places,).
        phase: step, from 0, of the first window.
        graded, weight_exp: as of `DelayedProcess`.
    """

    def __init__(
        self, *, n_sources: int, places: Int64, weights: Int64, phase: int, graded: bool, weight_exp: int
    ) -> None:
        windows = len(places)
        super().__init__(
            size=len(weights), longest=windows - 1, graded=graded, weight_exp=weight_exp, phase=phase, windows=windows
        )
        self.s_in = InPort(shape=(n_sources,))
        self.places = Var(shape=places.shape, init=places)
        self.weights = Var(shape=weights.shape, init=weights)


@implements(proc=JoinProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyJoin(DelayedModel):
    """A product for each neuron of the window."""

    places: Int64 = LavaPyType(np.ndarray, np.int64)
    weights: Int64 = LavaPyType(np.ndarray, np.int64)

    def sums(self, step: int, values: Int32) -> Iterator[tuple[int, Int32]]:
        """The window's products, from the first window on."""
        late = step - self.proc_params["phase"]
        if late < 0:
            return
        window = late % self.proc_params["windows"]
        total = np.zeros(self.waiting.shape[1], np.int64)
        np.add.at(total, self.places[window], self.weights[self.places[window]] * values.astype(np.int64))
        yield self.proc_params["windows"] - 1 - window, total.astype(np.int32)


def _connect(synapse: JoinSynapse, wire: Wire) -> JoinProcess:
    places = _places(synapse, wire.layer.shape)
    process = JoinProcess(
        n_sources=places.shape[1],
        places=places,
        weights=np.broadcast_to(np.asarray(synapse.weights, np.int64), wire.layer.shape).reshape(-1).copy(),
        phase=synapse.phase,
        graded=wire.message_bits > 0,
        weight_exp=synapse.weight_exp,
    )
    wire.through(process)
    return process


def _places(synapse: JoinSynapse, shape: tuple[int, ...]) -> Int64:
    """Where in the map, flat in C order, each neuron of a window lies, (windows, neurons)."""
    rows, columns = synapse.cut.window_shape(*shape[1:])
    inside = np.add.outer(np.arange(shape[0]) * shape[1] * shape[2], np.arange(rows) * shape[2])
    inside = np.add.outer(inside, np.arange(columns)).reshape(-1)
    return np.array([inside + y * shape[2] + x for y, x in synapse.cut.origins(*shape[1:])])


JOIN = LavaSynapse(_connect, {})
