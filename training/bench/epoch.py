"""An epoch of SHD regenerated, as the recipe trains it, data included."""

from dataclasses import replace
from typing import Any

import torch

from lapilli.simulators.bench.measuring import Row, Watch, at_most, repeated, seconds_of
from lapilli.training.data.framing import Framing
from lapilli.training.data.tasks import DataConfig, Task, find_task
from lapilli.training.loop.batches import TrainingBatches
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork

BATCH = 128
BAR_S = 20.0
"""Seconds of an epoch on two cores."""

NETWORK = NetworkConfig(hidden=(256,), recurrent=True, current_decay=0.5, voltage_decay=0.2, hidden_weight_scale=0.5)


def shd_task() -> Task:
    """All training speakers of SHD regenerated in 100 steps of 10 ms and 700 channels.

    Raises:
        LapilliError: where the recordings are not here.
    """
    framing = Framing(n_steps=100, bin_ms=10)
    return find_task(DataConfig("shd-regenerated", framing, fit="train and validation"), progress=True)


def epoch_of(task: Task, seed: int) -> "Epoch":
    """The network and its batches."""
    torch.manual_seed(seed)
    module = SlayerNetwork(NETWORK, task.shape, len(task.classes), task.graded)
    batches = TrainingBatches(task.train, task.run_steps(0), BATCH, seed, task.augment)
    return Epoch(module, batches)


class Epoch:
    """Passes over all training samples.

    Arguments:
        module: what is trained.
        batches: of one epoch.
    """

    def __init__(self, module: SlayerNetwork, batches: TrainingBatches) -> None:
        self._module = module
        self._batches = batches
        self._optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)

    def train(self) -> None:
        """Make every batch and take a step."""
        for batch in self._batches:
            self._optimizer.zero_grad()
            logits = self._module(batch.values).mean(-1)
            torch.nn.functional.cross_entropy(logits, batch.labels).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()

    def read(self) -> None:
        """Make every batch only."""
        for batch in self._batches:
            batch.values.sum()


def epoch_rows(task: Task, threads: int, seed: int, watch: Watch) -> list[Row]:
    """Seconds of an epoch, and of its data alone."""
    epoch = epoch_of(task, seed)
    network = "700-256r-20"
    row = Row("epoch", network, f"{len(task.train):,} samples of SHD regenerated", BATCH, threads, 100, "s", (0.0,))
    epoch.read()
    times = tuple(repeated("epoch of SHD regenerated", seconds_of(epoch.train), 3, watch))
    row = replace(row, values=times)
    judged: dict[str, Any] = at_most(row.median, BAR_S, threads == 2)
    data = tuple(repeated("its data alone", seconds_of(epoch.read), 3, watch))
    return [
        replace(row, ratio=row.median, ratio_of="seconds of an epoch", **judged),
        replace(row, what="making its batches alone", values=data),
    ]
