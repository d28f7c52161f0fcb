"""`lapilli bench`."""

from lapilli.output import print_json, print_table
from netx_exports import LapilliError
from simulators.provenance import write_csv


def bench(
    what: str,
    /,
    *,
    hidden: list[int] = [256],  # noqa: B006
    steps: int = 1000,
    density: float = 0.02,
    batch: int = 64,
    repeats: int = 5,
    seed: int = 0,
    out: str | None = None,
    json: bool = False,
) -> None:
    """Measure speed beside Lava in one run, outputs compared first (`bench simulate`).

    Arguments:
        what: "simulate".
        hidden: recurrent neurons of each network to measure (700 inputs, 20 outputs).
        steps: steps of each sample.
        density: probability of an input spike for each neuron and step.
        batch: samples of the larger batch.
        repeats: timed runs of each configuration.
        seed: of weights and input.
        out: CSV file to write the rows to.
        json: print the rows as JSON.
    """
    if what != "simulate":
        raise LapilliError(f"bench: must be simulate, got {what!r}")
    if not hidden or min(*hidden, steps, batch, repeats, 1) < 1 or not 0 <= density <= 1:
        raise LapilliError("bench: hidden, steps, batch and repeats must be positive and density in 0…1")
    from simulators.bench import bench_simulate

    def note(text: str) -> None:
        if not json:
            print(text, flush=True)

    rows = [row for n_hidden in hidden for row in bench_simulate(n_hidden, steps, density, batch, repeats, seed, note)]
    if out is not None:
        write_csv(out, rows)
    if json:
        print_json(rows)
        return
    columns = ["network", "backend", "batch", "threads", "ms_per_sample_median", "ms_per_sample_min"]
    columns += ["ms_per_sample_max", "times_lava"]
    print_table(f"{steps} steps, {density:.0%} input", columns, [[row[column] for column in columns] for row in rows])
