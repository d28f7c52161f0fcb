"""What listens: a network, with the ear of the data set that it was trained on."""

from typing import Any

from lapilli.listening.hops import hops_of
from lapilli.listening.listener import Plan
from lapilli.netx_exports import LapilliError
from lapilli.simulators.run import check_input
from lapilli.sources.inputs import InputOptions, data_config
from lapilli.sources.networks import Source
from lapilli.sources.runs import Run
from lapilli.training.data.framing import check_taken
from lapilli.training.data.hearing import Ear
from lapilli.training.data.lines import n_lines


def listening_plan(source: Source, options: InputOptions, window_ms: float | None) -> Plan:
    """The network of a run with the ear of its data set.

    Arguments:
        source: the network.
        options: data set, framing and lines of the command line; the run's own where they are not said.
        window_ms: length of the longest utterance; None: of the samples of the training.

    Raises:
        LapilliError: where no data set is known, or it has no ear; where its steps do not fit the network, or nothing
            would be decided.
        FormatError: when the run's configuration is damaged.
    """
    if source.run is None and options.data is None:
        raise LapilliError(
            f"{source.path} does not say how sound reaches it: name a run folder or zoo:NAME, or give --data NAME with "
            "the framing of its training"
        )
    config = data_config(options, source.run)
    ear = _ear(config)
    if window_ms is None:
        n_steps = config.framing.n_steps or _steps_of_run(source.run)
    else:
        n_steps = hops_of("window-ms", window_ms, ear.step_ms)
    steps = source.steps(n_steps)
    check_input(source.network, (ear.shape[0] + n_lines(config.lines),))
    if reason := source.why_undecided(n_steps, steps):
        raise LapilliError(f"listen: {reason}")
    return Plan(source.network, ear, n_steps, steps - n_steps, config.lines)


def _ear(config: Any) -> Ear:
    # Late, because the catalogue takes a while, which other commands need not wait for.
    from lapilli.training.data.catalogue import DATA_SETS, data_set

    hearing = ", ".join(name for name, found in DATA_SETS.items() if found.ear is not None)
    # "digits" is in no file, and not in the catalogue.
    unheard = "holds no sound" if config.name == "digits" else data_set(config.name).unheard
    ear = None if config.name == "digits" else data_set(config.name).ear
    if ear is None:
        raise LapilliError(f"listen: data set {config.name} {unheard}; networks of {hearing} can listen")
    check_taken(config.name, config.framing, data_set(config.name).framing)
    return ear(config.framing)


def _steps_of_run(run: Run | None) -> int:
    """Steps of the samples of a run whose framing does not say them."""
    steps = None if run is None else run.sample_steps
    if steps is None:
        raise LapilliError("how long an utterance is, is not known: --window-ms says it")
    return steps
