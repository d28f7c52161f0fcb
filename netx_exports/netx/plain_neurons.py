"""The neuron of a group of the plain layout: which kind reads it."""

from collections.abc import Callable, Mapping

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, NEURONS, CubaLif, Delta, Neuron, SigmaDelta
from lapilli.netx_exports.synapses.synapse import Shape

STOCK_DEFAULT_NEURON = CubaLif(vth_mant=1 << 17, current_decay=0, voltage_decay=DECAY_UNITY)
"""What lava-dl runs for a dense group without neuron. Its source says `1 << 18 - 1`, which is 2^17."""

_UNSUPPORTED = {"ADRF_PHASE", "ADRF_IZHIKEVICH"}

_KINDS: Mapping[str, type[Neuron]] = {name: kind for kind in NEURONS.values() for name in kind.plain_types}

_ENCODERS: Mapping[str, Callable[[Fields, Shape | None, IntArray | None], Neuron | None]] = {
    SigmaDelta.model: Delta.read_plain
}
"""Types that mean another kind of neurons in an input group: sigma-delta networks begin with an encoder of changes."""


def read_neuron(fields: Fields, shape: Shape | None, bias: IntArray | None) -> Neuron | None:
    """The neuron of a layer's group, or lava-dl's default where the group has none."""
    if not fields.has("neuron"):
        default = STOCK_DEFAULT_NEURON
        return None if bias is None else CubaLif(default.vth_mant, default.current_decay, default.voltage_decay, bias)
    neuron = fields.child("neuron")
    kind = None if neuron is None else neuron.word("type")
    if neuron is None or kind is None:
        return None
    if kind in _KINDS:
        return _KINDS[kind].read_plain(neuron, shape, bias)
    if kind in _UNSUPPORTED or "RF" in kind:
        # lava-dl takes every type with these two letters for resonate-and-fire.
        neuron.unsupported("type", f"neurons of type {kind!r} are not run by this release")
    else:
        neuron.wrong("type", f"must be one of {', '.join(_KINDS)}, got {kind!r}")
    return None


def read_encoder(fields: Fields, shape: Shape | None) -> Neuron | None:
    """The neuron of an input group."""
    kind = _type(fields)
    if kind is None or kind not in _ENCODERS:
        return read_neuron(fields, shape, np.asarray(0, np.int32))
    return _ENCODERS[kind](Fields(fields.group.groups["neuron"], fields.problems), shape, None)


def is_complex(fields: Fields) -> bool:
    """Whether the group says that its neurons have a real and an imaginary port, whose weights are complex."""
    kind = _type(fields)
    return kind is not None and kind in _KINDS and "imag" in _KINDS[kind].ports


def _type(fields: Fields) -> str | None:
    neuron = fields.group.groups.get("neuron")
    value = None if neuron is None else neuron.datasets.get("type")
    return value.rstrip(b"\0").decode("utf-8", "replace") if isinstance(value, bytes) else None
