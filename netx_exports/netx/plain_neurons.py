"""The neuron of a group of the plain layout, with lava-dl's meaning of every field."""

from collections.abc import Callable, Mapping

import numpy as np

from lapilli.netx_exports.arrays import IntArray
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.hdf5.tree import Group
from lapilli.netx_exports.neurons.kinds import (
    DECAY_UNITY,
    AdaptiveLif,
    CubaLif,
    Delta,
    IzhikevichResonateAndFire,
    Neuron,
    ResonateAndFire,
    Sigma,
    SigmaDelta,
)
from lapilli.netx_exports.synapses.kinds import Shape

STOCK_DEFAULT_NEURON = CubaLif(vth_mant=1 << 17, current_decay=0, voltage_decay=DECAY_UNITY)
"""What lava-dl runs for a dense group without neuron. Its source says `1 << 18 - 1`, which is 2^17."""

# Hints for the training that older versions of SLAYER left in the file; nothing reads them.
_HINTS = {"scaleRho", "tauRho", "theta"}
_DROPPED = {"refDelay", "gradedSpike", "wgtExp", "weight_exp"}
_UNSUPPORTED = {"ADRF_PHASE", "ADRF_IZHIKEVICH"}


def read_neuron(fields: Fields, shape: Shape | None, bias: IntArray | None) -> Neuron | None:
    """The neuron of a layer's group, or lava-dl's default where the group has none."""
    if not fields.has("neuron"):
        default = STOCK_DEFAULT_NEURON
        return None if bias is None else CubaLif(default.vth_mant, default.current_decay, default.voltage_decay, bias)
    neuron = fields.child("neuron")
    kind = None if neuron is None else neuron.word("type")
    if neuron is None or kind is None:
        return None
    if kind in _READERS:
        return _READERS[kind](neuron, shape, bias)
    if kind in _UNSUPPORTED or "RF" in kind:
        # lava-dl takes every type with these two letters for resonate-and-fire.
        neuron.unsupported("type", f"neurons of type {kind!r} are not run by this release")
    else:
        neuron.wrong("type", f"must be one of {', '.join(_READERS)}, got {kind!r}")
    return None


def read_encoder(fields: Fields, shape: Shape | None) -> Neuron | None:
    """The neuron of an input group: sigma-delta networks begin with an encoder of changes."""
    neuron = fields.group.groups.get("neuron")
    if neuron is None or _type(neuron) != SigmaDelta.model:
        return read_neuron(fields, shape, np.asarray(0, np.int32))
    described = Fields(neuron, fields.problems)
    _check_sigma_delta(described)
    if described.has("sigma_output"):
        described.wrong("sigma_output", "an input group encodes changes, it does not add them up")
    threshold = described.integer("vThMant", low=0, high=(1 << 18) - 1)
    return None if threshold is None else Delta(threshold)


def is_resonator(fields: Fields) -> bool:
    """Whether the group says that its neurons are resonate-and-fire ones, whose weights are complex."""
    neuron = fields.group.groups.get("neuron")
    return neuron is not None and _type(neuron) in (ResonateAndFire.model, IzhikevichResonateAndFire.model)


def _type(neuron: Group) -> str | None:
    value = neuron.datasets.get("type")
    return value.rstrip(b"\0").decode("utf-8", "replace") if isinstance(value, bytes) else None


def _read_cuba(neuron: Fields, shape: Shape | None, bias: IntArray | None) -> CubaLif | None:
    neuron.refuse_unknown({"type", "iDecay", "vDecay", "vThMant", *_DROPPED, *_HINTS})
    _refuse_dropped(neuron)
    current = _parameter(neuron, "iDecay", DECAY_UNITY, shape)
    voltage = _parameter(neuron, "vDecay", DECAY_UNITY, shape)
    threshold = _parameter(neuron, "vThMant", (1 << 24) - 1, shape)
    if current is None or voltage is None or threshold is None or bias is None:
        return None
    return CubaLif(threshold, current, voltage, bias)


def _read_adaptive(neuron: Fields, shape: Shape | None, bias: IntArray | None) -> AdaptiveLif | None:
    decays = ("iDecay", "vDecay", "thDecay", "refDecay")
    neuron.refuse_unknown({"type", "vThMant", "vThStep", *decays, *_DROPPED, *_HINTS})
    _refuse_dropped(neuron)
    ranges = {"vThMant": (1 << 18) - 1, "vThStep": (1 << 18) - 1, **dict.fromkeys(decays, DECAY_UNITY)}
    values = {name: neuron.integer(name, low=0, high=high) for name, high in ranges.items()}
    known = [value for value in values.values() if value is not None]
    if bias is None or len(known) < len(values):
        return None
    threshold, step, current, voltage, relaxation, recovery = known
    return AdaptiveLif(threshold, step, current, voltage, relaxation, recovery, bias)


def _read_resonator(
    neuron: Fields, shape: Shape | None, bias: IntArray | None
) -> ResonateAndFire | IzhikevichResonateAndFire | None:
    neuron.refuse_unknown({"type", "sinDecay", "cosDecay", "vThMant", *_DROPPED, *_HINTS})
    _refuse_dropped(neuron)
    if bias is not None and np.any(bias):
        neuron.unsupported("type", "a bias of resonate-and-fire neurons is not run (lava-dl drops it)")
    threshold = neuron.integer("vThMant", low=0, high=(1 << 18) - 1)
    sine = neuron.integer("sinDecay", low=-DECAY_UNITY, high=DECAY_UNITY)
    cosine = neuron.integer("cosDecay", low=-DECAY_UNITY, high=DECAY_UNITY)
    if threshold is None or sine is None or cosine is None:
        return None
    model = ResonateAndFire if neuron.word("type") == ResonateAndFire.model else IzhikevichResonateAndFire
    return model(threshold, sine, cosine)


def _read_sigma_delta(neuron: Fields, shape: Shape | None, bias: IntArray | None) -> SigmaDelta | Sigma | None:
    _check_sigma_delta(neuron)
    if neuron.has("sigma_output"):
        if neuron.integer("sigma_output") != 1:
            neuron.wrong("sigma_output", "must be 1 where it is given: lava-dl takes any value for it")
        if bias is not None and np.any(bias):
            neuron.wrong("sigma_output", "a layer that only adds up cannot have a bias")
        return Sigma()
    threshold = neuron.integer("vThMant", low=0, high=(1 << 18) - 1)
    return None if threshold is None or bias is None else SigmaDelta(threshold, bias)


def _check_sigma_delta(neuron: Fields) -> None:
    neuron.refuse_unknown({"type", "vThMant", "activation", "sigma_output", "messageBits", *_DROPPED, *_HINTS})
    _refuse_dropped(neuron)
    activation = neuron.word("activation") if neuron.has("activation") else "relu"
    if activation not in ("relu", None):
        neuron.unsupported("activation", f"{activation!r} is not run (lava-dl runs every activation as relu)")
    if neuron.has("messageBits") and neuron.integer("messageBits", low=0, high=32) == 0:
        neuron.unsupported("messageBits", "sigma-delta neurons send values, which 0 bits cannot hold")


_READERS: Mapping[str, Callable[[Fields, Shape | None, IntArray | None], Neuron | None]] = {
    "CUBA": _read_cuba,
    "LOIHI": _read_cuba,
    "ALIF": _read_adaptive,
    "RF_PHASE": _read_resonator,
    "RF_IZHIKEVICH": _read_resonator,
    "SDNN": _read_sigma_delta,
}


def _parameter(neuron: Fields, name: str, high: int, shape: Shape | None) -> IntArray | None:
    values = neuron.integers(name, low=0, high=high, dtype=np.int32, ndim=(0, 1))
    if values is not None and shape is not None and values.size not in (1, shape[0]):
        neuron.wrong(name, f"must be one number, or one for each of {shape[0]} channels, got shape {values.shape}")
        return None
    return values


def _refuse_dropped(neuron: Fields) -> None:
    """Report what lava-dl reads over although it changes what SLAYER computes."""
    if neuron.has("gradedSpike") and neuron.integer("gradedSpike"):
        neuron.unsupported("gradedSpike", "graded spikes of these neurons are not run by this release (nor by lava-dl)")
    if neuron.has("weight_exp"):
        neuron.unsupported("weight_exp", "the weight exponent of WgtScaleBatchNorm is not run (lava-dl drops it)")
    if neuron.has("wgtExp") and neuron.integer("wgtExp"):
        neuron.unsupported("wgtExp", "a weight exponent other than 0 is not run (lava-dl drops it)")
    if neuron.has("refDelay") and neuron.integer("refDelay") not in (None, 1):
        neuron.unsupported("refDelay", "a refractory delay other than 1 is not run (lava-dl drops it)")
