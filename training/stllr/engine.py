"""The last rung of the ladder: the network that `export` gives learns in the integers of Lava's learning engine.

By the engine's fast twin, which has Lava's weights bit for bit (`docs/learning.md`). A run that was stopped goes on
after the last whole epoch.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from netx_exports import save
from netx_exports.network import Network
from simulators.learning import LearningConfig, learn
from simulators.learning.learner import initial_state
from simulators.learning.parts import learning_part
from simulators.learning.plan import learned_network
from simulators.learning.record import LearningRecord, load_record, new_record, save_record
from simulators.provenance import commit, machine, versions
from training.evaluation import measure
from training.fitting import torch_settings
from training.methods.schedules import warm_up_cosine
from training.run_folder import start_run, write_summary
from training.stllr.batches import StreamBatches
from training.stllr.config import OnlineNetworkConfig, RuleConfig
from training.stllr.engine_rule import engine_rule
from training.stllr.exported import export
from training.stllr.network import OnlineNetwork
from training.stllr.recipe import OnlineOptimizerConfig, OnlineSummary
from training.tasks import DataConfig, Task, find_task

_AT_ONCE = 64


def train_on_engine(
    run_dir: Path,
    data: DataConfig,
    network: OnlineNetworkConfig,
    optimizer: OnlineOptimizerConfig,
    method: RuleConfig,
    seed: int = 0,
    threads: int = 1,
    resume: bool = False,
    progress: bool = True,
    **others: Any,
) -> OnlineSummary:
    """Learn online, sample by sample, from the initial weights that `train_stllr` has for the same seed.

    Arguments:
        run_dir: folder for configuration, record, network and summary.
        data, network, seed, threads, resume, progress: as of `train_stllr`.
        optimizer: learning rate, its schedule and the number of epochs; there are no batches.
        method: the rule.
        others: options of `train_stllr` that have no meaning here.

    Raises:
        LapilliError: for what the engine has not, missing data, or an unusable run folder.
    """
    config = {
        **{"data": asdict(data), "network": asdict(network), "optimizer": asdict(optimizer)},
        **{"method": asdict(method), "engine": True, "seed": seed, "threads": threads},
    }
    with torch_settings(seed, threads):
        task = find_task(data, progress)
        started = export(OnlineNetwork(network, task.shape, len(task.classes), task.graded))
    n_steps = task.run_steps(network.depth)
    folder = start_run(run_dir, config, resume)
    rules = [engine_rule(method, network, rate, n_steps, seed) for rate in _rates(optimizer)]
    record = _learned(started, task, n_steps, rules, seed, folder.path / "record.npz", progress)
    learned = learned_network(learning_part(started, None), record.state.weights)
    save(learned, folder.network)
    train, validation, test = (
        measure(learned, part, n_steps).accuracy for part in (task.train, task.validation, task.test)
    )
    summary = OnlineSummary(
        train,
        validation,
        test,
        None,
        n_steps - network.depth,
        optimizer.max_epochs,
        optimizer.max_epochs,
        record.seconds,
        seed,
        learned.fingerprint,
        commit(),
        machine(),
        versions(("torch", "numpy")),
    )
    write_summary(folder, asdict(summary))
    return summary


def _rates(optimizer: OnlineOptimizerConfig) -> list[float]:
    """Learning rate of each epoch."""
    if optimizer.schedule == "constant":
        return [optimizer.lr] * optimizer.max_epochs
    return [warm_up_cosine(epoch, optimizer.lr, optimizer.max_epochs, 0.0) for epoch in range(optimizer.max_epochs)]


def _learned(
    started: Network, task: Task, n_steps: int, rules: Sequence[LearningConfig], seed: int, path: Path, progress: bool
) -> LearningRecord:
    """An epoch by each rule; the record is on disk after each."""
    whole = [started.fingerprint, n_steps, seed, *(rule.as_dict() for rule in rules)]
    identity = hashlib.sha256(json.dumps(whole).encode()).digest()
    record = new_record(initial_state(started, rules[0], None, n_steps))
    if path.exists():
        record = load_record(path, identity, [weights.shape for weights in record.state.weights])
    console = Console(stderr=True)
    to_do = range(len(record) // len(task.train), len(rules))
    disabled = not (progress and console.is_terminal)
    for epoch in track(to_do, "learning", console=console, transient=True, disable=disabled):
        batches = StreamBatches(task.train, n_steps, started.input_shape, _AT_ONCE, seed, task.augment, epoch)
        for events in batches.events():
            learned = learn(started, events, rules[epoch], n_steps=n_steps, state=record.state)
            record = record.extended(learned)
        save_record(path, record, identity)
    return record
