"""Named tuples that kernels read through one pointer, and functions that they call by address."""

from collections import namedtuple
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pytest
from numba.core import types
from random_networks import KINDS, random_case

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.simulators import Events, run
from lapilli.simulators.by_reference import Reference, address_of, by_reference, call_address, type_of
from lapilli.simulators.compiled import compiled, intrinsic
from lapilli.simulators.fast import calls
from lapilli.simulators.fast.kernels.entries import run_until_full
from lapilli.simulators.fast.kernels.step import advance
from lapilli.simulators.fast.lowering import lower
from lapilli.simulators.fast.neurons.cuba_lif import CUBA_LIF
from lapilli.simulators.fast.synapses.dense import DENSE
from lapilli.simulators.random_events import random_events


class Inner(NamedTuple):
    factor: float
    numbers: npt.NDArray[np.int64]


class Alike(NamedTuple):
    numbers: float
    factor: npt.NDArray[np.int64]


InnerOfOtherFields = namedtuple("Inner", "numbers factor")  # type: ignore[name-match]


class Outer(NamedTuple):
    offset: int
    inner: Inner
    results: npt.NDArray[np.float64]


def outer() -> Outer:
    return Outer(100, Inner(0.5, np.arange(4)), np.zeros(4))


@compiled
def _fill(outer, first):
    for index in range(first, len(outer.results)):
        outer.results[index] = outer.inner.numbers[index] * outer.inner.factor + outer.offset


@compiled
def _fill_by_reference(outer):
    _fill(by_reference(outer), 1)


@compiled
def _divide(outer, divisor):
    outer.results[0] = outer.offset // divisor


@intrinsic
def _call(typing_context: Any, address: Any, outer: Any, number: Any) -> Any:
    return types.none(types.int64, outer, types.int64), call_address


@compiled
def _call_with(outer, address, number):
    _call(address, by_reference(outer), number)


def test_fields_of_a_reference_are_those_of_the_tuple() -> None:
    found = outer()
    _fill_by_reference(found)
    assert found.results.tolist() == [0, 100.5, 101, 101.5]


def test_a_field_that_a_tuple_does_not_have_is_not_read() -> None:
    @compiled
    def wrong(outer):
        return by_reference(outer).nothing

    with pytest.raises(numba.TypingError, match="nothing"):
        wrong(outer())


def test_what_is_no_named_tuple_has_no_reference() -> None:
    @compiled
    def wrong(number):
        return by_reference(number)

    with pytest.raises(numba.TypingError):
        wrong(3)


def test_a_function_is_called_by_its_address() -> None:
    found = outer()
    given = Reference(type_of(found))
    _call_with(found, address_of(_fill, given, types.int64), 2)
    assert found.results.tolist() == [0, 0, 101, 101.5]
    _call_with(found, address_of(_divide, given, types.int64), 7)
    assert found.results[0] == 14


def test_an_error_of_what_is_called_arrives() -> None:
    found = outer()
    address = address_of(_divide, Reference(type_of(found)), types.int64)
    with pytest.raises(ZeroDivisionError):
        _call_with(found, address, 0)


def test_tuples_of_other_fields_are_other_types() -> None:
    one, other = Inner(0.5, np.arange(4)), Alike(0.5, np.arange(4))
    renamed = InnerOfOtherFields(0.5, np.arange(4))
    names = [str(Reference(type_of(found))) for found in (one, other, renamed)]
    assert len(set(names)) == 3
    assert names[0] == str(Reference(type_of(Inner(1.5, np.arange(9)))))


def small_network() -> Network:
    neuron = CubaLif(vth_mant=20, current_decay=1024, voltage_decay=256)
    rng = np.random.default_rng(0)
    return Network((5,), (Layer("out", (6,), neuron, (DenseSynapse("input", rng.integers(-10, 40, (6, 5)) * 2),)),))


def test_a_program_compiles_what_it_calls_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_for: list[Any] = []

    def note(function: Any, *arguments: Any) -> int:
        compiled_for.append(function)
        return 1

    monkeypatch.setattr(calls, "address_of", note)
    found = calls.calls_of(lower(small_network()))
    assert compiled_for == [CUBA_LIF.step, DENSE.accumulations[0], advance]
    assert (found.advance, found.steps.tolist(), found.accumulations.tolist()) == (1, [1], [1])


def test_one_compilation_serves_every_network() -> None:
    """Addresses are those of functions for one type of program and state: no other may come."""
    for seed in range(6):
        case = random_case(KINDS, 2, bool(seed % 2), seed)
        run(case.network, case.events, "fast", n_steps=case.n_steps, reset=case.reset)
    assert len(run_until_full.signatures) == 1


def test_a_change_of_the_events_layout_is_followed() -> None:
    """Events that are a part of others are no block of memory of their own."""
    network = small_network()
    events = random_events(network, 2, 10, 0.5, 3)
    apart = Events(events.step[::1], np.repeat(events.neuron, 2)[::2], events.offsets, events.n_steps, events.shape)
    one, other = (run(network, found, "fast").spikes for found in (events, apart))
    assert np.array_equal(one.neuron, other.neuron)
    assert np.array_equal(one.step, other.step)
