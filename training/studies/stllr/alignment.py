"""Where rules that go forward in time point, beside the gradient: a measure of what they leave out.

    python -m lapilli.training.studies.stllr.alignment training/configs/stllr-shd-small.yaml results/stllr_alignment.csv

A network is trained by back-propagation through time. After some of its epochs every method computes its change for the
same batches, from the same weights; the cosine of its angle to the gradient, synapse by synapse, is what it got right.
"""

import statistics
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import torch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.tasks import find_task
from lapilli.training.loop.fitting import torch_settings
from lapilli.training.recipes.stllr import Options
from lapilli.training.stllr.batches import StreamBatches
from lapilli.training.stllr.config import RuleConfig
from lapilli.training.stllr.learners import learner_of
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.studies.collect import Case, Row, collect, first_seeds, module_command, run_module
from lapilli.training.studies.stllr.rule_file import read_rule
from lapilli.training.studies.stllr.variants import controls_of, methods_of

AT = (0, 1, 3, 10)
"""Epochs of training before each measurement."""

_NAMES = ("input", "recurrent", "readout")

Gradients = Mapping[str, torch.Tensor]


def measure(file: str, out: str, seeds: int = 3, batches: int = 8) -> None:
    """Measure cosines and lengths of all methods' changes against the gradient of the whole sample.

    Arguments:
        file: YAML file with options of `lapilli.training.recipes.stllr.train_stllr`.
        out: CSV to write.
        seeds: how many, counted from 0.
        batches: over which cosines are averaged.
    """
    options, rule = read_rule(file)
    if batches < 1:
        raise LapilliError(f"batches: must be at least 1, got {batches}")
    command = module_command("lapilli.training.studies.stllr.alignment")
    cases = [Case(seed, command, {"configuration": file}) for seed in first_seeds(seeds)]
    rows = collect(out, cases, lambda case: list(_rows(options, rule, case.seed, batches)))
    cosines: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        cosines.setdefault((str(row["method"]), str(row["synapse"])), []).append(float(str(row["cosine"])))
    for (method, synapse), found in cosines.items():
        print(f"{method}, {synapse}: cosine {statistics.mean(found):.2f}, mean of all epochs and seeds")


def _rows(options: Options, rule: RuleConfig, seed: int, n_batches: int) -> Iterator[Row]:
    optimizer, data, config = options.optimizer, options.data, options.network
    methods = methods_of(rule) | controls_of(rule)
    with torch_settings(seed, 1):
        task = find_task(data, True)
        network = OnlineNetwork(config, task.shape, len(task.classes), task.graded)
        n_steps = task.run_steps(network.config.depth) - network.config.depth
        learners = {name: learner_of(network, method, n_steps) for name, method in methods.items()}
        teacher = learners["bptt"]
        adam = torch.optim.Adam(network.parameters(), optimizer.lr)
        batches = StreamBatches(task.train, n_steps, network.input_shape, optimizer.batch_size, seed, task.augment)
        for epoch in range(AT[-1] + 1):
            batches.epoch = epoch
            if epoch in AT:
                yield from _measured(network, learners, batches, n_batches, epoch)
            if epoch < AT[-1]:
                for batch in batches:
                    teacher.learn(batch, adam.step)


def _measured(
    network: OnlineNetwork, learners: Mapping[str, Any], data: StreamBatches, n_batches: int, epoch: int
) -> Iterator[Row]:
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for batch in islice(data, n_batches):
        changes = {name: _gradients(network, learner, batch) for name, learner in learners.items()}
        for method, change in changes.items():
            for synapse, values in change.items():
                whole = changes["bptt"][synapse]
                lengths = float(values.norm()), float(whole.norm())
                cosine = float(values @ whole) / (lengths[0] * lengths[1] or 1.0)
                found.setdefault((method, synapse), []).append((cosine, lengths[0] / (lengths[1] or 1.0)))
    for (method, synapse), pairs in found.items():
        cosines, ratios = zip(*pairs)
        yield {
            "epochs": epoch,
            "method": method,
            "synapse": synapse,
            "cosine": round(statistics.mean(cosines), 4),
            "length_over_bptt": round(statistics.mean(ratios), 4),
        }


def _gradients(network: OnlineNetwork, learner: Any, batch: Any) -> Gradients:
    """Of the last hidden layer's synapses and the readout's, flat."""
    learner.learn(batch, lambda: None)
    parts = [*(network.hidden[-1].parts if network.hidden else []), network.readout.parts[0]]
    names = [*_NAMES[: len(parts) - 1], _NAMES[-1]]
    gradients = {name: part.weight.grad for name, part in zip(names, parts)}
    return {
        name: torch.zeros(1) if gradient is None else gradient.detach().double().flatten().clone()
        for name, gradient in gradients.items()
    }


if __name__ == "__main__":
    run_module("alignment", measure)
