"""Random learning networks: dense and recurrent, with and without window, traces and weights that saturate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, Readout
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES
from lapilli.netx_exports.synapses.kinds import INPUT, WEIGHT_RANGE
from lapilli.simulators import Events
from lapilli.simulators.learning import HiddenRule, LearningConfig, ReadoutRule, Term


@dataclass(frozen=True, eq=False)
class LearningCase:
    network: Network
    events: Events
    config: LearningConfig
    n_steps: int


@st.composite
def learning_cases(draw: st.DrawFn, max_hidden: int = 2) -> LearningCase:
    """Sizes are hypothesis' to shrink; all else comes from a seed, as it would otherwise be small and silent."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_hidden = max_hidden - draw(st.integers(0, max_hidden))
    return learning_case(generator, n_hidden, 4 - draw(st.integers(0, 3)), 16 - draw(st.integers(0, 15)))


def learning_case(generator: np.random.Generator, n_hidden: int, n_samples: int, n_event_steps: int) -> LearningCase:
    """A case of so many spiking layers, samples and steps with input."""
    n_inputs, n_classes = int(generator.integers(1, 9)), int(generator.integers(2, 5))
    layers: list[Layer] = []
    source, n_source = INPUT, n_inputs
    for number in range(n_hidden):
        name, size = f"hidden{number}", int(generator.integers(1, 7))
        synapses = [_synapse(generator, source, size, n_source)]
        if generator.random() < 0.5:
            synapses.append(_synapse(generator, name, size, size))
        layers.append(Layer(name, (size,), _neuron(generator, int(generator.integers(1, 60))), tuple(synapses)))
        source, n_source = name, size
    readout = _synapse(generator, source, n_classes, n_source)
    layers.append(Layer("readout", (n_classes,), _neuron(generator, NEVER_SPIKES), (readout,)))
    kind = _one(generator, "voltage_sum", "softmax_sum")
    network = Network((n_inputs,), tuple(layers), readout=Readout(kind))
    dense = generator.random((n_samples, n_inputs, n_event_steps)) < _one(generator, 0.1, 0.3, 0.7)
    events = Events.from_dense(dense.astype(int), generator.integers(0, n_classes, n_samples))
    n_steps = n_event_steps + int(generator.integers(0, 4))
    return LearningCase(network, events, _config(generator, n_steps), n_steps)


def _one(generator: np.random.Generator, *values: Any) -> Any:
    return values[generator.integers(len(values))]


def _synapse(generator: np.random.Generator, source: str, size: int, n_source: int) -> DenseSynapse:
    mode = _one(generator, "mixed", "mixed", "mixed", "excitatory", "inhibitory")
    low, high = WEIGHT_RANGE[mode]
    spread = _one(generator, 1.0, 1.0, 0.2)
    weights = np.rint(generator.integers(low, high + 1, (size, n_source)) * spread).astype(int)
    bits = int(generator.integers(6, 10)) if mode == "mixed" else 8
    return DenseSynapse(source, weights, int(generator.integers(-3, 4)), None, bits, mode)


def _neuron(generator: np.random.Generator, vth_mant: int) -> CubaLif:
    current, voltage = (_one(generator, 0, 100, 1024, 4096) for _ in range(2))
    return CubaLif(vth_mant, current, voltage, _one(generator, 0, 0, 3, -20))


def _term(generator: np.random.Generator) -> Term:
    return Term(_one(generator, -7, -2, -1, 0, 1, 3, 5), int(generator.integers(-7, 9)))


def _config(generator: np.random.Generator, n_steps: int) -> LearningConfig:
    taus, impulses = (0.0, 1.0, 4.5, 20.0, 1e6), (1.5, 16.0, 47.25, 127.0)
    hidden = HiddenRule(
        _term(generator),
        _term(generator),
        _one(generator, *taus),
        _one(generator, *impulses),
        _one(generator, 0, 819, 4096),
        int(generator.integers(0, 4)),
        _one(generator, 20, 127),
        _one(generator, None, 4, 10, 16),
    )
    readout = ReadoutRule(_term(generator), _one(generator, *taus), _one(generator, *impulses))
    window = _one(generator, None, None, int(generator.integers(1, n_steps + 1)))
    voltage_exp, feedback_shift = _one(generator, 6, 12, 12, 16, 18), int(generator.integers(3, 9))
    seeds = generator.integers(0, 1000, 2)
    return LearningConfig(hidden, readout, window, voltage_exp, feedback_shift, int(seeds[0]), int(seeds[1]))
