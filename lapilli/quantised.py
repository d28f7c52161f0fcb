"""`lapilli export --quantize`: a float network of a NIR file as integers, and the report beside them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from lapilli.netx_exports import LapilliError, Network
from lapilli.netx_exports.nir.floating.graph import FloatGraph
from lapilli.netx_exports.nir.floating.reader import load_float_nir
from lapilli.netx_exports.nir.quantising.choices import Choices, Reset
from lapilli.netx_exports.nir.quantising.quantise import Quantised, quantise
from lapilli.netx_exports.nir.quantising.scales import NOWHERE
from lapilli.output import print_table, progress_bar
from lapilli.printable import say
from lapilli.simulators import Events
from lapilli.simulators.decisions.of_events import with_readout
from lapilli.simulators.float_nir.calibration import calibrated, float_reset, n_runs
from lapilli.simulators.float_nir.comparison import Comparison, check_readout, compare, usual_readout
from lapilli.simulators.float_nir.run import FloatRun, run_float
from lapilli.simulators.run import shape_problem

_WHICH_RESET = (
    "NIR does not say how a spike resets, so --reset must: zero where it takes the voltage to 0, subtract where it "
    "takes the threshold off, approximate to have the first for the second with thresholds found on --calibrate"
)


@dataclass(frozen=True)
class QuantiseOptions:
    """What the command line says of a quantisation; all as of `lapilli export`."""

    calibrate: str | None = None
    test: str | None = None
    reset: Reset | None = None
    json: bool = False

    @property
    def given(self) -> list[str]:
        """Options that were given, as they are spelt."""
        return [f"--{name}" for name, value in asdict(self).items() if value]


def quantised_file(
    source: str, dt: float | None, readout: str | None, options: QuantiseOptions
) -> tuple[Network, Comparison]:
    """The integers of a float network, and the comparison of both.

    Arguments:
        source: NIR file.
        dt: seconds in a step; None: as the file says.
        readout: how a class is decided; None: as the file says, else as is usual for the output.
        options: of the command line.

    Raises:
        LapilliError: for missing options, files that cannot be read, and nodes without an integer equivalent.
    """
    if options.calibrate is None:
        raise LapilliError("--quantize needs --calibrate EVENTS.npz, events on which scales and thresholds are found")
    if options.reset is None:
        raise LapilliError(_WHICH_RESET)
    graph = load_float_nir(source, dt)
    # What is refused is refused at once, and not after minutes of running.
    _deciding(quantise(graph, Choices(options.reset, dict.fromkeys(graph.shapes, NOWHERE))), graph, readout)
    seen = Events.load(options.calibrate)
    tested = seen if options.test is None else Events.load(options.test)
    for path, events in ((options.calibrate, seen), (options.test, tested)):
        _check_samples(graph, path, events)
    of_seen = _floated(graph, seen, options.reset, "float network, calibration")
    choices = _calibrated(graph, seen, of_seen, options.reset)
    quantised = _deciding(quantise(graph, choices), graph, readout)
    of_tested = of_seen if tested is seen else _floated(graph, tested, options.reset, "float network, test")
    with progress_bar("integers", len(tested)) as advance:
        return quantised.network, compare(quantised, of_tested, tested, advance)


def show_comparison(comparison: Comparison, of: str) -> None:
    """Print the report on the terminal.

    Arguments:
        comparison: to print.
        of: the events, by their file.
    """
    columns = ("layer", "scale", "threshold", "largest error", "mean error")
    rows = [[*_cells(vars(layer))] for layer in comparison.layers]
    print_table(f"float and integers on {of}; errors of weights", (*columns, "float spikes", "integer spikes"), rows)
    say(f"decisions that agree: {comparison.agree} of {comparison.samples}")
    if comparison.right_before is not None and comparison.right_after is not None:
        shares = [100 * right / comparison.samples for right in (comparison.right_before, comparison.right_after)]
        before, after = (
            f"{right} of {comparison.samples} ({share:.1f} %)"
            for right, share in zip((comparison.right_before, comparison.right_after), shares)
        )
        say(f"right before: {before}, right after: {after}")


def _cells(layer: dict[str, Any]) -> Sequence[object]:
    """A row of the table, which has no room for the kind."""
    return ["–" if value is None else value for name, value in layer.items() if name != "kind"]


def _check_samples(graph: FloatGraph, path: str | None, events: Events) -> None:
    if not len(events):
        raise LapilliError(f"{path}: must have at least one sample")
    if events.n_steps < 1:
        raise LapilliError(f"{path}: must have at least one step")
    if problem := shape_problem(graph.input_shape, events.shape):
        raise LapilliError(f"{path}: {problem}")
    if events.value is not None:
        raise LapilliError(f"{path}: its events carry values, and the network's input is spikes")


def _floated(graph: FloatGraph, events: Events, reset: Reset, what: str) -> FloatRun:
    with progress_bar(what, len(events)) as advance:
        return run_float(graph, events, float_reset(reset), events.n_steps + graph.latest, advance)


def _calibrated(graph: FloatGraph, events: Events, done: FloatRun, reset: Reset) -> Choices:
    with progress_bar("thresholds", n_runs(graph, reset)) as advance:
        return calibrated(graph, events, done, reset, advance)


def _deciding(quantised: Quantised, graph: FloatGraph, readout: str | None) -> Quantised:
    said = readout if readout is not None or graph.readout is not None else usual_readout(graph)
    network = with_readout(quantised.network, said)
    check_readout(graph, network)
    return replace(quantised, network=network)
