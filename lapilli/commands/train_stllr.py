"""`lapilli train stllr`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from lapilli.output import print_json
from lapilli.printable import say
from lapilli.recipes import STLLR


def train_stllr(
    *,
    options: Any,
    config: str | None = None,
    run_dir: Path | None = None,
    resume: bool = False,
    progress: bool = True,
    json: bool = False,
) -> None:
    """Train by S-TLLR, forward in time, or by a control of it; Ctrl-C and --resume lose nothing.

    Arguments:
        options: of the recipe.
        config: the configuration file, which named some of the options.
        run_dir: folder for the results; if not given, runs/ and the name of the configuration file or "stllr".
        resume: go on after the last finished epoch in `run_dir`; the configuration must be the same.
        progress: whether to show a progress bar on stderr, if that is a terminal.
        json: print the summary as JSON.
    """
    folder = run_dir or Path("runs") / ("stllr" if config is None else Path(config).stem)
    summary = STLLR.function()(folder, options, resume=resume, progress=progress)
    if json:
        print_json(asdict(summary))
        return
    say(f"run folder: {folder}")
    for part in ("train", "validation", "test"):
        say(f"{part} accuracy: {getattr(summary, f'{part}_accuracy'):.2%}")
    say(f"epochs: {summary.epochs} (kept {summary.best_epoch}), {summary.seconds:.0f} s")
    if summary.fingerprint is None:
        say("not exported: arithmetic integer with reset zero is what a file can hold")
