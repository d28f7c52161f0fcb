"""`lapilli train stllr`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lapilli.output import print_json
from lapilli.recipes import find_recipe


def train_stllr(*, config: str | None = None, run_dir: Path | None = None, json: bool = False, **options: Any) -> None:
    """Train by S-TLLR, forward in time, or by a control of it; Ctrl-C and --resume lose nothing.

    Arguments:
        config: the configuration file, which named some of the options.
        run_dir: folder for the results; if not given, runs/ and the name of the configuration file or "stllr".
        json: print the summary as JSON.
    """
    folder = run_dir or Path("runs") / ("stllr" if config is None else Path(config).stem)
    summary = options_from()(folder, **options)
    if json:
        print_json(asdict(summary))
        return
    print(f"run folder: {folder}")
    for part in ("train", "validation", "test"):
        print(f"{part} accuracy: {getattr(summary, f'{part}_accuracy'):.2%}")
    print(f"epochs: {summary.epochs} (kept {summary.best_epoch}), {summary.seconds:.0f} s")
    if summary.fingerprint is None:
        print("not exported: arithmetic integer with reset zero is what a file can hold")


def options_from() -> Callable[..., Any]:
    """The recipe whose signature gives the options."""
    return find_recipe("lapilli.training.recipes.stllr", "train_stllr")
