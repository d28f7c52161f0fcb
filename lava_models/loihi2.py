"""A graph on the chip: the builders' own Processes between Intel's adapters, run with Lava's Loihi 2 configuration.

    EventSource -> PyToNxAdapter -> (synapses and neurons) -> NxToPyAdapter -> SpikeSink        one adapter for a layer

So Intel's own scripts drive a NetX network (lava-nc/lava-dl, `tutorials/lava/lib/dl/netx/oxford/runLoihi.py`), and so
do others (R-Gaurav/mnist-on-loihi, NeuroBench). The adapters and all models for the neurocores come with Intel's
extension, which is not public: nothing of it is imported before it is used, because Lava's compiler executes this file
wherever a Process of this folder runs.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs, find_processes
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg
from lava.proc.lif.process import AbstractLIF

from lapilli.lava_models.actors import actors_watched
from lapilli.lava_models.rows import RowWriter
from lapilli.lava_models.sink import SpikeSink

_ADAPTERS = "lava.proc.embedded_io"
_HOST = "lapilli.lava_models."


class ChipInput:
    """Stands for a port of the host where a builder connects a network's input; spikes pass through an adapter.

    It knows as much of an `OutPort` as the builders use. What they do to the shape, the host does, before the adapter:
    an adapter has the shape of the port that it feeds, as in Intel's scripts.

    Arguments:
        port: of a host's Process.
        message_bits: width of graded spikes; 0: spikes without a value.
    """

    def __init__(self, port: OutPort, message_bits: int) -> None:
        self._port = port
        self._message_bits = message_bits
        self._adapter: AbstractProcess | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is sent."""
        return tuple(int(side) for side in self._port.shape)

    def reshape(self, shape: Sequence[int]) -> "ChipInput":
        """The same input in another shape."""
        return ChipInput(self._port.reshape(tuple(shape)), self._message_bits)

    def transpose(self, axes: Sequence[int]) -> "ChipInput":
        """The same input with its axes in another order."""
        return ChipInput(self._port.transpose(list(axes)), self._message_bits)

    def connect(self, entry: InPort) -> None:
        """Connect to a Process on the chip, through the adapter that all its readers of this shape share."""
        if self._adapter is None:
            from lava.proc.embedded_io.spike import PyToNxAdapter

            # `lava.networks` gives the width for graded spikes only; Intel's scripts leave it out for others.
            graded = {"num_message_bits": self._message_bits} if self._message_bits else {}
            self._adapter = PyToNxAdapter(shape=self.shape, **graded)
            self._port.connect(self._adapter.inp)
        self._adapter.out.connect(entry)


def spikes_to_host(neuron: AbstractProcess, n_steps: int, path: str) -> None:
    """Store what a neuron Process on the chip sends, one row for each step, received through an adapter."""
    from lava.proc.embedded_io.spike import NxToPyAdapter

    adapter = NxToPyAdapter(shape=tuple(int(side) for side in neuron.s_out.shape))
    neuron.s_out.connect(adapter.inp)
    SpikeSink(sender=adapter.out, writers=[RowWriter(path, n_steps, adapter.out.shape)])


def share_parameters(neurons: Iterable[AbstractProcess]) -> None:
    """Give LIF Processes one threshold and one pair of decays, as the chip has them, in place of one for each neuron.

    Arguments:
        neurons: neuron Processes of layers without `lapilli.netx_exports.chip.problems.chip_problems`.
    """
    for neuron in neurons:
        if isinstance(neuron, AbstractLIF):
            for variable in (neuron.vth, neuron.du, neuron.dv):
                variable.init = int(np.ravel(variable.init)[0])


def without_neurocore_model(process: AbstractProcess) -> list[str]:
    """Names of the Process classes between the adapters for which no model runs on a neurocore.

    Lava's run configuration would take a model for the CPU for them, without a word, and one for floats at that.
    """
    missing = set()
    for found in find_processes(process):
        kind = type(found)
        if not kind.__module__.startswith((_ADAPTERS, _HOST)) and not _runs_on_chip(found):
            missing.add(kind.__name__)
    return sorted(missing)


def _runs_on_chip(process: AbstractProcess) -> bool:
    from lava.magma.core.model.nc.model import AbstractNcProcessModel

    try:
        model: Any = Loihi2HwCfg().select(process, ProcGroupDiGraphs._find_proc_models(process))
    except (AssertionError, NotImplementedError):
        return False
    # A SubProcessModel is made of Processes of its own; Intel's are all for the chip.
    return issubclass(model, (AbstractNcProcessModel, AbstractSubProcessModel))


def run_on_chip(process: AbstractProcess, n_steps: int) -> float:
    """Compile the graph of `process` for the chip and run it; inside `lapilli.lava_models.runtime.lava_run` only.

    Returns:
        Seconds that the run itself took.

    Raises:
        ChildError: when an actor fails, is killed or ends. Main thread only.
    """
    with actors_watched(process):
        process.create_runtime(run_cfg=Loihi2HwCfg())
        started = time.perf_counter()
        process.run(condition=RunSteps(num_steps=n_steps))
        return time.perf_counter() - started
