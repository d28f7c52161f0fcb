"""Spiking LSTM: long short-term memory whose gates are integrate-and-fire neurons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, LARGEST_THRESHOLD, Neuron

CURRENT_LIMIT = 1 << 17
"""A gate's current, and what of the cell's memory reaches its membrane, is held within ±(2^17 - 1)."""

GATES = 4
"""Sums of a unit: the gates i, f, g, o in the order of torch."""

_LARGEST = CURRENT_LIMIT - 1


@dataclass(frozen=True, eq=False)
class SpikingLstm(Neuron):
    """One SNN step of a layer of LSTM cells whose gates i, f, o and whose output t spike: a copy of the cell.

    A sequence is shown element by element, and each element for T SNN steps. There is a layer of units for each of
    these, copy 0 to copy T - 1, and a copy is stepped once for each element. A unit takes four sums at "input" and
    four at "recurrent", those of the gates i, f, g, o in this order: sum `k units + n` of a port is that of gate k and
    unit n. 256 of them are 1.0 of a gate's current; membranes carry 6 more bits. In a step, of gates k in i, f, o:

        x_k = what arrives at "input"
        z_k = x_k + what arrives at "recurrent" + gate_bias_k, held within ±(2^17 - 1)
        U_k = decayed(U'_k) + ((start_k + z_k) << 6), held within ±(2^23 - 1)
        where U_k >= V_k << 6 gate k spikes, and V_k << 6 is taken off U_k
        g = z_g held within ±clamp
        c = (c of the last step if gate f spikes, else 0) + (g if gate i spikes, else 0), held within ±(2^23 - 1)
        M = decayed(M') + (c held within ±(2^17 - 1) << 6), held within ±(2^23 - 1)
        t = 1 where 2 M >= V_t << 6, -1 where 2 M <= -(V_t << 6), else 0; t (V_t << 6) is taken off M
        h = t if gate o spikes, else 0

    U'_k and M' are what arrives at "membranes", the membranes of the same unit in the copy before, 0 where nothing
    arrives. They forget `decays` / 4096 of themselves, rounded towards zero; 0 is a neuron without leak. h is -1, 0 or
    1, and what the unit sends: an event that carries its sign. c and h thus stay in a copy from element to element;
    two `HandOverSynapse`s carry "currents", the x_k, and "membranes" on to the next copy, where the SNN steps after
    the first need them.

    Sums are int32 and wrap; x_k + recurrent + bias does not. Source: a reconstruction of the cell of arXiv 2210.12613
    from its abstract (the body of the paper is not public); start values shift a gate's transfer function.

    Arguments:
        thresholds: V of the gates i, f, o and of t, (4,), in units of a current; 1…131,071.
        clamp: largest magnitude of g, 1…131,071.
        decays: of the membranes of i, f, o and t, (4,), in 1/4096 per SNN step; 0…4096.
        starts: of the gates i, f, o, (3,), in units of a current, ±131,071. Those of copies after the first are 0.
        gate_bias: one integer, or (4 units,) of them in the order of the sums, ±131,071.
    """

    thresholds: npt.ArrayLike
    clamp: int
    decays: npt.ArrayLike = (0, 0, 0, 0)
    starts: npt.ArrayLike = (0, 0, 0)
    gate_bias: npt.ArrayLike = 0

    model: ClassVar[str] = "LSTM"
    states = (
        "cell",
        *("membrane_i", "membrane_f", "membrane_o", "membrane_t"),
        *("gate_i", "gate_f", "gate_g", "gate_o"),
        *("current_i", "current_f", "current_g", "current_o"),
    )
    ports = ("input", "recurrent", "membranes")
    port_sums: ClassVar[Mapping[str, int]] = {"input": GATES, "recurrent": GATES, "membranes": GATES}
    handed: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "currents": ("current_i", "current_f", "current_g", "current_o"),
        "membranes": ("membrane_i", "membrane_f", "membrane_o", "membrane_t"),
    }
    taking = frozenset({"membranes"})
    graded = True
    signed = True
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {
        "thresholds": (1, LARGEST_THRESHOLD),
        "clamp": (1, _LARGEST),
        "decays": (0, DECAY_UNITY),
        "starts": (-_LARGEST, _LARGEST),
        "gate_bias": (-_LARGEST, _LARGEST),
    }
    single = frozenset({"clamp"})
    lengths: ClassVar[Mapping[str, int]] = {"thresholds": 4, "decays": 4, "starts": 3}
    lava_clock = True
    # Currents and membranes come by hand-over, and are counted there; gates are gone when a step ends.
    updated_states = 1
    kept_states = 9

    @property
    def has_bias(self) -> bool:
        """Whether any gate has a bias or a start value."""
        return bool(np.any(self.gate_bias)) or bool(np.any(self.starts))

    @property
    def arithmetic(self) -> tuple[int, int]:  # type: ignore[override]
        """Multiplications and additions of one unit in one step: biases too, of all gates where any has one."""
        sums = GATES + GATES * bool(np.any(self.gate_bias)) + int(np.count_nonzero(self.starts))
        # Four membranes take up a current and are compared, that of t twice; g is compared twice; c takes up g.
        return int(np.count_nonzero(self.decays)), sums + 4 + 5 + 2 + 1

    def problems(self, shape: tuple[int, ...]) -> list[str]:
        """Everything that is wrong with these parameters for a layer of this shape."""
        found: list[str] = list(self._found)
        for name, length in self.lengths.items():
            if np.shape(getattr(self, name)) != (length,):
                found.append(f"{name}: must be {length} integers, got shape {np.shape(getattr(self, name))}")
        if np.shape(self.clamp):
            found.append("clamp: must be one integer")
        if len(shape) != 1:
            found.append(f"shape: units are of a layer of shape (N,), got {shape}")
        elif np.shape(self.gate_bias) not in {(), (GATES * shape[0],)}:
            expected = GATES * shape[0]
            found.append(f"gate_bias: shape must be () or ({expected},), got {np.shape(self.gate_bias)}")
        return found

    def biases(self, units: int) -> npt.NDArray[np.int32]:
        """Bias of each sum, int32, (gates, units)."""
        return np.broadcast_to(np.asarray(self.gate_bias, np.int32).reshape(-1), (GATES * units,)).reshape(GATES, units)
