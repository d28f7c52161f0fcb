"""Runs that a study is called with, as NAME=FOLDER."""

from pathlib import Path

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.loop.run_folder import RunFolder, read_config
from lapilli.training.studies.collect import Case, Row


def case_of_run(run: str, command: str, options: Row) -> Case:
    """The case of a finished run.

    Arguments:
        run: as NAME=FOLDER.
        command: as of `Case`.
        options: what else tells it from others.

    Raises:
        LapilliError: for anything else.
    """
    name, separator, folder = (word.strip() for word in run.partition("="))
    if not (name and separator and folder):
        raise LapilliError(f"runs: must be NAME=FOLDER, got {run!r}")
    seed = int(read_config(RunFolder(Path(folder))).get("seed", 0))
    return Case(seed, command, {"name": name, "run": folder} | dict(options))
