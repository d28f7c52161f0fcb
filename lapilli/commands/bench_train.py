"""`lapilli bench train`."""

from lapilli.commands.bench import no_bar, note, print_part, records
from lapilli.netx_exports import LapilliError
from lapilli.output import print_json, progress_bar
from lapilli.paths import check_outputs
from lapilli.simulators.bench import Row, Watch
from lapilli.simulators.evidence.provenance import write_csv
from lapilli.training.bench import PARTS, TrainSizes, bench_train_part, known


def bench_train(
    *,
    parts: str = ",".join(PARTS),
    steps: list[int] = [100, 1000],  # noqa: B006
    densities: list[float] = [0.01, 0.02, 0.05, 0.2],  # noqa: B006
    threads: list[int] = [1, 2],  # noqa: B006
    batch: int = 64,
    conv_batch: int = 16,
    gpu_batch: int = 256,
    repeats: int = 5,
    seed: int = 0,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Measure a training step beside SLAYER, snnTorch and SpikingJelly, losses compared first.

    Arguments:
        parts: which parts to run, separated by commas.
        steps: time steps of samples.
        densities: probabilities of an input spike for each input and step.
        threads: numbers of threads.
        batch: samples of a batch of dense and recurrent networks.
        conv_batch: samples of a batch of convolutional networks.
        gpu_batch: samples of a batch on a GPU.
        repeats: timed steps of each case.
        seed: of weights and input.
        out: CSV file to write the rows to.
        json: print the rows as JSON.
    """
    if not (steps and densities and threads) or min(*steps, *threads, batch, conv_batch, gpu_batch, repeats) < 1:
        raise LapilliError("bench: steps, threads, batches and repeats must be positive")
    if not all(0 <= density <= 1 for density in densities):
        raise LapilliError("bench: densities must be in 0…1")
    if seed < 0:
        raise LapilliError(f"bench: seed must be at least 0, got {seed}")
    check_outputs((), {"out": out}, (".csv",))
    names = known([name.strip() for name in parts.strip("[]").split(",")])
    sizes = TrainSizes(tuple(steps), tuple(densities), tuple(threads), batch, conv_batch, gpu_batch, repeats, seed)
    watch = Watch(note, no_bar if json else progress_bar)
    found: list[Row] = []
    for number, name in enumerate(names):
        note(f"part {number + 1} of {len(names)}: {name}, {PARTS[name][0]}")
        rows = bench_train_part(name, sizes, watch)
        found += rows
        if rows and not json:
            print_part(PARTS[name][0], rows)
        if out is not None and found:
            # After each part, so that a failure in a later one loses nothing.
            write_csv(out, records(found, seed))
    if json:
        print_json(records(found, seed))
