"""`lapilli prove`."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

from lapilli.decided import check_decision_files, decision_facts, decision_line, draw_confusion, write_decisions
from lapilli.netx_exports import LapilliError
from lapilli.output import print_json, progress_bar
from lapilli.paths import check_outputs
from lapilli.printable import say
from lapilli.proofs import Wanted, prove_source
from lapilli.simulators import Proof
from lapilli.simulators.random_events import random_events
from lapilli.simulators.run import BackendName
from lapilli.sources.inputs import InputOptions, find_inputs
from lapilli.sources.networks import Source, find_network
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.sets import PartName

RANDOM = "8 samples of random spikes"

_SAMPLES_OF_DATA = 100


def prove(
    network: str,
    /,
    *,
    input: str | None = None,  # noqa: A002
    data: str | None = None,
    part: PartName | None = None,
    samples: int | None = None,
    backends: list[BackendName | Literal["module"]] | None = None,
    readout: str | None = None,
    decisions: str | None = None,
    confusion: str | None = None,
    n_steps: int | None = None,
    seed: int = 0,
    time_limit_s: float | None = None,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines | None = None,
    json: bool = False,
) -> int:
    """Show that the trained module and every backend give the same spikes, states and counts, or where they differ.

    Exit status 0 if nothing differs, 1 otherwise, also when a backend that was asked for cannot run the network.

    Arguments:
        network: file with the network (NetX HDF5), or run folder, whose trained module is compared too.
        input: event file (.npz). Without it and without --data, a run folder takes the test part of the run, and a file
            alone takes 8 samples of 100 steps of random spikes (5 %).
        data: data set in place of an event file; `lapilli data list` has them.
        part: part of the data set that is read. Without it, that is "test".
        samples: how many samples are read, from the first on. Without it, all of a file and 100 of a data set are.
        backends: what to compare, as [module,reference,fast,lava]; the first is what the others are compared with. If
            not given: these four, or those of them that can run the network; "module" is of run folders.
        readout: how a class is decided, for a network that does not say it: "spike_count", "voltage_sum" or
            "softmax_sum" of the output layer.
        decisions: table (.csv) to write, a row for each sample: its label, the class decided, the score of each class.
        confusion: picture (.svg or .png) of the confusion matrix to write; the input needs labels.
        n_steps: steps for each sample. Without it, a sample runs until its last input spike is answered.
        seed: of the random spikes.
        time_limit_s: seconds after which a Lava run is killed.
        framing: how recordings of a data set become steps, by default as in the run.
        split: which samples of a data set are in which part, by default as in the run.
        lines: inputs of a data set beside the channels, "valid" or "valid and keys". Without it, those of the run hold.
        json: print the proof as JSON.
    """
    source = find_network(network, readout)
    options = InputOptions(input, data, part, samples, framing, split, lines)
    events, names, called = _events(source, options, seed)
    check_outputs((input, source.path), {"decisions": decisions, "confusion": confusion})
    steps = source.steps(events.n_steps, n_steps)
    undecided = source.why_undecided(events.n_steps, steps)
    check_decision_files(decisions, confusion, undecided, events.labels is not None)
    with progress_bar("proving", len(events)) as advance:
        wanted = Wanted(backends, steps, time_limit_s)
        found = prove_source(source, events, wanted, advance)
    proofs = [found.backends] if found.module is None else [found.module, found.backends]
    decided = next((made for proof in proofs for made in proof.decisions.values()), None)
    if decided is not None:
        write_decisions(decisions, decided)
        if events.labels is not None:
            draw_confusion(confusion, decided.confusion, f"{source.name} on {called}", names)
    table = None if decided is None else decided.confusion
    if json:
        module = None if found.module is None else proof_json(found.module)
        facts = {**proof_json(found.backends), "module": module, "why_no_module": found.why_no_module or None}
        print_json({**facts, **decision_facts(table, undecided, names)})
    else:
        for proof in proofs:
            say("\n".join(proof_lines(proof)))
        if found.why_no_module:
            say(f"the trained module is not compared: {found.why_no_module}")
        if called != RANDOM:
            say(decision_line(table, undecided, names))
    asked = backends is not None
    skipped = found.backends.skipped or (found.why_no_module and asked and "module" in (backends or ()))
    return 0 if all(proof.equal for proof in proofs) and not (asked and skipped) else 1


def _events(source: Source, options: InputOptions, seed: int) -> tuple[Any, dict[int, str], str]:
    """Samples, names of their classes, and what they are called."""
    if options.input is None and options.data is None and source.run is None:
        if options.samples is not None and options.samples < 1:
            raise LapilliError(f"--samples must be at least 1, got {options.samples}")
        return random_events(source.network, 8, 100, 0.05, seed).select(slice(options.samples)), {}, RANDOM
    if options.input is None and options.samples is None:
        options = dataclasses.replace(options, samples=_SAMPLES_OF_DATA)
    inputs = find_inputs(options, source.run)
    return inputs.events(), inputs.class_names, inputs.name


def proof_json(proof: Proof) -> dict[str, Any]:
    """The proof as JSON values."""
    first = {name: dataclasses.asdict(difference) for name, difference in proof.first.items()}
    classes = {name: made.classes.tolist() for name, made in proof.decisions.items()}
    known = {**vars(proof), "first": first, "skipped": dict(proof.skipped), "equal": proof.equal}
    return {**{name: value for name, value in known.items() if name != "decisions"}, "decided": classes}


def proof_lines(proof: Proof) -> list[str]:
    """The proof in sentences."""
    lines = [f"skipped: {reason}" for reason in proof.skipped.values()]
    lines.append(
        f"compared {' = '.join(proof.backends)}: {proof.n_samples} samples, {proof.n_steps} steps, "
        f"{proof.spikes_compared:,} spikes, {proof.states_compared:,} states of neurons{', all counts' * proof.counts}"
    )
    if proof.spikes_only:
        lines.append(f"of {', '.join(proof.spikes_only)} only spikes and counts: it gives no states")
    if not proof.spikes_compared:
        lines.append("warning: no neuron spiked, so this shows little")
    if proof.equal:
        lines.append("equal: 0 differences")
    else:
        lines.append(f"different: {proof.n_differences:,} differences")
        lines += [f"first in {name}: {difference}" for name, difference in proof.first.items()]
    return lines + _different_decisions(proof)


def _different_decisions(proof: Proof) -> list[str]:
    """Of backends that decide differently: how often."""
    names: Sequence[str] = list(proof.decisions)
    lines = []
    for name in names[1:]:
        base, other = proof.decisions[names[0]].classes, proof.decisions[name].classes
        if different := int((base != other).sum()):
            lines.append(f"{name} decides {different} of {len(base)} samples unlike {names[0]}")
    return lines
