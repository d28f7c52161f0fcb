"""Spiking LSTM cells unit by unit in whole numbers of Python: written from the docstring of `SpikingLstm` alone."""

from collections.abc import Mapping

import numpy as np

from lapilli.netx_exports import INPUT, DenseSynapse, HandOverSynapse, IdentitySynapse, Layer, Network, SpikingLstm
from lapilli.simulators import Events

GATES = "ifgo"

Sums = dict[tuple[str, str], int]
"""What arrives at one unit: by port and gate (at "membranes": i, f, o, t)."""


def held(value: int, bits: int) -> int:
    return max(-(2**bits - 1), min(2**bits - 1, value))


def left(value: int, decay: int) -> int:
    kept = abs(value) * (4096 - decay) // 4096
    return kept if value >= 0 else -kept


def int32(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


class Unit:
    """One unit of one copy."""

    def __init__(self, layer: Layer, number: int) -> None:
        neuron = layer.neuron
        assert isinstance(neuron, SpikingLstm)
        names = "ifot"
        self.threshold = {name: int(value) for name, value in zip(names, np.asarray(neuron.thresholds))}
        self.decay = {name: int(value) for name, value in zip(names, np.asarray(neuron.decays))}
        self.start = {name: int(value) for name, value in zip("ifo", np.asarray(neuron.starts))}
        biases = np.broadcast_to(np.asarray(neuron.gate_bias), (4 * layer.size,))
        self.bias = {gate: int(biases[place * layer.size + number]) for place, gate in enumerate(GATES)}
        self.clamp = int(neuron.clamp)
        self.rest()

    def rest(self) -> None:
        self.state = dict.fromkeys(
            [
                "cell",
                *(f"membrane_{name}" for name in "ifot"),
                *(f"{kind}_{g}" for kind in ("gate", "current") for g in GATES),
            ],
            0,
        )

    def step(self, arriving: Sums) -> int:
        state = self.state
        for gate in GATES:
            state[f"current_{gate}"] = arriving["input", gate]
        z = {g: held(arriving["input", g] + arriving["recurrent", g] + self.bias[g], 17) for g in GATES}
        for gate in "ifo":
            membrane = left(arriving["membranes", gate], self.decay[gate]) + (self.start[gate] + z[gate]) * 64
            membrane = held(membrane, 23)
            state[f"gate_{gate}"] = 1 if membrane >= self.threshold[gate] * 64 else 0
            state[f"membrane_{gate}"] = membrane - state[f"gate_{gate}"] * self.threshold[gate] * 64
        state["gate_g"] = max(-self.clamp, min(self.clamp, z["g"]))
        kept = state["cell"] if state["gate_f"] else 0
        state["cell"] = held(kept + (state["gate_g"] if state["gate_i"] else 0), 23)
        membrane = held(left(arriving["membranes", "t"], self.decay["t"]) + held(state["cell"], 17) * 64, 23)
        threshold = self.threshold["t"] * 64
        t = 1 if 2 * membrane >= threshold else -1 if 2 * membrane <= -threshold else 0
        state["membrane_t"] = membrane - t * threshold
        return t if state["gate_o"] else 0


class Copies:
    """All LSTM layers of a network; what the other layers send is given."""

    def __init__(self, network: Network, given: Mapping[str, Events], sample: int, n_steps: int) -> None:
        self.network, self.n_steps = network, n_steps
        self.rows: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self.layers = [layer for layer in network.layers if layer.neuron.model == "LSTM"]
        self.units = {layer.name: [Unit(layer, n) for n in range(layer.size)] for layer in self.layers}
        self.sent: dict[str, list[list[int]]] = {layer.name: [] for layer in self.layers}
        self.states: dict[str, list[list[dict[str, int] | None]]] = {layer.name: [] for layer in self.layers}
        self.handed_values = dict.fromkeys(self.sent, 0)
        for name, shape in network.shapes.items():
            if name not in self.sent:
                dense = given[name].to_dense()[sample].reshape(int(np.prod(shape)), -1)
                if name == INPUT and not network.graded_input:
                    dense = dense != 0
                self.sent[name] = [[int(value) for value in dense[:, step]] for step in range(n_steps)]

    def run(self) -> None:
        for step in range(self.n_steps):
            for layer in self.layers:
                self._step(layer, step)

    def _step(self, layer: Layer, step: int) -> None:
        arriving = [self._sums(layer, n, step) for n in range(layer.size)]
        acts = step >= layer.clock.phase and (step - layer.clock.phase) % layer.clock.period == 0
        units = self.units[layer.name]
        self.sent[layer.name].append([unit.step(sums) if acts else 0 for unit, sums in zip(units, arriving)])
        self.states[layer.name].append([dict(unit.state) for unit in units])

    def _sums(self, layer: Layer, number: int, step: int) -> Sums:
        found = {(port, gate): 0 for port in ("input", "recurrent") for gate in GATES}
        found |= {("membranes", name): 0 for name in "ifot"}
        for synapse in layer.synapses:
            port = synapse.port or "input"
            names = "ifot" if port == "membranes" else GATES
            for place, name in enumerate(names):
                arriving = self._arriving(layer, synapse, place * layer.size + number, number, place, step)
                found[port, name] = int32(found[port, name] + arriving)
        return found

    def _arriving(self, layer: Layer, synapse: object, row: int, number: int, place: int, step: int) -> int:
        if isinstance(synapse, HandOverSynapse):
            return self._handed(synapse, number, place, step)
        if isinstance(synapse, IdentitySynapse):
            sent = self._sent(synapse.source, row, step - 1 - synapse.delay)
            product = int32(synapse.weight * sent)
            return int32(product << synapse.weight_exp if synapse.weight_exp > 0 else product >> -synapse.weight_exp)
        assert isinstance(synapse, DenseSynapse)
        totals: dict[int, int] = {}
        for source, (weight, delay) in enumerate(self._row(synapse, row)):
            totals[delay] = totals.get(delay, 0) + weight * self._sent(synapse.source, source, step - 1 - delay)
        shift = synapse.weight_exp
        rounded = [int32(total) << shift if shift > 0 else int32(total) >> -shift for total in totals.values()]
        return int32(sum(rounded))

    def _row(self, synapse: DenseSynapse, row: int) -> list[tuple[int, int]]:
        """(weight, delay) of each source of a sum."""
        if (id(synapse), row) not in self.rows:
            delays = np.asarray(0 if synapse.delays is None else synapse.delays)
            of_row = np.broadcast_to(delays, np.shape(synapse.weights))[row].tolist()
            self.rows[id(synapse), row] = list(zip(synapse.effective_weights[row].tolist(), of_row))
        return self.rows[id(synapse), row]

    def _sent(self, source: str, number: int, step: int) -> int:
        return self.sent[source][step][number] if step >= 0 else 0

    def _handed(self, synapse: HandOverSynapse, number: int, place: int, step: int) -> int:
        clock = next(layer.clock for layer in self.layers if layer.name == synapse.source)
        before = step - 1
        if before < clock.phase or (before - clock.phase) % clock.period:
            return 0
        state = self.states[synapse.source][before][number]
        assert state is not None
        names = [f"current_{g}" for g in GATES] if synapse.carried == "currents" else [f"membrane_{m}" for m in "ifot"]
        return state[names[place]]
