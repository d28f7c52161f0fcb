"""Streams: a network fed step by step as events come, its state saved and restored exactly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike, replacing
from lapilli.netx_exports.network import Network
from lapilli.simulators.counting import counts_of
from lapilli.simulators.events import EventsError
from lapilli.simulators.fast.backend import named_counts, neuron_events
from lapilli.simulators.fast.calls import calls_of
from lapilli.simulators.fast.kept import lowered
from lapilli.simulators.fast.kernels.entries import advance_and_count
from lapilli.simulators.fast.kernels.sums import RING
from lapilli.simulators.fast.state import State, Totals, new_state, new_totals
from lapilli.simulators.files.archives import MemberReader, open_members
from lapilli.simulators.results import Counts

Int32 = npt.NDArray[np.int32]
Integers = npt.NDArray[np.integer] | Sequence[int]  # type: ignore[type-arg]

_MAX_STEP = 1 << 62


class StateError(FormatError):
    """A saved state that is damaged or belongs to another network."""


class Simulator:
    """A network at work on one endless stream, by the kernels of the `fast` backend.

    `n` calls of `step` give the spikes, and `counts` the counts, of `run` on the same events for `n` steps.

    Arguments:
        network: what to run; its state starts empty.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._lowered = lowered(network)
        self.reset()

    def reset(self) -> None:
        """Back to step 0 with empty state and empty counts."""
        self._state: State = new_state(self._lowered.program)
        self._totals: Totals = new_totals(self._lowered.program)
        self._step = 0

    @property
    def n_steps(self) -> int:
        """Steps since the start, or since the last `reset`."""
        return self._step

    def step(self, neurons: Integers = (), values: Integers | None = None) -> npt.NDArray[np.int32]:
        """Advance by one step.

        Arguments:
            neurons: flat indices of the input neurons that spike in this step, each at most once, in any order.
            values: their payloads, for a network with graded input; each is 1 where None.

        Returns:
            Flat indices of the output neurons that spike in this step, rising, int32.

        Raises:
            EventsError: for events that do not fit; the stream then stands where it stood before.
        """
        neuron, value = self._checked(neurons, values)
        calls = calls_of(self._lowered)
        advance_and_count(self._lowered.program, self._state, calls, self._step, neuron, value, self._totals)
        self._step += 1
        return self.spikes(self.network.output.name)

    def spikes(self, layer: str) -> npt.NDArray[np.int32]:
        """Flat indices of the neurons of a layer that spiked in the last step, rising, int32."""
        number = self._number(layer)
        return np.sort(self._lowered.to_c_order[number][self._listed(number)]).astype(np.int32)

    def values(self, layer: str) -> npt.NDArray[np.int32]:
        """Values of the spikes of a layer in the last step, in the order of `spikes`, int32; 1 each if not graded."""
        number = self._number(layer)
        listed = self._listed(number)
        if layer not in self.network.graded_sources:
            return np.ones(len(listed), np.int32)
        values = self._state.outgoing[int(self._lowered.program.layers[number]["at"]) + listed]
        return values[np.argsort(self._lowered.to_c_order[number][listed])]

    def voltage(self, layer: str) -> npt.NDArray[np.int32]:
        """Voltage of each neuron of a layer after the last step, in the layer's shape, int32."""
        return self.neuron_state(layer, "voltage")

    def current(self, layer: str) -> npt.NDArray[np.int32]:
        """Current of each neuron of a layer after the last step, in the layer's shape, int32."""
        return self.neuron_state(layer, "current")

    def neuron_state(self, layer: str, name: str) -> npt.NDArray[np.int32]:
        """A state of each neuron of a layer after the last step, in the layer's shape, int32.

        Arguments:
            layer: its name.
            name: one of the `states` of its neuron model.

        Raises:
            LapilliError: when the neurons have no such state.
        """
        number = self._number(layer)
        states = self.network.layers[number].neuron.states
        if name not in states:
            raise LapilliError(f"neurons of layer {layer!r} have the states {', '.join(states)}, not {name!r}")
        size = self.network.layers[number].size
        first = int(self._lowered.program.layers[number]["at"])
        natural = np.empty(size, np.int32)
        natural[self._lowered.to_c_order[number]] = self._state.neurons[states.index(name), first : first + size]
        return natural.reshape(self.network.layers[number].shape)

    @property
    def counts(self) -> Counts:
        """Exact counts since the start, as of one sample."""
        totals = self._totals
        return counts_of(
            self.network,
            self._step,
            sent=totals.sent[None].copy(),
            payload_bits=totals.payload_bits[None].copy(),
            synapse_ops=totals.synapse_ops[None].copy(),
            neuron_events=neuron_events(self._lowered, totals.input_events.copy(), totals.layer_events),
            named=named_counts(self.network, self._state.counted[None, :-1]),
        )

    def save_state(self, path: PathLike) -> None:
        """Write everything that the next steps depend on to an `.npz` file.

        Raises:
            LapilliError: when the file cannot be written.
        """
        facts: dict[str, Any] = {"step": np.int64(self._step)}
        facts["fingerprint"] = np.frombuffer(bytes.fromhex(self.network.run_fingerprint), np.uint8)
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez_compressed(file, **(facts | self._arrays()))

    def restore_state(self, path: PathLike) -> None:
        """Go on from a state that `save_state` wrote for the same network.

        Raises:
            LapilliError: when the file cannot be read.
            StateError: when it is damaged or belongs to another network; the stream then stands where it stood before.
        """
        expected = {name: (array.shape, array.dtype) for name, array in self._arrays().items()}
        expected |= {"fingerprint": ((32,), np.dtype(np.uint8)), "step": ((), np.dtype(np.int64))}
        with open_members(path, StateError, known=expected) as members:
            if self._is_of_another(members.get("fingerprint")):
                raise StateError(str(path), [f"belongs to another network than {self.network.fingerprint[:12]}…"])
            # Not in files that were written before kinds could count by themselves.
            needed = [name for name in expected if name != "counted" or self.network.counters]
            problems = [f"{name}: missing" for name in needed if name not in members]
            problems += [
                f"{name}: must be {expected[name][1]} of shape {expected[name][0]}, "
                f"got {member.dtype} of shape {member.shape}"
                for name, member in members.items()
                if (member.shape, member.dtype) != expected[name]
            ]
            if problems:
                raise StateError(str(path), problems)
            arrays: dict[str, Any] = {"counted": self._state.counted}
            arrays |= {name: member.read_all() for name, member in members.items() if name != "fingerprint"}
        if problems := self._impossible(arrays):
            raise StateError(str(path), problems)
        self._state = State(**{name: arrays[name].copy() for name in State._fields})
        self._step = int(arrays["step"])
        self._clear_padding()
        self._postpone_again()
        self._totals = Totals(**{name: arrays[name].copy() for name in Totals._fields})

    def _is_of_another(self, fingerprint: MemberReader | None) -> bool:
        if fingerprint is None or fingerprint.shape != (32,):
            return False
        return fingerprint.read_all().tobytes().hex() != self.network.run_fingerprint

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {**self._state._asdict(), **self._totals._asdict()}

    def _clear_padding(self) -> None:
        """Let nothing arrive at what pads layers to whole vectors: a file may say anything there.

        Neurons there would spike, and the kernels would list more spikes than there is room for. Sums are empty between
        steps.
        """
        program, state = self._lowered.program, self._state
        state.sums[:] = 0
        for layer in program.layers:
            state.neurons[:, layer["at"] + layer["n"] : layer["at"] + layer["padded"]] = 0
        for found in program.sums:
            n, of_sum = (int(program.layers[found["layer"]][name]) for name in ("n", "padded"))
            padded = int(found["padded"])
            for pool, at, rows in (
                (state.lines, int(found["line_at"]), RING),
                (state.rings, int(found["ring_at"]), 2 * RING),
                (state.spares, int(found["spare_at"]), RING),
            ):
                if at >= 0:
                    pool[at : at + rows * padded].reshape(-1, of_sum)[:, n:] = 0

    def _postpone_again(self) -> None:
        """List the spikes that are on their way along delayed axons anew, from what the sources listed.

        A file may say anything there, and the kernels append to these lists without looking.
        """
        program, state = self._lowered.program, self._state
        for number in range(len(self.network.layers) + 1):
            source, n = program.sources[number], int(program.sources[number]["n"])
            for axons in range(int(source["first_axons"]), int(source["first_axons"] + source["n_axons"])):
                at, delay_at = int(program.sources[axons]["at"]), int(program.sources[axons]["delay_at"])
                delays, counts = program.tables[delay_at : delay_at + n], state.spike_count[axons]
                counts[:] = 0
                for step in range(max(0, self._step - program.slots), self._step):
                    slot = step & (program.slots - 1)
                    begin = int(source["at"]) + slot * n
                    for event in state.spike_list[begin : begin + int(state.spike_count[number, slot])]:
                        late = step + int(delays[event])
                        if late >= self._step - 1:
                            late &= program.slots - 1
                            state.spike_list[at + late * n + int(counts[late])] = event
                            counts[late] += 1

    def _impossible(self, arrays: dict[str, npt.NDArray[Any]]) -> list[str]:
        """Values that would lead the kernels out of their arrays."""
        program, problems = self._lowered.program, []
        sizes = program.sources["n"]
        if int(arrays["step"]) < 0:
            problems.append("step: must not be negative")
        if int(arrays["step"]) > _MAX_STEP:
            problems.append(f"step: must be at most {_MAX_STEP}")
        if np.any(arrays["counted"] < 0):
            problems.append("counted: must not be negative")
        if np.any((arrays["spike_count"] < 0) | (arrays["spike_count"] > sizes[:, None])):
            problems.append("spike_count: more spikes than neurons")
        for number, source in enumerate(program.sources):
            if problems:
                break
            for slot in range(program.slots):
                at = source["at"] + slot * source["n"]
                spikes = arrays["spike_list"][at : at + arrays["spike_count"][number, slot]]
                if len(np.unique(spikes)) != len(spikes):
                    problems.append(f"spike_list: a neuron of source {number} twice in a step")
                    break
            listed = arrays["spike_list"][source["at"] : source["at"] + source["n"] * program.slots]
            if np.any((listed < 0) | (listed >= source["n"])):
                problems.append(f"spike_list: a neuron that source {number} does not have")
        return problems

    def _checked(self, neurons: Integers, values: Integers | None) -> tuple[Int32, Int32]:
        neuron = _array(neurons)
        if neuron.ndim != 1 or (neuron.size and neuron.dtype.kind not in "iu"):
            raise EventsError(f"step {self._step}", [f"neurons: must be a list of integers, got {neurons!r}"])
        if neuron.size and (neuron.min() < 0 or neuron.max() >= self.network.n_inputs):
            limit = self.network.n_inputs - 1
            raise EventsError(f"step {self._step}", [f"neurons: must be 0…{limit}, got {neuron.min()}…{neuron.max()}"])
        if len(np.unique(neuron)) != len(neuron):
            raise EventsError(f"step {self._step}", ["neurons: each may spike once in a step"])
        if values is None:
            return neuron.astype(np.int32), np.ones(len(neuron), np.int32)
        value = _array(values)
        if not self.network.graded_input:
            raise EventsError(f"step {self._step}", ["values: the network's input is binary spikes"])
        if value.shape != neuron.shape or (value.size and value.dtype.kind not in "iu"):
            raise EventsError(f"step {self._step}", [f"values: needs {len(neuron)} integers, got {values!r}"])
        limits = np.iinfo(np.int32)
        if value.size and (value.min() < limits.min or value.max() > limits.max or not value.all()):
            raise EventsError(f"step {self._step}", ["values: must fit int32 and not be 0"])
        return neuron.astype(np.int32), value.astype(np.int32)

    def _listed(self, number: int) -> npt.NDArray[np.int32]:
        """Neurons of a layer that spiked in the last step, as the program numbers them."""
        program = self._lowered.program
        slot = (self._step - 1) & (program.slots - 1)
        at = int(program.sources[number + 1]["at"]) + slot * int(program.sources[number + 1]["n"])
        return self._state.spike_list[at : at + int(self._state.spike_count[number + 1, slot])]

    def _number(self, layer: str) -> int:
        names = [found.name for found in self.network.layers]
        if layer not in names:
            raise LapilliError(f"no layer {layer!r}; layers are {', '.join(names)}")
        return names.index(layer)


def _array(numbers: object) -> npt.NDArray[Any]:
    """As an array of whatever type; numpy refuses lists of unequal lengths."""
    try:
        return np.asarray(numbers)
    except ValueError:
        return np.asarray(None)
