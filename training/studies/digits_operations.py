"""Accuracy against synaptic operations on the digits, over prices of an operation and seeds.

    python -m lapilli.training.studies.digits_operations --out results/digits_operations.csv

trains the default recipe with `loss.operations` set to each price, counts every operation of the exported network on
the held-out samples, and draws the curve beside the CSV (.svg). A run that was stopped goes on after the last finished
training of the same commit. Prices were chosen by the validation loss of seed 0, without a look at the test part.
"""

import argparse
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lapilli.netx_exports import Network, load
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.files import PathLike, replacing
from lapilli.simulators.decisions.totals import run_and_decide
from lapilli.simulators.many import parts_of
from lapilli.training.data.digits import digits
from lapilli.training.recipes.surrogate_gradient import LossConfig, OptimizerConfig, train
from lapilli.training.studies.collect import Case, Row, collect

PRICES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Loss for 1,000 operations of a sample."""

SEEDS = (0, 1, 2)


def digits_operations(
    out: PathLike,
    prices: Sequence[float] = PRICES,
    seeds: Sequence[int] = SEEDS,
    optimizer: OptimizerConfig = OptimizerConfig(),
    progress: bool = True,
) -> list[Row]:
    """Train for each price and seed; write a row after every training, and the curve at the end.

    Arguments:
        out: CSV to write; rows of this commit that it holds already are kept. The picture has the same name, .svg.
        prices: of 1,000 operations, in the loss.
        seeds: of initial weights, order and deformation; the split of the data stays the same.
        optimizer: how to train.
        progress: whether to show a progress bar for each run.

    Returns:
        The rows.

    Raises:
        LapilliError: when a file cannot be read or written, or a price is below 0.
    """
    command = f"python -m lapilli.training.studies.digits_operations --out {out}"
    cases = [Case(seed, command, {"operations_price": price}) for seed in seeds for price in prices]
    rows = collect(out, cases, lambda case: [_row(case, optimizer, progress)])
    draw(rows, Path(out).with_suffix(".svg"))
    return rows


def _row(case: Case, optimizer: OptimizerConfig, progress: bool) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        loss = LossConfig(operations=float(str(case.options["operations_price"])))
        summary = train(Path(folder) / "run", loss=loss, optimizer=optimizer, seed=case.seed, progress=progress)
        network = load(Path(folder) / "run" / "model.net")
    events = digits("test")
    totals = run_and_decide(network, parts_of(events), n_steps=events.n_steps + network.depth)
    right = totals.accuracy
    if right != summary.test_accuracy:
        raise LapilliError(
            f"the exported network decides {right:.4%} rightly, what was trained {summary.test_accuracy:.4%}"
        )
    return {
        "validation_accuracy": round(summary.validation_accuracy, 6),
        "test_accuracy": round(right, 6),
        "operations_per_sample": round(totals.operations / len(events), 3),
        "spikes_per_sample": round(totals.spikes / len(events), 3),
        "zero_weights": round(_zero_weights(network), 4),
        "best_epoch": summary.best_epoch,
        "fingerprint": summary.fingerprint[:16],
    }


def _zero_weights(network: Network) -> float:
    """Share of connections whose weight is zero."""
    pairs = [(synapse, network.shapes[synapse.source], layer) for layer in network.layers for synapse in layer.synapses]
    nonzero = sum(int(synapse.fan_out(shape, layer.shape).sum()) for synapse, shape, layer in pairs)
    return 1 - nonzero / sum(int(np.prod(shape)) * layer.size for _, shape, layer in pairs)


def draw(rows: Sequence[Row], path: Path) -> None:
    """Each training as a dot, means over the seeds as a line.

    Raises:
        LapilliError: when the picture cannot be written.
    """
    from matplotlib.figure import Figure

    by_price: dict[float, list[tuple[float, float]]] = {}
    for row in rows:
        point = (float(str(row["operations_per_sample"])), 100 * float(str(row["test_accuracy"])))
        by_price.setdefault(float(str(row["operations_price"])), []).append(point)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    means = []
    for number, (price, points) in enumerate(sorted(by_price.items())):
        operations, right = zip(*points)
        means.append((statistics.mean(operations), statistics.mean(right)))
        axes.scatter(operations, right, s=18, alpha=0.5, color=f"C{number}")
        axes.scatter(*means[-1], s=60, color=f"C{number}", label=f"{price:g}", zorder=3)
    axes.plot(*zip(*means), color="0.5", zorder=1)
    axes.set_xlabel("synaptic operations per sample, exact mean over the test samples")
    axes.set_ylabel("test accuracy / %")
    axes.set_title(f"Digits: operations as a part of the loss, {len(rows)} trainings")
    axes.legend(title="loss for 1,000 operations\n(large dot: mean of the seeds)")
    axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="CSV to write; the picture goes beside it")
    parser.add_argument("--prices", type=float, nargs="+", default=PRICES, help="loss for 1,000 operations")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="seeds of each price")
    arguments = parser.parse_args()
    for row in digits_operations(arguments.out, arguments.prices, arguments.seeds):
        print(
            f"price {row['operations_price']}, seed {row['seed']}: {float(str(row['test_accuracy'])):.2%} with "
            f"{float(str(row['operations_per_sample'])):,.0f} operations a sample"
        )


if __name__ == "__main__":
    main()
