"""The random cases are worth something only if their networks do something: how often each corner is reached."""

from collections import Counter

import numpy as np
from of_kind import of_kind
from random_networks import KINDS, Case, random_case
from random_spikescr import random_spikescr

from lapilli.netx_exports import INPUT, ConvSynapse, RotarySynapse, SpikeAttention
from lapilli.netx_exports.neurons.kinds import NEURONS, STATE_LIMIT
from lapilli.simulators import run
from lapilli.simulators.results import RECORDABLE


def corners(case: Case) -> list[str]:
    """What happens in a case."""
    result = run(case.network, case.events, "reference", n_steps=case.n_steps, record=RECORDABLE, reset=case.reset)
    recordings = result.recordings.values()
    current = np.concatenate([recording.current.reshape(-1) for recording in recordings])
    voltage = np.concatenate([recording.voltage.reshape(-1) for recording in recordings])
    largest = 1 if case.events.value is None else int(np.abs(case.events.value).max(initial=1))
    sums = [
        int(np.abs(synapse.effective_weights).sum()) * largest
        for layer in case.network.layers
        for synapse in layer.synapses
        if isinstance(synapse, ConvSynapse) and synapse.source == INPUT
    ]
    found = {
        "output spikes": result.spikes.n_events > 0,
        "silent output": result.spikes.n_events == 0,
        "inner spikes": any(r.spikes.n_events > 0 for r in list(recordings)[:-1]),
        "voltage saturates": np.any(np.abs(voltage) == STATE_LIMIT - 1),
        "current beyond 24 bits after its one wrap": np.any(np.abs(current.astype(np.int64)) > STATE_LIMIT),
        "negative current": np.any(current < 0),
        "convolution beyond 24 bits": max(sums, default=0) >= STATE_LIMIT,
        "reset": case.reset is not None,
        "graded input": case.network.graded_input,
        "bias": any(layer.neuron.has_bias for layer in case.network.layers),
        **{synapse.kind: True for layer in case.network.layers for synapse in layer.synapses},
        "recurrent": any(layer.recurrent for layer in case.network.layers),
    }
    return [name for name, reached in found.items() if reached]


def test_random_cases_reach_every_corner():
    seen: Counter[str] = Counter()
    for seed in range(300):
        seen.update(corners(random_case([KINDS[seed % 9], KINDS[seed // 9 % 9]], 1, seed % 2 == 0, seed)))
    assert len(seen) == 15
    assert min(seen.values()) >= 8, seen


def test_convolution_delays_are_drawn_only_where_they_are_wanted():
    def delayed(conv_delays: bool) -> int:
        found = [random_case(["conv"], 1, False, seed, conv_delays=conv_delays) for seed in range(60)]
        convolutions = [of_kind(ConvSynapse, case.network.layers[0].synapses[0]) for case in found]
        return sum(convolution.delays is not None for convolution in convolutions)

    assert delayed(False) == 0
    assert delayed(True) > 10


def test_a_seed_gives_the_same_case():
    first, second = (random_case(["conv and skip", "recurrent"], 2, True, 5) for _ in range(2))
    assert first.network == second.network
    assert np.array_equal(first.events.to_dense(), second.events.to_dense())


def test_neurons_of_every_model_do_something():
    """Each model sends in many cases, is silent in some, and its states move; values wrap where they can."""
    busy: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for seed in range(40 * len(NEURONS)):
        model = list(NEURONS)[seed % len(NEURONS)]
        kinds = [KINDS[seed // len(NEURONS) % len(KINDS)], "dense"]
        case = random_case(kinds, 1, seed % 3 == 0, seed, models=(model, model))
        result = run(case.network, case.events, "reference", n_steps=case.n_steps, record=RECORDABLE)
        (busy if result.spikes.n_events else silent)[model] += 1
        for layer in case.network.layers:
            parts.update(f"{synapse.kind} {layer.port_of(synapse)}" for synapse in layer.synapses)
            moving = [np.unique(getattr(result.recordings[layer.name], name)).size > 2 for name in layer.neuron.states]
            busy[f"states of {model}"] += all(moving)
    assert min(busy.values()) >= 5, busy
    assert len(busy) == 2 * len(NEURONS)
    assert min(silent[model] for model in NEURONS) >= 2, silent
    assert parts["dense imag"] >= 20


def test_random_networks_of_spikescrs_kinds_reach_every_corner():
    seen: Counter[str] = Counter()
    for seed in range(90):
        case = random_spikescr(seed)
        result = run(case.network, case.events, "reference", n_steps=case.n_steps, reset=case.reset)
        seen.update({f"{name}" for name, counted in result.counts.named.items() if counted.any()})
        for number, layer in enumerate(case.network.layers):
            neuron, busy = layer.neuron, result.counts.sent[:, 1 + number].any()
            seen[f"{neuron.model} {'sends' if busy else 'is silent'}"] += 1
            if isinstance(neuron, SpikeAttention):
                seen["several heads"] += layer.size > neuron.head
                seen["memory decays" if neuron.memory_decay else "memory stays"] += 1
                delayed = max(synapse.delay_range[1] for synapse in layer.synapses if synapse.port == "query")
                seen["look-ahead" if delayed else "causal"] += 1
                seen["sees all"] += bool(delayed >= case.events.n_steps)
            for synapse in layer.synapses:
                seen[synapse.kind] += 1
                seen[f"{synapse.kind} of values"] += synapse.source in case.network.graded_sources
                if isinstance(synapse, RotarySynapse):
                    seen["table ends"] += bool(synapse.start + len(synapse.effective_weights) < case.n_steps)
                    seen["starts late"] += synapse.start > 0
    assert len(seen) == 26
    assert min(seen.values()) >= 3, seen
