"""What a trained network reaches: measured on the exported integers, some samples at a time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.simulators.decisions.totals import Decided, run_and_decide
from lapilli.simulators.many import parts_of
from lapilli.simulators.plan import Backend, _ignore
from lapilli.simulators.run import BackendName
from lapilli.training.data.samples import Samples
from lapilli.training.exported.backends import module_backend
from lapilli.training.exported.image_streams import stream_decisions, streamable
from lapilli.training.exported.module_results import MODULE_BATCH
from lapilli.training.loop.batches import ValidationBatches
from lapilli.training.networks.readouts import step_scores
from lapilli.training.networks.trainable import TrainableNetwork


@dataclass(frozen=True)
class Measured:
    """A network on some samples.

    Arguments:
        accuracy: share of samples that are decided rightly.
        operations: synaptic operations of a sample, mean.
        spikes: of the layers in a sample, mean; the input not counted.
        decisions: class of each sample.
    """

    accuracy: float
    operations: float
    spikes: float
    decisions: np.ndarray[Any, np.dtype[np.int64]]


def measure(
    network: Network,
    samples: Samples,
    n_steps: int,
    backend: BackendName | Backend = "fast",
    progress: Callable[[int], None] = _ignore,
) -> Measured:
    """Run an exported network and decide on integers.

    Arguments:
        network: with its readout.
        samples: with labels; at least one.
        n_steps: that a sample runs.
        backend: as in `lapilli.simulators.run`.
        progress: told of samples as they are done.

    Raises:
        LapilliError: without samples.
    """
    if not len(samples):
        raise LapilliError("accuracy needs at least one sample")
    decisions: list[np.ndarray[Any, np.dtype[np.int64]]] = []

    def keep(part: Decided) -> None:
        assert part.decisions is not None
        decisions.append(part.decisions)

    parts = parts_of(samples, at_once=MODULE_BATCH)
    totals = run_and_decide(network, parts, backend, each=keep, n_steps=n_steps, progress=progress)
    per_sample = totals.operations / len(samples), totals.spikes / len(samples)
    return Measured(totals.accuracy, *per_sample, np.concatenate(decisions))


def measured_accuracy(network: Network, samples: Samples, n_steps: int) -> float:
    """Accuracy on `fast` alone; where images can follow each other, they do.

    Raises:
        LapilliError: without samples.
    """
    schedule = streamable(network, samples, n_steps)
    if schedule is None or not len(samples):
        return measure(network, samples, n_steps).accuracy
    return float(np.mean(stream_decisions(network, samples, schedule) == samples.labels))


def check_same_decisions(module: TrainableNetwork, network: Network, samples: Samples, n_steps: int) -> Measured:
    """Measure an exported network, and the module that it was exported from beside it.

    Raises:
        LapilliError: where they decide differently. The cause that is known: states beyond 24 bits, as large counts of
            spikes in a bin can bring about, wrap or end there in Lava, but not in SLAYER.
    """
    trained = measure(network, samples, n_steps, module_backend(module))
    schedule = streamable(network, samples, n_steps)
    if schedule is None:
        exported = measure(network, samples, n_steps)
    else:
        # Spikes and operations are those of the images alone, without the empty ones behind the last of a run.
        exported = replace(trained, decisions=stream_decisions(network, samples, schedule))
    if not np.array_equal(exported.decisions, trained.decisions):
        different = int(np.count_nonzero(exported.decisions != trained.decisions))
        raise LapilliError(
            f"the exported network decides {different} of {len(samples)} samples unlike what was trained; where "
            "currents leave Lava's 24 bits, smaller weights, fewer events in a bin or network.batch_norm help"
        )
    return exported


def unrounded_accuracy(module: TrainableNetwork, samples: Samples, n_steps: int) -> float | None:
    """Accuracy of the module with its weights as the optimiser left them, not rounded to 8 bits.

    Of a SLAYER network its own code runs, because the fused kernels have integer weights only; None where it cannot,
    which is the case for recurrent layers with biases.
    """
    right = 0
    was_training = module.training
    module.eval()
    try:
        with torch.no_grad(), module.unrounded():
            for batch in ValidationBatches(samples, module.input_steps(n_steps), MODULE_BATCH):
                scores = step_scores(module.config.readout, module(batch.values)).double().sum(-1)
                right += int((scores.argmax(1) == batch.labels).sum())
    except UnsupportedError:
        return None
    finally:
        module.train(was_training)
    return right / len(samples)
