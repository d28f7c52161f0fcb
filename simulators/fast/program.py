"""A network lowered to flat arrays for the kernels.

Layout decisions, all invisible outside:

* Every layer's neurons are padded to a multiple of `LANES`, so that vector loops have no rest; padding never spikes.
* A layer fed by a convolution numbers its neurons channel-last (H, W, C): a kernel tap then adds a contiguous run.
* Weights are stored as int8 where a common power of two makes them fit (SLAYER's do), else int16. The power of two and
  the synapse's exponent go into the accumulator's final shift wherever that is exact.
* Synapses of a layer that share a final shift share an accumulator.
"""

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from netx_exports.network import Layer, Network
from netx_exports.neurons import DECAY_UNITY
from netx_exports.synapses import (
    INPUT,
    ConvSynapse,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    Shape,
    Synapse,
    delay_range,
)
from simulators.counting import fan_out

LANES = 32

# Operations: what happens to the events of a source on their way to an accumulator.
DENSE, CONV, IDENTITY, DIRECT, DENSE_BY_SOURCE, DENSE_BY_CONNECTION = range(6)

# Final step of an accumulator.
SHIFT_LEFT, SHIFT_RIGHT, WRAP_24 = range(3)

Array = npt.NDArray[np.int64]


class Program(NamedTuple):
    """Arrays that the kernels read. `n_` counts, `_at` offsets into a pool; sources are 0 (input), layer number + 1.

    Arguments:
        source_n: neurons of each source; source_at: offset of its spike lists; slots: remembered steps (power of two).
        layer_n, layer_padded, layer_at: neurons, padded neurons, offset into the neuron arrays.
        keep_current, keep_voltage, threshold, bias: int32, per padded neuron.
        sums_first, sums_count: accumulators of each layer; sum_at, sum_final, sum_shift: offset, final step, amount.
        line_at, line_delay_at: delay line behind an accumulator (delay per target), or -1; ring_at: ring of
            accumulators, one for each step to come, or -1; spare_at: accumulators of one step by delay, or -1.
        op_*: operations of each layer, `ops_first` and `ops_count`; delay in steps; geometry in `conv`.
        weights8, weights16, tables, fan_out: pools.
        reader_first, reader_count, readers: operations that read each source.
        conv: (op, 12): source C, H, W, target H, W, kernel H, W, stride, padding... see `lower`.
    """

    graded_input: bool
    slots: int
    source_n: Array
    source_at: Array
    layer_n: Array
    layer_padded: Array
    layer_at: Array
    keep_current: npt.NDArray[np.int32]
    keep_voltage: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.int32]
    bias: npt.NDArray[np.int32]
    sums_first: Array
    sums_count: Array
    sum_at: Array
    sum_final: Array
    sum_shift: Array
    line_at: Array
    line_delay_at: Array
    ring_at: Array
    spare_at: Array
    ops_first: Array
    ops_count: Array
    op_kind: Array
    op_source: Array
    op_layer: Array
    op_sum: Array
    op_delay: Array
    op_wide: Array
    op_weight_at: Array
    op_table_at: Array
    op_fan_at: Array
    conv: Array
    weights8: npt.NDArray[np.int8]
    weights16: npt.NDArray[np.int16]
    tables: npt.NDArray[np.int32]
    fan_out: npt.NDArray[np.int32]
    reader_first: Array
    reader_count: Array
    readers: Array
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
    lists = int((program.source_n * program.slots).sum())
    sums = program.n_sums + program.n_lines + program.n_rings + program.n_spares
    return 4 * (lists * (1 + program.graded_input) + sums) + 9 * len(program.bias)


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
        self.parts: list[npt.NDArray[np.generic]] = []
        self.size = 0
        self.dtype = dtype

    def add(self, array: npt.ArrayLike) -> int:
        flat = np.ascontiguousarray(array, self.dtype).reshape(-1)
        self.parts.append(flat)
        self.size += len(flat)
        return self.size - len(flat)

    def join(self) -> npt.NDArray[np.generic]:
        return np.concatenate([*self.parts, np.zeros(1, self.dtype)])


class _Lowering:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.orders = {INPUT: np.arange(network.n_inputs)} | {
            layer.name: internal_order(layer) for layer in network.layers
        }
        self.sources = {name: number for number, name in enumerate(self.orders)}
        self.layer_n = np.array([layer.size for layer in network.layers])
        self.layer_padded = -(-self.layer_n // LANES) * LANES
        self.pools = {name: _Pool(name) for name in ("int8", "int16")}
        self.tables, self.fans = _Pool("int32"), _Pool("int32")
        self.ops: list[dict[str, int]] = []
        self.conv: list[list[int]] = []
        self.sums: list[dict[str, int]] = []
        self.memory = {"sums": 0, "lines": 0, "rings": 0, "spares": 0}
        self.longest = 0

    def result(self) -> Lowered:
        first: dict[str, list[int]] = {"ops": [], "sums": []}
        for number, layer in enumerate(self.network.layers):
            first["ops"].append(len(self.ops))
            first["sums"].append(len(self.sums))
            for synapse in layer.synapses:
                self._add(number, layer, synapse)
        return Lowered(self._program(first), tuple(self.orders[layer.name] for layer in self.network.layers))

    def _add(self, number: int, layer: Layer, synapse: Synapse) -> None:
        op = {"layer": number, "source": self.sources[synapse.source], "delay": 0, "wide": 0, "weight_at": 0}
        op |= {"table_at": 0, "kind": DIRECT}
        fans = fan_out(synapse, self.network.shapes[synapse.source], layer.shape)
        op["fan_at"] = self.fans.add(fans[self.orders[synapse.source]])
        geometry = [0] * 14
        if isinstance(synapse, DirectSynapse):
            op["table_at"] = self.tables.add(np.argsort(self.orders[layer.name])[self.orders[synapse.source]])
            op["sum"] = self._sum(number, SHIFT_LEFT, 0)
        elif isinstance(synapse, IdentitySynapse):
            self._add_identity(op, layer, synapse)
        elif isinstance(synapse, ConvSynapse):
            geometry = self._add_conv(op, layer, synapse)
        else:
            self._add_dense(op, layer, synapse)
        self.ops.append(op)
        self.conv.append(geometry)

    def _graded(self, synapse: Synapse) -> bool:
        return self.network.graded_input and synapse.source == INPUT

    def _add_identity(self, op: dict[str, int], layer: Layer, synapse: IdentitySynapse) -> None:
        op["kind"], op["delay"] = IDENTITY, synapse.delay
        self.longest = max(self.longest, synapse.delay)
        op["table_at"] = self.tables.add(np.argsort(self.orders[layer.name])[self.orders[synapse.source]])
        weight, final, shift = self._scaled(np.array([synapse.weight]), synapse.weight_exp, self._graded(synapse))
        self._store(op, weight)
        op["sum"] = self._sum(op["layer"], final, shift)

    def _add_conv(self, op: dict[str, int], layer: Layer, synapse: ConvSynapse) -> list[int]:
        op["kind"] = CONV
        weights, final, shift = self._scaled(synapse.effective_weights, 0, False)
        # Binary spikes cannot reach 24 bits through a kernel of fewer than 2^15 taps; then no wrap is needed.
        reach = np.abs(synapse.effective_weights.astype(np.int64)).reshape(len(weights), -1).sum(axis=1).max()
        if self._graded(synapse) or reach >= 1 << 23:
            weights, final, shift = synapse.effective_weights, WRAP_24, 0
        low, high = delay_range(synapse)
        if low == high:
            op["delay"] = low
            self.longest = max(self.longest, low)
            op["sum"] = self._sum(op["layer"], final, shift)
        else:
            delays = np.broadcast_to(np.asarray(synapse.delays).reshape(-1, 1, 1), layer.shape).reshape(-1)
            op["sum"] = self._sum(op["layer"], final, shift, delays[self.orders[layer.name]])
        groups = synapse.groups
        channels_out, channels_in, height, width = weights.shape
        of_source = weights.reshape(groups, channels_out // groups, channels_in, height, width)
        self._store(op, of_source.transpose(0, 2, 3, 4, 1))
        source = self.network.shapes[synapse.source]
        order = self.orders[synapse.source]
        places = np.stack(np.unravel_index(order, source), axis=1)
        op["table_at"] = self.tables.add(places)
        return [
            channels_out, layer.shape[1], layer.shape[2], height, width, *synapse.stride, *synapse.padding,
            *synapse.dilation, channels_in, channels_out // groups, groups,
        ]  # fmt: skip

    def _add_dense(self, op: dict[str, int], layer: Layer, synapse: DenseSynapse) -> None:
        weights, final, shift = self._scaled(
            synapse.effective_weights, synapse.weight_exp, self._graded(synapse)
        )
        order, source_order = self.orders[layer.name], self.orders[synapse.source]
        rows = np.zeros((len(source_order), self.layer_padded[op["layer"]]), weights.dtype)
        rows[:, : layer.size] = weights[np.ix_(order, source_order)].T
        delays = None if synapse.delays is None else np.asarray(synapse.delays, np.int32)
        low, high = delay_range(synapse)
        if delays is None or low == high:
            op["kind"], op["delay"] = DENSE, low
            self.longest = max(self.longest, low)
            op["sum"] = self._sum(op["layer"], final, shift)
        elif delays.shape[1] == 1:
            op["kind"] = DENSE
            op["sum"] = self._sum(op["layer"], final, shift, delays[order, 0])
        elif delays.shape[0] == 1:
            op["kind"] = DENSE_BY_SOURCE
            op["table_at"] = self.tables.add(delays[0, source_order])
            op["sum"] = self._sum(op["layer"], final, shift, ring=True)
        else:
            op["kind"] = DENSE_BY_CONNECTION
            op["table_at"] = self.tables.add(self._slots_of(op["layer"], layer, delays[np.ix_(order, source_order)]))
            op["sum"] = self._sum(op["layer"], final, shift, ring=True)
        self._store(op, rows)

    def _slots_of(self, number: int, layer: Layer, delays: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        padded = int(self.layer_padded[number])
        slots = np.zeros((delays.shape[1], padded), np.int32)
        slots[:, : layer.size] = delays.T * padded
        return slots + np.arange(padded, dtype=np.int32)

    def _scaled(
        self, weights: npt.NDArray[np.integer], exponent: int, graded: bool
    ) -> tuple[npt.NDArray[np.integer], int, int]:
        """Weights as stored, final step and its amount: exact, with as few bits as possible."""
        common = int(np.bitwise_or.reduce(weights.astype(np.int64), axis=None)) or 1 << 16
        zeros = (common & -common).bit_length() - 1
        if exponent < -zeros or (graded and exponent < 0):
            # Rounding down acts on the sum; for graded input the sum may also wrap before it is shifted.
            return weights, SHIFT_RIGHT, -exponent
        return weights >> zeros if common != 1 << 16 else weights, SHIFT_LEFT, max(0, exponent + zeros) * (
            common != 1 << 16
        )

    def _store(self, op: dict[str, int], weights: npt.NDArray[np.integer]) -> None:
        op["wide"] = int(weights.size > 0 and (weights.min() < -128 or weights.max() > 127))
        op["weight_at"] = self.pools["int16" if op["wide"] else "int8"].add(weights)

    def _sum(
        self,
        number: int,
        final: int,
        shift: int,
        target_delays: npt.NDArray[np.integer] | None = None,
        ring: bool = False,
    ) -> int:
        """The accumulator to use: an existing one where nothing tells them apart."""
        padded = int(self.layer_padded[number])
        entry = {"layer": number, "final": final, "shift": shift, "line_at": -1, "line_delay_at": -1}
        entry |= {"ring_at": -1, "spare_at": -1}
        shared = final == SHIFT_LEFT and target_delays is None and not ring
        for index, other in enumerate(self.sums):
            if shared and all(other[key] == value for key, value in entry.items()):
                return index
        entry["at"] = self._take("sums", padded)
        if target_delays is not None:
            entry["line_at"] = self._take("lines", 64 * padded)
            entry["line_delay_at"] = self.tables.add(np.pad(target_delays, (0, padded - len(target_delays))))
        if ring:
            entry["ring_at"] = self._take("rings", 64 * padded)
            if final == SHIFT_RIGHT:
                entry["spare_at"] = self._take("spares", 64 * padded)
        self.sums.append(entry)
        return len(self.sums) - 1

    def _take(self, kind: str, size: int) -> int:
        self.memory[kind] += size
        return self.memory[kind] - size

    def _program(self, first: dict[str, list[int]]) -> Program:
        slots = 1 << (self.longest + 1).bit_length()
        source_n = np.array([len(order) for order in self.orders.values()])
        readers = [[i for i, op in enumerate(self.ops) if op["source"] == s] for s in range(len(source_n))]
        neurons = [self._neurons(number, layer) for number, layer in enumerate(self.network.layers)]
        names = ("kind", "source", "layer", "sum", "delay", "wide", "weight_at", "table_at", "fan_at")
        op_columns = {f"op_{name}": np.array([op[name] for op in self.ops]) for name in names}
        sum_columns = {f"sum_{name}": np.array([s[name] for s in self.sums]) for name in ("at", "final", "shift")}
        sum_columns |= {
            name: np.array([s[name] for s in self.sums])
            for name in ("line_at", "line_delay_at", "ring_at", "spare_at")
        }
        counts = {kind: np.diff([*first[kind], len(getattr(self, kind))]) for kind in ("ops", "sums")}
        return Program(
            graded_input=self.network.graded_input,
            slots=slots,
            source_n=source_n,
            source_at=np.cumsum(source_n * slots) - source_n * slots,
            layer_n=self.layer_n,
            layer_padded=self.layer_padded,
            layer_at=np.cumsum(self.layer_padded) - self.layer_padded,
            keep_current=np.concatenate([part[0] for part in neurons]),
            keep_voltage=np.concatenate([part[1] for part in neurons]),
            threshold=np.concatenate([part[2] for part in neurons]),
            bias=np.concatenate([part[3] for part in neurons]),
            sums_first=np.array(first["sums"]),
            sums_count=counts["sums"],
            ops_first=np.array(first["ops"]),
            ops_count=counts["ops"],
            conv=np.array(self.conv),
            weights8=self.pools["int8"].join(),  # type: ignore[arg-type]
            weights16=self.pools["int16"].join(),  # type: ignore[arg-type]
            tables=self.tables.join(),  # type: ignore[arg-type]
            fan_out=self.fans.join(),  # type: ignore[arg-type]
            reader_first=np.cumsum([0, *(len(of_source) for of_source in readers[:-1])]),
            reader_count=np.array([len(of_source) for of_source in readers]),
            readers=np.array([op for of_source in readers for op in of_source]),
            n_sums=self.memory["sums"],
            n_lines=self.memory["lines"],
            n_rings=self.memory["rings"],
            n_spares=self.memory["spares"],
            **sum_columns,
            **op_columns,
        )

    def _neurons(self, number: int, layer: Layer) -> npt.NDArray[np.int32]:
        """Rows: kept share of current, of voltage, threshold, bias; columns: padded neurons."""
        neuron, order = layer.neuron, self.orders[layer.name]
        rows = np.zeros((4, int(self.layer_padded[number])), np.int32)
        rows[2] = np.iinfo(np.int32).max
        rows[0, : layer.size] = DECAY_UNITY - neuron.per_neuron("current_decay", layer.shape)[order]
        rows[1, : layer.size] = DECAY_UNITY - neuron.per_neuron("voltage_decay", layer.shape)[order]
        rows[2, : layer.size] = neuron.per_neuron("vth_mant", layer.shape)[order] << 6
        rows[3, : layer.size] = neuron.bias(layer.shape)[order]
        return rows


