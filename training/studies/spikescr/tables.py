"""The tables about SpikeSCR in `results/`, of runs of `lapilli train`.

    python -m lapilli.training.studies.spikescr.tables heard results/NAME.csv "[100 steps=FOLDER, 40 steps=FOLDER]"

A study that was stopped goes on where it was when started again.
"""

from collections.abc import Sequence
from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.data.sets import PartName
from lapilli.training.exported.finished import finished_run
from lapilli.training.loop.run_folder import RunFolder, read_config
from lapilli.training.studies.collect import Case, Row, collect, module_command, run_module
from lapilli.training.studies.spikescr.heard import KEYS, draw_heard, listen


def heard(out: str, runs: Sequence[str], streamed: int = 20, part: PartName = "test") -> None:
    """Measure accuracy over how much of a word has been heard, of causal networks; table and picture.

    Arguments:
        out: CSV to write; the picture has the same name, .svg.
        runs: folders of finished runs, each as NAME=FOLDER; runs of one name are seeds.
        streamed: samples that run step by step through a stream too, and must decide alike.
        part: of the data to listen to.
    """
    cases = [_case(run, {"part": part}) for run in runs]

    def measured(case: Case) -> list[Row]:
        run = finished_run(Path(str(case.options["run"])))
        samples = run.task.part(part)
        found = listen(run.network, samples, run.n_steps - samples.n_steps, run.task.step_ms, streamed)
        facts: Row = {"data": run.task.name, "steps": samples.n_steps, "lag": found.lag, "samples": len(samples)}
        return [facts | row for row in found.rows()]

    rows = collect(out, cases, measured, KEYS)
    mine = [str(case.options["run"]) for case in cases]
    chosen = [row for row in rows if str(row["run"]) in mine and row["part"] == part]
    draw_heard(chosen, Path(out).with_suffix(".svg"), f"What is known of a word while it is spoken, {part} part")
    for row in chosen:
        if row["heard"] == "share" and float(str(row["value"])) in (0.5, 0.75, 1.0):
            heard, right = (100 * float(str(row[name])) for name in ("value", "test_accuracy"))
            print(f"{row['name']}, {row['run']}: {heard:.0f} % heard, {right:.2f} % right")


def _case(run: str, options: Row) -> Case:
    """Of a run that is given as NAME=FOLDER."""
    name, separator, folder = (word.strip() for word in run.partition("="))
    if not separator:
        raise LapilliError(f"runs: must be NAME=FOLDER, got {run!r}")
    seed = int(read_config(RunFolder(Path(folder))).get("seed", 0))
    return Case(
        seed, module_command("lapilli.training.studies.spikescr.tables"), {"name": name, "run": folder} | options
    )


if __name__ == "__main__":
    run_module("study", [heard])
