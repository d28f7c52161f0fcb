"""The extended form: any network, field by field, under `/lapilli`, where stock lava-dl finds nothing to run."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.clock import EVERY_STEP, MAX_PERIOD, Clock
from lapilli.netx_exports.errors import FormatError, NetworkError
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import NEURONS, Neuron
from lapilli.netx_exports.readout import READOUTS, Readout
from lapilli.netx_exports.synapses.kinds import INPUT, SYNAPSES, Shape, Synapse

SCHEMA = 1
"""Version of the layout; a file of another version is refused."""

Stored = npt.NDArray[Any] | np.int64 | bytes

_FORMER_PORT = "part"
"""What files of dense synapses called the port; "real" stood for neurons of any kind there."""


def extended_datasets(network: Network) -> dict[str, Stored]:
    """Path and value of every dataset of the extended form."""
    datasets: dict[str, Stored] = {
        "lapilli/schema": np.int64(SCHEMA),
        "lapilli/input_shape": np.asarray(network.input_shape, np.int64),
        "lapilli/graded_input": np.int64(network.graded_input),
        "lapilli/metadata": np.frombuffer(json.dumps(dict(network.metadata), sort_keys=True).encode(), np.uint8),
    }
    if network.readout is not None:
        for name, value in network.readout.as_json().items():
            datasets[f"lapilli/readout/{name}"] = value.encode() if isinstance(value, str) else np.int64(value)
    for number, layer in enumerate(network.layers):
        path = f"lapilli/layers/{number}"
        datasets[f"{path}/name"] = layer.name.encode()
        datasets[f"{path}/shape"] = np.asarray(layer.shape, np.int64)
        if layer.clock != EVERY_STEP:
            datasets[f"{path}/clock"] = np.array([layer.clock.period, layer.clock.phase], np.int64)
        datasets |= _part_datasets(f"{path}/neuron", layer.neuron.model, layer.neuron)
        for index, synapse in enumerate(layer.synapses):
            datasets |= _part_datasets(f"{path}/synapses/{index}", synapse.kind, synapse)
    return datasets


def read_extended(root: Fields, input_shape: Shape | None, subject: str) -> Network | None:
    """The network under `/lapilli`, or None with its problems reported.

    Arguments:
        root: the group `/lapilli`.
        input_shape: what the caller expects, if anything.
        subject: the file's name for errors.

    Raises:
        FormatError: when the parts are sound and do not make a network.
    """
    schema = root.integer("schema")
    if schema is not None and schema != SCHEMA:
        root.wrong("schema", f"must be {SCHEMA}, got {schema}")
    if schema != SCHEMA:
        return None
    root.refuse_unknown({"schema", "input_shape", "graded_input", "metadata", "readout", "layers"})
    shape = root.shape("input_shape")
    if shape is not None and input_shape is not None and shape != input_shape:
        root.wrong("input_shape", f"is {shape}, not {input_shape}")
    graded_input = root.integer("graded_input", low=0, high=1)
    metadata = _metadata(root)
    readout = _readout(root)
    layers_group = root.child("layers")
    layers = [] if layers_group is None else _layers(layers_group, shape)
    if root.problems or shape is None or graded_input is None or metadata is None:
        return None
    try:
        return Network(shape, tuple(layers), metadata, bool(graded_input), readout)
    except NetworkError as error:
        raise FormatError(subject, error.problems) from None


def _part_datasets(path: str, kind: str, part: Neuron | Synapse) -> dict[str, Stored]:
    """Fields of a neuron or synapse, each under its own name."""
    datasets: dict[str, Stored] = {f"{path}/type": kind.encode()}
    for field in dataclasses.fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        if isinstance(value, str):
            datasets[f"{path}/{field.name}"] = value.encode()
        elif value is not None:
            datasets[f"{path}/{field.name}"] = np.int64(value) if isinstance(value, int) else np.asarray(value)
    return datasets


def _metadata(root: Fields) -> dict[str, Any] | None:
    numbers = root.integers("metadata", low=0, high=255, dtype=np.uint8, ndim=(1,))
    if numbers is None:
        return None
    try:
        metadata = json.loads(numbers.tobytes())
    except (ValueError, RecursionError) as error:
        root.wrong("metadata", f"must be JSON ({error})")
        return None
    if not isinstance(metadata, dict):
        root.wrong("metadata", "must be a JSON object")
        return None
    return metadata


def _readout(root: Fields) -> Readout | None:
    fields = root.child("readout") if root.has("readout") else None
    if fields is None:
        return None
    fields.refuse_unknown({"kind", "classes"})
    kind = fields.word("kind")
    if kind is not None and kind not in READOUTS:
        fields.wrong("kind", f"must be one of {', '.join(READOUTS)}, got {kind!r:.80}")
    classes = fields.integer("classes", low=1) if fields.has("classes") else None
    return None if kind is None else Readout(kind, classes)


def _numbered(group: Fields) -> list[Fields]:
    names = group.group.names()
    expected = [str(number) for number in range(len(names))]
    for name in sorted(names - set(expected)):
        group.wrong(name, f"must be numbered 0…{len(names) - 1}")
    children = [group.child(name) for name in expected if name in names]
    return [child for child in children if child is not None]


def _layers(group: Fields, input_shape: Shape | None) -> list[Layer]:
    layers = []
    shapes = {INPUT: input_shape}
    for fields in _numbered(group):
        layer = _layer(fields)
        if layer is not None:
            shapes[layer.name] = layer.shape
            _report(fields.group.at("neuron"), layer.neuron.problems(layer.shape), fields)
            for index, synapse in enumerate(layer.synapses):
                source_shape = shapes.get(synapse.source)
                phrases = [] if source_shape is None else synapse.problems(source_shape, layer.fed_shape(synapse))
                _report(fields.group.at(f"synapses/{index}"), phrases, fields)
            layers.append(layer)
    return layers


def _report(place: str, phrases: list[str], fields: Fields) -> None:
    for phrase in phrases:
        name, _, rest = phrase.partition(": ")
        fields.problems.wrong.append(f"{place[:-1]}/{name}`: {rest}")


def _layer(fields: Fields) -> Layer | None:
    fields.refuse_unknown({"name", "shape", "clock", "neuron", "synapses"})
    name, shape = fields.word("name"), fields.shape()
    neuron_fields, synapses_fields = fields.child("neuron"), fields.child("synapses")
    neuron = None if neuron_fields is None else _part(neuron_fields, NEURONS)
    synapses = [] if synapses_fields is None else [_part(one, SYNAPSES) for one in _numbered(synapses_fields)]
    clock = _clock(fields)
    if name is None or shape is None or neuron is None or clock is None:
        return None
    return Layer(name, shape, neuron, tuple(synapse for synapse in synapses if synapse is not None), clock)


def _clock(fields: Fields) -> Clock | None:
    if not fields.has("clock"):
        return EVERY_STEP
    numbers = fields.integers("clock", low=0, high=MAX_PERIOD, ndim=(1,))
    if numbers is None:
        return None
    if numbers.shape != (2,) or not numbers[0]:
        fields.wrong("clock", f"must be a period of at least 1 and a phase, got {numbers.tolist()!r:.80}")
        return None
    return Clock(int(numbers[0]), int(numbers[1]))


def _part(fields: Fields, kinds: Mapping[str, Any]) -> Any:
    kind = fields.word("type")
    if kind is None:
        return None
    if kind not in kinds:
        fields.wrong("type", f"must be one of {', '.join(kinds)}, got {kind!r}")
        return None
    described = dataclasses.fields(kinds[kind])
    former = {_FORMER_PORT} if kinds is SYNAPSES else set()
    fields.refuse_unknown({"type", *former, *(field.name for field in described)})
    values: dict[str, Any] = {}
    for field in described:
        if not fields.has(field.name) and field.default is not dataclasses.MISSING:
            continue
        values[field.name] = fields.word(field.name) if field.name in kinds[kind].words else fields.integers(field.name)
    if former and fields.has(_FORMER_PORT) and (port := fields.word(_FORMER_PORT)) != "real":
        values["port"] = port
    return None if any(value is None for value in values.values()) else kinds[kind](**values)
