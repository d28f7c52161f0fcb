"""A node of a NIR graph, and its real numbers that are integers of ours, told apart from those that are none."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY
from lapilli.netx_exports.nir.meaning import Floats, Ints, gain, time_constant
from lapilli.netx_exports.synapses.kinds import Shape

# A quotient such as dt * 4096 / 7 has no exact float: a number is it when it lies within these roundings of it.
# Neighbouring decays, gains and delays are hundreds of times further apart, in single precision too.
_ROUNDINGS = 4


@dataclass(frozen=True, eq=False)
class Node:
    """A node of the graph: its type and what is in it."""

    name: str
    kind: str
    fields: Fields

    def unsupported(self, reason: str) -> None:
        """Report that the node is valid and has no meaning here."""
        self.fields.problems.unsupported.append(f"`{self.fields.group.path}`: {reason}")


@dataclass(frozen=True)
class Reals:
    """Finite numbers of one dataset.

    Arguments:
        values: float64, as stored.
        precision: relative spacing of the type in which they were stored.
    """

    values: Floats
    precision: float

    def are(self, expected: Floats) -> npt.NDArray[np.bool_]:
        """Which of them are the stored form of `expected`."""
        return np.abs(self.values - expected) <= _ROUNDINGS * self.precision * np.abs(expected)


def reals(fields: Fields, name: str, shapes: Collection[Shape]) -> Reals | None:
    """The numbers `name`, of one of `shapes`, or None after reporting why not."""
    value = fields.group.datasets.get(name)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iufb":
        if name not in fields.group.unreadable:
            fields.wrong(name, "must be numbers" if fields.has(name) else "missing")
        return None
    if value.shape not in shapes:
        wanted = " or ".join(str(one) for one in shapes)
        fields.wrong(name, f"must have shape {wanted}, got {value.shape}")
        return None
    numbers = value.astype(np.float64)
    if not _report(fields, name, numbers, np.isfinite(numbers), "finite"):
        return None
    # In half precision neighbouring decays are the same number: there only exact ones count.
    single = value.dtype == np.float32
    return Reals(numbers, float(np.finfo(np.float32 if single else np.float64).eps))


def each_neuron(fields: Fields, name: str, shape: Shape) -> Reals | None:
    """The numbers `name`, one for all neurons, as () or (1,), or one for each; or None after reporting why not."""
    return reals(fields, name, dict.fromkeys(((), (1,), shape)))


def multiples(fields: Fields, name: str, numbers: Reals | None, unit: int, low: int, high: int) -> Ints | None:
    """`numbers * unit`, or None after reporting where that is not whole or not in `low`…`high`."""
    if numbers is None:
        return None
    whole = numbers.values * unit
    good = (whole == np.rint(whole)) & (whole >= low) & (whole <= high)
    if not _report(fields, name, numbers.values, good, f"a multiple of 1/{unit} in {low / unit:g}…{high / unit:g}"):
        return None
    return whole.astype(np.int64)


def decays(fields: Fields, name: str, shape: Shape, dt: float) -> Ints | None:
    """Decays in 1/4096 from the time constants `name`."""
    numbers = each_neuron(fields, name, shape)
    if numbers is None:
        return None
    positive = numbers.values > 0
    found = np.clip(np.rint(DECAY_UNITY * dt / np.where(positive, numbers.values, dt)), 1, DECAY_UNITY).astype(np.int64)
    good = positive & numbers.are(time_constant(found, dt))
    expected = f"dt * 4096 / n with a whole n in 1…4096 and dt = {dt:g} s"
    return found if _report(fields, name, numbers.values, good, expected) else None


def check_gain(fields: Fields, name: str, shape: Shape, decay: Ints, dt: float) -> None:
    """Report gains that do not add up the input undiminished."""
    numbers = each_neuron(fields, name, shape)
    if numbers is None:
        return
    integrator = decay == 0
    expected = np.where(integrator, 1 / dt, gain(np.where(integrator, 1, decay)))
    good = numbers.are(expected)
    if not good.all():
        what = "1 / dt" if np.any(integrator) else "the time constant / dt"
        _report(fields, name, numbers.values, good, f"{what} = {_first_bad(expected, good):g}")


def biases(fields: Fields, name: str, shape: Shape, decay: Ints, limit: int) -> Ints | None:
    """What is added to the voltage in each step, of at most `limit` in magnitude, from the leak voltages `name`."""
    numbers = each_neuron(fields, name, shape)
    if numbers is None:
        return None
    found = np.rint(numbers.values * decay)
    good = numbers.are(found / decay) & (np.abs(found) <= limit)
    if good.all():
        return found.astype(np.int64)
    _report(fields, name, numbers.values, good, f"a multiple of 1/{_first_bad(decay, good)}")
    return None


def steps(fields: Fields, name: str, shape: Shape, dt: float, most: int) -> Ints | None:
    """Steps from the delays `name` in seconds."""
    numbers = each_neuron(fields, name, shape)
    if numbers is None:
        return None
    found = np.rint(numbers.values / dt)
    good = numbers.are(found * dt) & (found >= 0) & (found <= most)
    expected = f"0…{most} steps of dt = {dt:g} s"
    return found.astype(np.int64) if _report(fields, name, numbers.values, good, expected) else None


def check_zero(fields: Fields, name: str, shapes: Collection[Shape], why: str) -> None:
    """Report numbers other than 0."""
    numbers = reals(fields, name, shapes)
    if numbers is not None:
        _report(fields, name, numbers.values, numbers.values == 0, f"0, {why}")


def _report(fields: Fields, name: str, values: Floats, good: npt.NDArray[np.bool_], expected: str) -> bool:
    if good.all():
        return True
    place = tuple(int(index) for index in np.argwhere(~good)[0])
    at = f" at {list(place)}" if place else ""
    fields.unsupported(name, f"must be {expected}, got {_first_bad(values, good)!r}{at}")
    return False


def _first_bad(values: Floats | Ints, good: npt.NDArray[np.bool_]) -> float:
    return np.broadcast_to(values, good.shape)[~good].flat[0].item()
