"""The readout of a learning network: leaky integrators that compare themselves with the label, step by step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.neuron import LearningNeuronModelFixed, LearningNeuronModelFloat
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.neuron import LearningNeuronProcess
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed, AbstractPyLifModelFloat
from lava.proc.lif.process import AbstractLIF

from lapilli.lava_models.learning.neurons import SIGNAL_ZERO, Y_MAX
from lapilli.lava_models.rows import RowWriter
from lapilli.lava_models.sample_clock import starts_sample

ErrorOf = Callable[[npt.NDArray[Any], int], npt.NDArray[Any]]
"""Error of each class from the voltages and the label; in fixed point -64…63."""


class LearningReadout(LearningNeuronProcess, AbstractLIF):  # type: ignore[misc]
    """Integrators that never spike; they send their error to feedback synapses and, as y3, to their own synapses.

    y1 is 127 where the error is not 0 (in floating point 1), y2 is 0: the rule of the synapses is error times trace.

    Arguments:
        shape: (classes,).
        du, dv, bias_mant, bias_exp: as of `lava.proc.lif.LIF`.
        error: from voltages and label to the error of each class; travels to the child by fork.
        labels: class of each sample, in the order in which they come.
        period: steps of a sample; all starts from 0 in the first of each.
        window: the error is 0 outside of the last `window` steps of a sample.
        writer: of rows (classes,): the voltage of each step, in fixed point.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, ...],
        du: npt.ArrayLike,
        dv: npt.ArrayLike,
        bias_mant: npt.ArrayLike,
        bias_exp: int,
        error: ErrorOf,
        labels: npt.NDArray[np.int64],
        period: int,
        window: int,
        writer: RowWriter | None = None,
    ) -> None:
        super().__init__(
            shape=shape,
            learning_rule=None,
            u=0,
            v=0,
            du=du,
            dv=dv,
            bias_mant=bias_mant,
            bias_exp=bias_exp,
            name="",
            log_config=None,
            error=error,
            labels=labels,
            period=period,
            window=window,
            writer=writer,
        )
        self.error_out = OutPort(shape=shape)
        self.vth = Var(shape=(1,), init=0)


@implements(proc=LearningReadout, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyLearningReadout(LearningNeuronModelFixed, AbstractPyLifModelFixed):  # type: ignore[misc]
    """In integers."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    error_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: int = LavaPyType(int, np.int32, precision=17)

    def run_spk(self) -> None:
        """One step."""
        parameters: dict[str, Any] = self.proc_params
        if starts_sample(self.time_step, parameters["period"]):
            self.u[:] = self.v[:] = 0
        self.scale_bias()
        self.subthr_dynamics(activation_in=self.a_in.recv())
        if writer := parameters["writer"]:
            writer.write(self.time_step - 1, self.v)
        error = _error(self, parameters).astype(np.int32)
        silent = np.zeros(self.v.shape, np.int32)
        self.s_out.send(silent)
        self.error_out.send(error)
        self.s_out_bap.send(silent.astype(bool))
        self.s_out_y1.send(Y_MAX * (error != 0).astype(np.int32))
        self.s_out_y2.send(silent)
        self.s_out_y3.send(SIGNAL_ZERO + error)


@implements(proc=LearningReadout, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyLearningReadoutFloat(LearningNeuronModelFloat, AbstractPyLifModelFloat):  # type: ignore[misc]
    """In floating point."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    error_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    vth: float = LavaPyType(float, float)

    def run_spk(self) -> None:
        """One step."""
        parameters: dict[str, Any] = self.proc_params
        if starts_sample(self.time_step, parameters["period"]):
            self.u[:] = self.v[:] = 0
        self.subthr_dynamics(activation_in=self.a_in.recv())
        error = _error(self, parameters)
        if not np.isfinite(error).all():
            raise ValueError(f"error of the readout: must be finite, got {error} in step {self.time_step}")
        silent = np.zeros(self.v.shape)
        self.s_out.send(silent)
        self.error_out.send(error)
        self.s_out_bap.send(silent.astype(bool))
        self.s_out_y1.send((error != 0).astype(float))
        self.s_out_y2.send(silent)
        self.s_out_y3.send(error)


def float_softmax_error(voltages: npt.NDArray[np.float64], label: int) -> npt.NDArray[np.float64]:
    """Floating point: gradient of the cross-entropy at the voltages, their softmax less 1 for the label."""
    shares = np.exp(voltages - voltages.max())
    shares /= shares.sum()
    shares[label] -= 1
    return np.asarray(shares, np.float64)


def _error(readout: Any, parameters: dict[str, Any]) -> npt.NDArray[Any]:
    """Error of the step; 0 before the window."""
    sample, step = divmod(readout.time_step - 1, parameters["period"])
    if step < parameters["period"] - parameters["window"]:
        return np.zeros(readout.v.shape)
    return np.asarray(parameters["error"](readout.v, int(parameters["labels"][sample])))
