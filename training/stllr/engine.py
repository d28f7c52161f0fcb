"""The last rung of the ladder: the network that `export` gives learns in the integers of Lava's learning engine.

By the engine's fast twin, which has Lava's weights bit for bit (`docs/how-to/learning.md`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from lapilli.netx_exports import save
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.network import Network
from lapilli.simulators.configurations import as_plain, with_changes
from lapilli.simulators.events import Events
from lapilli.simulators.evidence.provenance import commit, machine, versions
from lapilli.simulators.learning import LearningBackend, LearningConfig
from lapilli.simulators.learning.record import LearningRecord
from lapilli.simulators.learning.recorded import identity_of, learn_recorded, learned_in, start_record
from lapilli.training.data.tasks import Task, find_task
from lapilli.training.exported.evaluation import measure
from lapilli.training.loop.fitting import torch_settings
from lapilli.training.loop.run_folder import run_in, write_summary
from lapilli.training.recipes.stllr import OnlineSummary, Options
from lapilli.training.stllr.batches import StreamBatches
from lapilli.training.stllr.config import RuleConfig
from lapilli.training.stllr.engine_rule import engine_rule
from lapilli.training.stllr.exported import export
from lapilli.training.stllr.network import OnlineNetwork

_AT_ONCE = 64
"""Samples learnt between two looks at the clock."""


def train_on_engine(
    run_dir: Path, options: Options | None = None, *, resume: bool = False, progress: bool = True, **given: Any
) -> OnlineSummary:
    """Learn online, sample by sample, from the initial weights that `train_stllr` has for the same seed.

    Arguments:
        run_dir: folder for configuration, record, network and summary.
        options: as of `train_stllr`; of the optimizer a constant learning rate and the number of epochs, there are no
            batches; `watch_test` must be false, there is no test after each epoch.
        resume, progress, given: as of `train_stllr`.

    Raises:
        LapilliError: for what the engine has not, missing data, or an unusable run folder.
    """
    chosen = with_changes(Options, options, given)
    data, network, optimizer, method = chosen.data, chosen.network, chosen.optimizer, chosen.chosen_method
    if not isinstance(method, RuleConfig):
        raise LapilliError(f"method.name: must be {RuleConfig.name} in the engine, got {method.name}")
    if optimizer.schedule != "constant" or chosen.watch_test:
        raise LapilliError(
            f"optimizer.schedule must be constant and watch_test false in the engine, got {optimizer.schedule!r} and "
            f"{chosen.watch_test}"
        )
    seed, threads = chosen.seed, chosen.threads
    config = as_plain(replace(chosen, method=method)) | {"engine": True}
    with torch_settings(seed, threads):
        task = find_task(data, progress)
        started = export(OnlineNetwork(network, task.shape, len(task.classes), task.graded))
    n_steps = task.run_steps(network.depth)
    rule = engine_rule(method, network, optimizer.lr, n_steps, seed)
    with run_in(run_dir, config, resume, Options) as folder:
        run = _EngineRun(started, rule, n_steps, optimizer.max_epochs, seed)
        record = _learned(run, task, folder.path / "record.npz", progress)
        learned = learned_in(run, record)
        save(learned, folder.network)
        train, validation, test = (
            measure(learned, part, n_steps).accuracy for part in (task.train, task.validation, task.test)
        )
        summary = OnlineSummary(
            train_accuracy=train,
            validation_accuracy=validation,
            test_accuracy=test,
            best_test_epoch_accuracy=None,
            n_steps=n_steps - network.depth,
            epochs=optimizer.max_epochs,
            best_epoch=optimizer.max_epochs,
            seconds=record.seconds,
            seed=seed,
            fingerprint=learned.fingerprint,
            commit=commit(),
            machine=machine(),
            versions=versions(("torch", "numpy")),
        )
        write_summary(folder, asdict(summary))
    return summary


@dataclass(frozen=True)
class _EngineRun:
    """A `LearningRun` over the epochs of a recipe."""

    network: Network
    config: LearningConfig
    n_steps: int
    epochs: int
    seed: int
    layers: Sequence[str | int] | None = None
    backend: LearningBackend = "fast"
    time_limit_s: float | None = None

    @property
    def labels(self) -> None:
        """Not compared: the data are not part of the run."""

    @property
    def identity(self) -> bytes:
        """SHA-256 of all that decides what is learnt, but for the data, which the run folder's configuration names."""
        return identity_of(self, self.epochs, self.seed).digest()

    def stretches(self, task: Task) -> Iterator[Events]:
        """Samples of all epochs, in the order and with the augmentation of the recipe."""
        for epoch in range(self.epochs):
            data = StreamBatches(
                task.train, self.n_steps, self.network.input_shape, _AT_ONCE, self.seed, task.augment, epoch
            )
            yield from data.events()


def _learned(run: _EngineRun, task: Task, path: Path, progress: bool) -> LearningRecord:
    """Learn what the record does not hold yet."""
    record = start_record(run, path, path.exists())
    epochs, rest = divmod(len(record), len(task.train))
    per_epoch = -(-len(task.train) // _AT_ONCE)
    to_do = islice(run.stretches(task), epochs * per_epoch + rest // _AT_ONCE, None)
    console = Console(stderr=True)
    disable = not (progress and console.is_terminal)
    with Progress(console=console, transient=True, disable=disable) as bar:
        shown = bar.add_task("learning", total=run.epochs * len(task.train), completed=len(record))
        return learn_recorded(run, to_do, record, path, lambda found: bar.advance(shown, len(found.decisions)))
