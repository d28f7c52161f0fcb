"""What `lapilli prove` compares: backends with each other, and with the module that a run trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.errors import FormatError
from lapilli.recipes import training_module
from lapilli.simulators import Events, Proof, prove
from lapilli.simulators.plan import Backend
from lapilli.sources.networks import Source, module_folder

MODULE = "module"

USUAL = ("reference", "fast", "lava")


@dataclass(frozen=True)
class Wanted:
    """What the command line says of a proof.

    Arguments:
        backends: names, "module" among them; None: all that can run.
        n_steps: of every run.
        time_limit_s: of a Lava run.
    """

    backends: Sequence[str] | None
    n_steps: int
    time_limit_s: float | None


@dataclass(frozen=True)
class Proven:
    """What was proven.

    Arguments:
        backends: the proof; with the module in it where that gives all states.
        module: that of a module which computes a part of the steps, beside `fast`; None: there is none.
        why_no_module: why the trained module was not compared, where it could have been; "" where it was.
    """

    backends: Proof
    module: Proof | None = None
    why_no_module: str = ""


def prove_source(source: Source, events: Events, wanted: Wanted, progress: Callable[[int], None]) -> Proven:
    """Compare what was asked for.

    Raises:
        LapilliError: when fewer than two could run; when a module is asked for and there is no run folder.
        FormatError: when the run's weights, or its configuration, are damaged.
    """
    chosen = list(dict.fromkeys((MODULE, *USUAL) if wanted.backends is None else wanted.backends))
    others = [name for name in chosen if name != MODULE]
    folder = module_folder(source)

    def proven(backends: Sequence[str] | Mapping[str, Backend | str]) -> Proof:
        return prove(
            source.network,
            events,
            backends,
            n_steps=wanted.n_steps,
            time_limit_s=wanted.time_limit_s,
            progress=progress,
        )

    if MODULE not in chosen or (folder is None and wanted.backends is None):
        return Proven(proven(others))
    if folder is None:
        raise LapilliError(f"--backends: {MODULE} is of the folder of a finished run, {source.path} is a network file")
    try:
        kind, module = _module(folder)
    except FormatError:
        # Weights that are there and damaged are no reason to say that all is equal.
        raise
    except LapilliError as error:
        return Proven(proven(others), why_no_module=str(error))
    if kind.windows is None:
        named = {
            kind.name if name == MODULE else name: kind.made(module) if name == MODULE else name for name in chosen
        }
        return Proven(proven(named))
    backends = training_module("lapilli.training.exported.backends")
    own = backends.prove_module(module, source.network, events, n_steps=wanted.n_steps)
    if len(others) < 2:
        return Proven(own)
    return Proven(proven(others), own)


def _module(folder: Path) -> tuple[Any, Any]:
    """How the module of a run runs as a backend, and the module."""
    module = training_module("lapilli.training.exported.export").load_module(folder)
    return training_module("lapilli.training.exported.backends").BACKENDS[type(module)], module
