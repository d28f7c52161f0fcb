"""Recipe: a spiking LSTM by way of a source: train an LSTM of clipped activations, convert it, tune it on integers.

A reconstruction of the system of arXiv 2210.12613, of which the abstract is known: all choices here are ours.

    from lapilli.training.recipes.lstm import train_lstm

Every stage is a run in a folder of its own: `standard` (if asked for) and `source` do not spike; `converted-T` have the
source's weights; `tuned-T` is trained further by BPTT, and is a run of `recipes.surrogate_gradient`. What was stopped
anywhere goes on there, and ends with the same weights. Subsets of activations that have no integers end in floating
point instead.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lapilli.netx_exports import save
from lapilli.simulators.configurations import as_plain, configuration, refuse, with_changes
from lapilli.simulators.configurations.ranges import AboveZero, Count, Natural
from lapilli.training.data.tasks import DataConfig, Task, find_task, joined, unguarded
from lapilli.training.exported.evaluation import check_same_decisions, measure
from lapilli.training.loop.batches import ValidationBatches
from lapilli.training.loop.fitting import torch_settings
from lapilli.training.loop.optimisation import LossConfig, OptimizerConfig
from lapilli.training.loop.run_folder import RunFolder, make, run_in, write_summary, write_weights
from lapilli.training.methods import OwnMethod
from lapilli.training.networks.lstm.config import (
    LARGEST_COPIES,
    ConversionConfig,
    LstmConfig,
    PartlySpikingConfig,
    SpikingLstmConfig,
)
from lapilli.training.networks.lstm.convert import converted, converted_config
from lapilli.training.networks.lstm.elements import Sizes
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.networks.lstm.source import LstmNetwork
from lapilli.training.recipes import surrogate_gradient
from lapilli.training.recipes.float_network import FloatOptions, FloatSummary, module_accuracy, train_float
from lapilli.training.recipes.surrogate_gradient import DEFAULT_METHOD
from lapilli.training.studies.collect import Row
from lapilli.training.studies.proven_runs import prove_run, resumed, row_of

CALIBRATION = 256
"""Training samples on which a shift is calibrated."""


@configuration("")
@dataclass(frozen=True)
class Options:
    """What can be chosen: the options of `lapilli train lstm`, and the keys of its file."""

    data: DataConfig = field(default_factory=DataConfig)
    """what to train on."""

    network: LstmConfig = field(default_factory=LstmConfig)
    """the source; the spiking network has its layers."""

    source_optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """how the source trains, and the standard LSTM."""

    conversion: ConversionConfig = field(default_factory=ConversionConfig)
    """how the source becomes a spiking network."""

    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """how the spiking network is tuned."""

    train: Literal["weights", "jointly"] = "jointly"
    """whether tuning changes weights alone, or thresholds, leaks, start values and the clamp too."""

    surrogate_peak: AboveZero = SpikingLstmConfig.surrogate_peak
    """of a spike's derivative."""

    loss: LossConfig = field(default_factory=lambda: LossConfig(gain=1.0))
    """from scores to logits; what operations and spikes cost counts in tuning."""

    method: OwnMethod | None = None
    """the loss of the logits; none: cross-entropy of their mean, 0.1 smoothed."""

    standard: bool = False
    """whether an LSTM of sigmoid and tanh is trained too, to compare with."""

    also_copies: tuple[Count, ...] = ()
    """other numbers of SNN steps for which the source is converted, but not tuned."""

    seed: Natural = 0
    """of initial weights, order, augmentation and dropout of every stage."""

    threads: Count = 1
    """of torch."""

    lava_samples: Natural = 0
    """test samples on which the spiking networks are proven on Lava too."""

    def __post_init__(self) -> None:
        refuse(self._contradictions())

    def _contradictions(self) -> Iterator[str]:
        if self.network.activations == "standard":
            yield "network.activations: a source has clipped ones; for the usual ones beside it set standard to true"
        if self.data.drain is not None:
            yield "data.drain: an LSTM runs until its last element is answered; leave it out"
        if wrong := [number for number in self.also_copies if number > LARGEST_COPIES]:
            yield f"also_copies: there are 1…{LARGEST_COPIES} SNN steps, got {wrong[0]}"
        if self.method is not None and self.method.needs_teacher:
            yield f"method: must be one without a teacher, got {self.method.name}"
        for optimizer in (self.source_optimizer, self.optimizer):
            yield from unguarded(self.data, optimizer.keep)


def train_lstm(run_dir: Path, options: Options | None = None, *, progress: bool = True, **given: Any) -> list[Row]:
    """Train all stages; what was stopped goes on where it was when called again.

    Arguments:
        run_dir: folder of the stages.
        options: of all of them; none: all defaults.
        progress: whether to show progress bars.
        given: fields of `Options` that replace those of `options`: `train_lstm(run_dir, seed=3)`.

    Returns:
        A row for each stage: accuracies, spikes, operations, what was proven.

    Raises:
        LapilliError: as `lapilli.training.recipes.surrogate_gradient.train`.
        TrainingInterruptedError: after Ctrl-C.
    """
    chosen = with_changes(Options, options, given)
    make(run_dir)
    task = find_task(chosen.data, progress)
    rows: list[Row] = []
    if chosen.standard:
        config = replace(chosen.network, activations="standard")
        rows.append(_float_row("standard LSTM", _source(Path(run_dir) / "standard", chosen, config, task, progress)[1]))
    source, summary = _source(Path(run_dir) / "source", chosen, chosen.network, task, progress)
    rows.append(_float_row(f"LSTM, {chosen.network.activations}", summary))
    copies = sorted({*chosen.also_copies, chosen.conversion.copies})
    for conversion in (replace(chosen.conversion, copies=number) for number in copies):
        rows.append(_convert(Path(run_dir), chosen, conversion, source, task))
    rows.append(_tuned(Path(run_dir), chosen, source, task, progress))
    return rows


def _source(
    folder: Path, options: Options, config: LstmConfig, task: Task, progress: bool
) -> tuple[LstmNetwork, FloatSummary]:
    """A network that does not spike, trained."""
    with torch_settings(options.seed, options.threads):
        module = LstmNetwork(config, _sizes(task))
    unpriced = replace(options.loss, operations=0.0, spikes=0.0)
    training = _float_options(options, config, options.source_optimizer, unpriced)
    return module, train_float(folder, training, task, module, progress)


def _convert(run_dir: Path, options: Options, conversion: ConversionConfig, source: LstmNetwork, task: Task) -> Row:
    """Row of a network with the source's weights, which gets a run folder of its own."""
    folder = RunFolder(run_dir / f"converted-{conversion.copies}")
    config = _spiking_config(options, conversion)
    sections = {"data": options.data, "network": config, "conversion": conversion}
    content: dict[str, Any] = {name: as_plain(section) for name, section in sections.items()}
    content |= {"source": str(run_dir / "source"), "seed": options.seed}
    with run_in(folder.path, content, folder.config.exists()):
        module = _converted(options, conversion, source, task)
        write_weights(folder, module.state_dict(), module.facts)
        row: Row = _empty_row() | {"stage": "converted", "copies": conversion.copies}
        if not conversion.exported:
            test, spikes = module_accuracy(module, task.test)
            row |= {"validation_accuracy": module_accuracy(module, task.validation)[0], "test_accuracy": test}
            row |= {"spike_rate": _rate(spikes, options, conversion, task)}
        else:
            network, n_steps = module.export(), task.run_steps(module.depth)
            save(network, folder.network)
            found = check_same_decisions(module, network, task.test, n_steps)
            row |= {"validation_accuracy": measure(network, task.validation, n_steps).accuracy}
            row |= {"test_accuracy": found.accuracy, "operations_per_sample": round(found.operations, 1)}
            row |= {"spike_rate": _rate(found.spikes, options, conversion, task)}
            row |= prove_run(folder.path, joined(task.test, task.validation), n_steps, options.lava_samples)
        write_summary(folder, row)
    return row


def _tuned(run_dir: Path, options: Options, source: LstmNetwork, task: Task, progress: bool) -> Row:
    """Row of the converted network, trained further."""
    conversion = options.conversion
    folder, config = run_dir / f"tuned-{conversion.copies}", _spiking_config(options, conversion)
    row: Row = _empty_row() | {"stage": "tuned", "copies": conversion.copies}
    if isinstance(config, PartlySpikingConfig):
        module = _converted(options, conversion, source, task)
        training = _float_options(options, config, options.optimizer, options.loss)
        training = replace(training, start=str(run_dir / f"converted-{conversion.copies}"))
        found = train_float(folder, training, task, module, progress)
        return (
            row
            | _float_row("tuned", found)
            | {
                "copies": conversion.copies,
                "spike_rate": _rate(found.spikes, options, conversion, task),
            }
        )
    exact = surrogate_gradient.Options(
        data=options.data,
        network=config,
        optimizer=options.optimizer,
        loss=options.loss,
        method=options.method,
        start=run_dir / f"converted-{conversion.copies}",
        seed=options.seed,
        threads=options.threads,
        accelerator="cpu",
    )
    summary = resumed(folder, exact, progress)
    rate = _rate(summary.spikes, options, conversion, task)
    return row | row_of(folder, summary, options.data, options.lava_samples) | {"spike_rate": rate}


def _converted(options: Options, conversion: ConversionConfig, source: LstmNetwork, task: Task) -> SpikingLstmNetwork:
    batch = next(iter(ValidationBatches(task.train, task.train.n_steps + 1, CALIBRATION)))
    with torch_settings(options.seed, options.threads):
        return converted(source, conversion, _spiking_config(options, conversion), batch.values).eval()


def _spiking_config(options: Options, conversion: ConversionConfig) -> SpikingLstmConfig | PartlySpikingConfig:
    found = converted_config(options.network, conversion)
    return replace(found, train=options.train, surrogate_peak=options.surrogate_peak)


def _float_options(options: Options, config: Any, optimizer: OptimizerConfig, loss: LossConfig) -> FloatOptions:
    method = DEFAULT_METHOD if options.method is None else options.method
    return FloatOptions(options.data, config, optimizer, loss, method, None, options.seed, options.threads)


def _sizes(task: Task) -> Sizes:
    n_inputs = 1
    for side in task.shape:
        n_inputs *= side
    return Sizes(n_inputs, len(task.classes), task.train.n_steps, int(task.graded))


def _rate(spikes: float, options: Options, conversion: ConversionConfig, task: Task) -> float:
    """Share of units that send something in an SNN step."""
    return round(spikes / (task.train.n_steps * conversion.copies * sum(options.network.hidden)), 4)


def _float_row(stage: str, summary: FloatSummary) -> Row:
    found = asdict(summary)
    kept = ("validation_accuracy", "test_accuracy", "epochs", "best_epoch")
    row = _empty_row() | {"stage": stage} | {name: found[name] for name in kept}
    return row | {"training_seconds": round(summary.seconds)}


def _empty_row() -> Row:
    """Columns that every row has."""
    names = ("stage", "copies", "validation_accuracy", "test_accuracy", "spike_rate", "operations_per_sample")
    return dict.fromkeys((*names, "proven_differences", "epochs", "best_epoch", "training_seconds"), "")
