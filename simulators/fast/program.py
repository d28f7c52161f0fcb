"""A network lowered to flat arrays for the kernels.

Layout decisions, all invisible outside:

* Every layer's neurons are padded to a multiple of `LANES`, so that vector loops have no rest; padding never spikes.
* A layer fed by a convolution numbers its neurons channel-last (H, W, C): a kernel tap then adds a contiguous run.
* Weights are stored as int8 where a common power of two makes them fit (SLAYER's do), else int16. The power of two and
  the synapse's exponent go into the accumulator's final shift wherever that is exact.
* Synapses of a layer that share a final shift share an accumulator.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import (
    DECAY_UNITY,
    STATE_EXP,
    AdaptiveLif,
    CubaLif,
    Delta,
    IzhikevichResonateAndFire,
    Neuron,
    ResonateAndFire,
    Resonator,
    Sigma,
    SigmaDelta,
)
from lapilli.netx_exports.synapses.kinds import (
    INPUT,
    ConvSynapse,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    Synapse,
)
from lapilli.simulators.fast.aligned import aligned
from lapilli.simulators.fast.kernels import (
    ALIF,
    CONV,
    CUBA,
    DELTA,
    DENSE,
    DENSE_BY_CONNECTION,
    DIRECT,
    IDENTITY,
    RF_IZHIKEVICH,
    RF_PHASE,
    SDNN,
    SHIFT_LEFT,
    SHIFT_RIGHT,
    SIGMA,
    WRAP_24,
)

LANES = 32

Int32 = npt.NDArray[np.int32]


def _record(names: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in names.split()])


SOURCE = _record("n at graded first_reader n_readers first_axons n_axons delay_at")
"""A source: neurons, offset of its spike lists, whether its spikes carry values, the operations that read it (a run of
`readers`), and its axons: a run of further sources that list each of its spikes again when its neuron's delay (a table
at `delay_at`) has passed. First comes the input, then the layers, then axons."""

LAYER = _record(
    "n padded at first_op n_ops first_sum n_sums real_at imag_at model "
    "vth growth keep_threshold keep_refractory sin_decay cos_decay exponent rectifies"
)
"""A layer: neurons, padded neurons, offset into the neuron arrays, its operations and accumulators, those in which the
real and the imaginary input are added up (-1: none), the neuron model, and parameters that all its neurons share."""

MODELS = {
    CubaLif.model: CUBA,
    AdaptiveLif.model: ALIF,
    ResonateAndFire.model: RF_PHASE,
    IzhikevichResonateAndFire.model: RF_IZHIKEVICH,
    Delta.model: DELTA,
    SigmaDelta.model: SDNN,
    Sigma.model: SIGMA,
}

OP = _record(
    "kind source layer sum delay wide rows_at_once weight_at table_at fan_at kernel_y kernel_x run rows_at columns_at"
)
"""A synapse: what kind, from and to where, uniform delay in steps, whether its weights are int16, how many of its rows
can be added in int16, offsets into the pools; of a convolution also the kernel's size, target channels in a group, and
tables of where each kernel tap leads from each row and each column of the source (-1: nowhere). Its table at `table_at`
has four entries for each source neuron: where the weights of its channel begin and the targets of its group, and where
its row and its column begin in those tables."""

SUM = _record("layer part at final shift line_at line_delay_at ring_at spare_at")
"""An accumulator: which part of the neurons it is for (1: imaginary), offset, final step and its amount; offsets of a
delay line (one delay for each target), a ring of steps to come and room aside for sums that are rounded before they are
delayed; -1 where there is none."""


class Program(NamedTuple):
    """Arrays that the kernels read; few, because each costs time at every call.

    Arguments:
        n_states: most states that a neuron has.
        slots: remembered steps of spike lists, a power of two.
        sources, layers, ops, sums: tables of the records above.
        keep_current, keep_voltage, threshold, bias: int32, for each padded neuron.
        weights8, weights16: pools of weights.
        tables: int32 pool of delays, places and permutations.
        fan_out: int32 pool, connections that an event of each source neuron meets.
        readers: operations that read each source, source by source.
        n_sums, n_lines, n_rings, n_spares: sizes of the pools that the state needs.
    """

    n_states: int
    slots: int
    sources: npt.NDArray[np.void]
    layers: npt.NDArray[np.void]
    ops: npt.NDArray[np.void]
    sums: npt.NDArray[np.void]
    keep_current: Int32
    keep_voltage: Int32
    threshold: Int32
    bias: Int32
    weights8: npt.NDArray[np.int8]
    weights16: npt.NDArray[np.int16]
    tables: Int32
    fan_out: Int32
    readers: npt.NDArray[np.int64]
    n_sums: int
    n_lines: int
    n_rings: int
    n_spares: int


@dataclass(frozen=True)
class Lowered:
    """A program and what is needed to read its results.

    Arguments:
        program: arrays for the kernels.
        to_c_order: for each layer, C-order index of each of its neurons as the program numbers them.
    """

    program: Program
    to_c_order: tuple[npt.NDArray[np.int64], ...]


def state_bytes(program: Program) -> int:
    """Memory that one worker's state takes."""
    lists = int(program.sources["n"].sum()) * program.slots
    sums = program.n_sums + program.n_lines + program.n_rings + program.n_spares
    graded = bool(program.sources["graded"].any())
    return 4 * (lists * (1 + graded) + sums) + (5 + 4 * program.n_states) * len(program.bias)


def lower(network: Network) -> Lowered:
    """Lower a network. Memory is a small multiple of its weights; a convolution is not unrolled."""
    return _Lowering(network).result()


def internal_order(layer: Layer) -> npt.NDArray[np.int64]:
    """C-order index of each neuron in the program's order: channel-last where a convolution feeds the layer."""
    natural = np.arange(layer.size)
    if any(isinstance(synapse, ConvSynapse) for synapse in layer.synapses):
        return np.moveaxis(natural.reshape(layer.shape), 0, -1).reshape(-1)
    return natural


class _Pool:
    """Arrays laid end to end."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.parts: list[npt.NDArray[Any]] = []
        self.size = 0
        self.dtype = dtype

    def add(self, array: npt.ArrayLike) -> int:
        flat = np.ascontiguousarray(array, self.dtype).reshape(-1)
        self.parts.append(flat)
        self.size += len(flat)
        return self.size - len(flat)

    def join(self) -> npt.NDArray[Any]:
        return aligned(np.concatenate([*self.parts, np.zeros(1, self.dtype)]))


def _table(record: np.dtype[np.void], rows: list[dict[str, int]]) -> npt.NDArray[np.void]:
    return np.array([tuple(row.get(name, 0) for name in record.names or ()) for row in rows], record)


def _offsets(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.cumsum(sizes) - sizes


class _Lowering:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.orders = {INPUT: np.arange(network.n_inputs)} | {
            layer.name: internal_order(layer) for layer in network.layers
        }
        self.sources = {name: number for number, name in enumerate(self.orders)}
        self.padded = np.array([-(-layer.size // LANES) * LANES for layer in network.layers])
        dtypes = {"int8": "int8", "int16": "int16", "tables": "int32", "fan_out": "int32"}
        self.pools = {name: _Pool(dtype) for name, dtype in dtypes.items()}
        self.ops: list[dict[str, int]] = []
        self.sums: list[dict[str, int]] = []
        self.memory = {"sums": 0, "lines": 0, "rings": 0, "spares": 0}
        self.axons: list[tuple[dict[str, int], int]] = []
        self.longest = 0

    def result(self) -> Lowered:
        for number, layer in enumerate(self.network.layers):
            for synapse in layer.synapses:
                self._add(number, layer, synapse)
            for part in range(len(layer.neuron.ports)):
                if self._first_sum(number, part) < 0:
                    self._sum(number, part, SHIFT_LEFT, 0)
        return Lowered(self._program(), tuple(self.orders[layer.name] for layer in self.network.layers))

    def _add(self, number: int, layer: Layer, synapse: Synapse) -> None:
        op = {"kind": DIRECT, "layer": number, "source": self.sources[synapse.source]}
        fans = synapse.fan_out(self.network.shapes[synapse.source], layer.shape)
        op["fan_at"] = self.pools["fan_out"].add(fans[self.orders[synapse.source]])
        if isinstance(synapse, DirectSynapse):
            op["table_at"] = self.pools["tables"].add(np.argsort(self.orders[layer.name])[self.orders[synapse.source]])
            op["sum"] = self._sum(number, _part(synapse), SHIFT_LEFT, 0)
        elif isinstance(synapse, IdentitySynapse):
            self._add_identity(op, layer, synapse)
        elif isinstance(synapse, ConvSynapse):
            self._add_conv(op, layer, synapse)
        else:
            self._add_dense(op, layer, synapse)  # type: ignore[arg-type]
        self.ops.append(op)

    def _graded(self, synapse: Synapse) -> bool:
        return synapse.source in self.network.graded_sources

    def _add_identity(self, op: dict[str, int], layer: Layer, synapse: IdentitySynapse) -> None:
        op["kind"], op["delay"] = IDENTITY, synapse.delay
        self.longest = max(self.longest, synapse.delay)
        op["table_at"] = self.pools["tables"].add(np.argsort(self.orders[layer.name])[self.orders[synapse.source]])
        weight, final, shift = self._scaled(np.array([synapse.weight]), synapse.weight_exp, self._graded(synapse))
        self._store(op, weight)
        op["sum"] = self._sum(op["layer"], _part(synapse), final, shift)

    def _add_conv(self, op: dict[str, int], layer: Layer, synapse: ConvSynapse) -> None:
        op["kind"] = CONV
        weights, final, shift = self._scaled(synapse.effective_weights, 0, False)
        # Binary spikes cannot reach 24 bits through a kernel of fewer than 2^15 taps; then no wrap is needed.
        reach = np.abs(synapse.effective_weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1).max()
        if self._graded(synapse) or reach >= 1 << 23:
            weights, final, shift = synapse.effective_weights, WRAP_24, 0
        low, high = synapse.delay_range
        if low == high:
            op["delay"] = low
            self.longest = max(self.longest, low)
            op["sum"] = self._sum(op["layer"], _part(synapse), final, shift)
        else:
            delays = np.broadcast_to(np.asarray(synapse.delays).reshape(-1, 1, 1), layer.shape).reshape(-1)
            op["sum"] = self._sum(op["layer"], _part(synapse), final, shift, delays[self.orders[layer.name]])
        groups = synapse.groups
        channels_out, channels_in, height, width = weights.shape
        of_source = weights.reshape(groups, channels_out // groups, channels_in, height, width)
        self._store(op, of_source.transpose(0, 2, 3, 4, 1))
        source = self.network.shapes[synapse.source]
        order = self.orders[synapse.source]
        run = channels_out // groups
        channel, y, x = np.unravel_index(order, source)
        places = [channel * height * width * run, channel // channels_in * run, y * height, x * width]
        op["table_at"] = self.pools["tables"].add(np.stack(places, axis=1))
        rows = _tap_targets(synapse, 0, source[1], layer.shape[1])
        columns = _tap_targets(synapse, 1, source[2], layer.shape[2])
        op["rows_at"] = self.pools["tables"].add(np.where(rows < 0, -1, rows * layer.shape[2] * channels_out))
        op["columns_at"] = self.pools["tables"].add(np.where(columns < 0, -1, columns * channels_out))
        op |= {"kernel_y": height, "kernel_x": width, "run": run}

    def _add_dense(self, op: dict[str, int], layer: Layer, synapse: DenseSynapse) -> None:
        weights, final, shift = self._scaled(synapse.effective_weights, synapse.weight_exp, self._graded(synapse))
        order, source_order = self.orders[layer.name], self.orders[synapse.source]
        rows = np.zeros((len(source_order), self.padded[op["layer"]]), weights.dtype)
        rows[:, : layer.size] = weights[np.ix_(order, source_order)].T
        delays = None if synapse.delays is None else np.asarray(synapse.delays, np.int32)
        low, high = synapse.delay_range
        if delays is None or low == high:
            op["kind"], op["delay"] = DENSE, low
            self.longest = max(self.longest, low)
            op["sum"] = self._sum(op["layer"], _part(synapse), final, shift)
        elif delays.shape[1] == 1:
            op["kind"] = DENSE
            op["sum"] = self._sum(op["layer"], _part(synapse), final, shift, delays[order, 0])
        elif delays.shape[0] == 1 and final == SHIFT_LEFT and not self._graded(synapse):
            op["kind"] = DENSE
            self.longest = max(self.longest, high)
            self.axons.append((op, self.pools["tables"].add(delays[0, source_order])))
            op["sum"] = self._sum(op["layer"], _part(synapse), final, shift)
        else:
            delays = np.broadcast_to(delays, (layer.size, len(source_order)))
            op["kind"] = DENSE_BY_CONNECTION
            op["table_at"] = self.pools["tables"].add(
                self._slots_of(op["layer"], layer, delays[np.ix_(order, source_order)])
            )
            op["sum"] = self._sum(op["layer"], _part(synapse), final, shift, ring=True)
        self._store(op, rows)

    def _slots_of(self, number: int, layer: Layer, delays: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        padded = int(self.padded[number])
        slots = np.zeros((delays.shape[1], padded), np.int32)
        slots[:, : layer.size] = delays.T * padded
        return slots + np.arange(padded, dtype=np.int32)

    def _scaled(
        self, weights: npt.NDArray[np.integer[Any]], exponent: int, graded: bool
    ) -> tuple[npt.NDArray[np.integer[Any]], int, int]:
        """Weights as stored, final step and its amount: exact, with as few bits as possible."""
        common = int(np.bitwise_or.reduce(weights.astype(np.int64), axis=None))
        if common == 0:
            return weights, SHIFT_LEFT, 0
        zeros = (common & -common).bit_length() - 1
        if exponent < -zeros or (graded and exponent < 0):
            # Rounding down acts on the sum; for graded input the sum may also wrap before it is shifted.
            return weights, SHIFT_RIGHT, -exponent
        return weights >> zeros, SHIFT_LEFT, exponent + zeros

    def _store(self, op: dict[str, int], weights: npt.NDArray[np.integer[Any]]) -> None:
        op["wide"] = int(weights.size > 0 and (weights.min() < -128 or weights.max() > 127))
        op["rows_at_once"] = np.iinfo(np.int16).max // max(1, int(np.abs(weights).max(initial=0)))
        op["weight_at"] = self.pools["int16" if op["wide"] else "int8"].add(weights)

    def _sum(
        self,
        number: int,
        part: int,
        final: int,
        shift: int,
        target_delays: npt.NDArray[np.integer[Any]] | None = None,
        ring: bool = False,
    ) -> int:
        """The accumulator to use: an existing one where nothing tells them apart."""
        padded = int(self.padded[number])
        entry = {"layer": number, "part": part, "final": final, "shift": shift, "line_at": -1, "line_delay_at": -1}
        entry |= {"ring_at": -1, "spare_at": -1}
        shared = final == SHIFT_LEFT and target_delays is None and not ring
        for index, other in enumerate(self.sums):
            if shared and all(other[key] == value for key, value in entry.items()):
                return index
        entry["at"] = self._take("sums", padded)
        if target_delays is not None:
            entry["line_at"] = self._take("lines", 64 * padded)
            entry["line_delay_at"] = self.pools["tables"].add(np.pad(target_delays, (0, padded - len(target_delays))))
        if ring:
            # Twice the steps, so that adding needs no wrapping: what lies in the second half is added on arrival.
            entry["ring_at"] = self._take("rings", 128 * padded)
            if final == SHIFT_RIGHT:
                entry["spare_at"] = self._take("spares", 64 * padded)
        self.sums.append(entry)
        return len(self.sums) - 1

    def _take(self, kind: str, size: int) -> int:
        self.memory[kind] += size
        return self.memory[kind] - size

    def _program(self) -> Program:
        slots = 1 << (self.longest + 1).bit_length()
        neurons = [self._neurons(number, layer) for number, layer in enumerate(self.network.layers)]
        readers = [[i for i, op in enumerate(self.ops) if op["source"] == s] for s in range(len(self.orders))]
        sources = self._sources(slots, [len(of_source) for of_source in readers])
        layers = _table(LAYER, [{"n": layer.size, **_shared(layer.neuron)} for layer in self.network.layers])
        layers["padded"], layers["at"] = self.padded, _offsets(self.padded)
        for parts, count, first in ((self.ops, "n_ops", "first_op"), (self.sums, "n_sums", "first_sum")):
            layers[count] = np.bincount([part["layer"] for part in parts], minlength=len(layers))
            layers[first] = _offsets(layers[count])
        for part, name in enumerate(("real_at", "imag_at")):
            layers[name] = [self._first_sum(number, part) for number in range(len(layers))]
        keep_current, keep_voltage, threshold, bias = (
            aligned(np.concatenate([part[row] for part in neurons])) for row in range(4)
        )
        return Program(
            max(2, *(len(layer.neuron.states) for layer in self.network.layers)),
            slots,
            sources,
            layers,
            _table(OP, self.ops),
            _table(SUM, self.sums),
            keep_current,
            keep_voltage,
            threshold,
            bias,
            self.pools["int8"].join(),
            self.pools["int16"].join(),
            self.pools["tables"].join(),
            self.pools["fan_out"].join(),
            np.array([op for of_source in readers for op in of_source], np.int64),
            self.memory["sums"],
            self.memory["lines"],
            self.memory["rings"],
            self.memory["spares"],
        )

    def _sources(self, slots: int, n_readers: list[int]) -> npt.NDArray[np.void]:
        """The table of sources; operations behind axons read these from here on."""
        self.axons.sort(key=lambda axons: axons[0]["source"])
        rows = [{"n": len(order)} for order in self.orders.values()]
        of_source = np.array([op["source"] for op, _ in self.axons], np.int64)
        for op, delay_at in self.axons:
            rows.append({"n": rows[op["source"]]["n"], "delay_at": delay_at})
            op["source"] = len(rows) - 1
        sources = _table(SOURCE, rows)
        sources["graded"][: len(self.orders)] = [name in self.network.graded_sources for name in self.orders]
        sources["at"] = _offsets(sources["n"] * slots)
        first = sources[: len(self.orders)]
        first["n_readers"], first["first_reader"] = n_readers, _offsets(np.array(n_readers))
        first["n_axons"] = np.bincount(of_source, minlength=len(first))
        first["first_axons"] = len(first) + _offsets(first["n_axons"])
        return sources

    def _first_sum(self, number: int, part: int) -> int:
        """Offset of the accumulator in which a part of a layer's input is added up; -1: none."""
        return next((entry["at"] for entry in self.sums if (entry["layer"], entry["part"]) == (number, part)), -1)

    def _neurons(self, number: int, layer: Layer) -> npt.NDArray[np.int32]:
        """Rows: kept share of current, of voltage, threshold, bias; columns: padded neurons."""
        neuron, order = layer.neuron, self.orders[layer.name]
        rows = np.zeros((4, int(self.padded[number])), np.int32)
        rows[2] = np.iinfo(np.int32).max
        if isinstance(neuron, CubaLif | AdaptiveLif):
            rows[0, : layer.size] = DECAY_UNITY - neuron.per_neuron("current_decay", layer.shape)[order]
            rows[1, : layer.size] = DECAY_UNITY - neuron.per_neuron("voltage_decay", layer.shape)[order]
        if isinstance(neuron, CubaLif):
            rows[2, : layer.size] = neuron.per_neuron("vth_mant", layer.shape)[order] << 6
        if isinstance(neuron, CubaLif | AdaptiveLif | SigmaDelta):
            rows[3, : layer.size] = neuron.bias(layer.shape)[order]
        return rows


def _part(synapse: Synapse) -> int:
    """Part of the neurons that a synapse feeds, as `SUM` numbers it."""
    return int(synapse.port == "imag")


def _tap_targets(synapse: ConvSynapse, axis: int, size_in: int, size_out: int) -> npt.NDArray[np.int64]:
    """Target position that each kernel tap leads to from each source position, (positions, taps); -1: none."""
    taps = np.arange(np.shape(synapse.weights)[2 + axis])
    place = np.arange(size_in)[:, None] + synapse.padding[axis] - synapse.dilation[axis] * taps[None, :]
    target, rest = np.divmod(place, synapse.stride[axis])
    return np.where((rest == 0) & (target >= 0) & (target < size_out), target, -1)


def _shared(neuron: Neuron) -> dict[str, int]:
    """Model and parameters that all neurons of a layer share, as the kernels take them."""
    found = {"model": MODELS[neuron.model]}
    if isinstance(neuron, AdaptiveLif):
        found |= {"vth": neuron.vth_mant << 6, "growth": neuron.threshold_step << 6}
        found["keep_threshold"] = DECAY_UNITY - neuron.threshold_decay
        found["keep_refractory"] = DECAY_UNITY - neuron.refractory_decay
    elif isinstance(neuron, Resonator):
        found |= {"vth": neuron.vth_mant << 6, "sin_decay": neuron.sin_decay, "cos_decay": neuron.cos_decay}
    elif isinstance(neuron, Delta | SigmaDelta):
        exponent = neuron.spike_exp + STATE_EXP
        found |= {"vth": neuron.vth_mant << exponent, "exponent": exponent}
        found["rectifies"] = int(isinstance(neuron, SigmaDelta) and neuron.activation == "relu")
    return found
