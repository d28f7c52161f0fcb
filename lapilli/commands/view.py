"""`lapilli view`."""

import os
from itertools import islice

import numpy as np

from lapilli.choices import names
from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.files import replacing
from lapilli.output import progress_bar
from lapilli.paths import check_outputs
from lapilli.printable import say
from lapilli.simulators.run import BackendName, at_least_one, check_input
from lapilli.sources.inputs import InputOptions, Inputs, find_inputs
from lapilli.sources.networks import find_network
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.sets import PartName
from lapilli.view.contents import Origin
from lapilli.view.page import page
from lapilli.view.watching import Plan, Watched, check_fits, shown_states, watch


def view(
    network: str,
    /,
    *,
    out: str = "view.html",
    input: str | None = None,  # noqa: A002
    data: str | None = None,
    part: PartName | None = None,
    sample: int = 0,
    samples: int = 5,
    show: str | None = None,
    layers: str | None = None,
    backend: BackendName = "fast",
    n_steps: int | None = None,
    readout: str | None = None,
    time_limit_s: float | None = None,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines | None = None,
) -> None:
    """Write a page to watch a network at work: spikes, membranes, operations, and the decision as it forms.

    Arguments:
        network: file with the network (NetX HDF5), or run folder.
        out: page to write (.html); any browser opens it, and it needs no network connection.
        input: event file (.npz) with the input spikes; without it and without --data, the test part of the run.
        data: data set in place of an event file; `lapilli data list` has them.
        part: part of the data set that is read. Without it, that is "test".
        sample: the first sample to show.
        samples: so many samples, from that one on; all of them together take at most 32 MiB.
        show: states to show on a click, as "voltage,current"; all if not given, none with "spikes".
        layers: layers whose states are shown, as "hidden,output"; all if not given. Spikes are shown of every layer.
        backend: how to run the network; all give the same page.
        n_steps: steps to run. Without it, the sample runs until its last input spike is answered.
        readout: how a class is decided, for a network that does not say it: "spike_count", "voltage_sum" or
            "softmax_sum" of the output layer.
        time_limit_s: seconds after which a Lava run is killed.
        framing: how recordings of a data set become steps, by default as in the run.
        split: which samples of a data set are in which part, by default as in the run.
        lines: inputs of a data set beside the channels, "valid" or "valid and keys". Without it, those of the run hold.
    """
    source = find_network(network, readout)
    if sample < 0:
        raise LapilliError(f"--sample must be at least 0, got {sample}")
    wanted = sample + at_least_one("--samples", samples)
    check_outputs((input, source.path), {"out": out}, (".html", ".htm"))
    inputs = find_inputs(InputOptions(input, data, part, wanted, framing, split, lines), source.run)
    check_input(source.network, inputs.shape)
    numbers = _numbers(inputs, sample)
    steps = at_least_one("--n-steps", source.steps(inputs.n_steps, n_steps))
    undecided = source.why_undecided(inputs.n_steps, steps)
    shown = shown_states(source.network, names(show, "show"), names(layers, "layers"))
    plan = Plan(source.network, steps, shown, not undecided, backend, time_limit_s)
    check_fits(plan, numbers, len(inputs))
    origin = Origin(source.name, inputs.name, inputs.n_steps, inputs.step_ms, inputs.class_names, undecided)
    with replacing(out) as temporary, progress_bar("watching", len(numbers)) as advance:

        def counted(watched: Watched) -> Watched:
            advance(1)
            return watched

        ran = watch(plan, sample, islice(inputs.chunks(1), sample, None))
        temporary.write_text(page(plan, origin, map(counted, ran), len(numbers)), encoding="utf-8")
    say(f"page: {out} ({os.path.getsize(out) / (1 << 20):.1f} MiB, {len(numbers)} samples)")


def _numbers(inputs: Inputs, first: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Numbers of the samples to show, which are the last of those that are read."""
    if not len(inputs):
        raise LapilliError(f"{inputs.name} holds no samples")
    if not 0 <= first < len(inputs):
        raise LapilliError(f"--sample: {inputs.name} has {len(inputs)} samples, got {first}")
    return np.arange(first, len(inputs))
