"""A Lava run that never hangs its caller: `stop()` after success only, an orderly kill after anything else."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs
from lava.magma.core.process.process import AbstractProcess, ProcessServer
from lava.magma.core.process.variable import VarServer
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.runtime.runtime import Runtime

from lapilli.lava_models.actors import ChildError, actors_of, actors_watched, raised


@contextmanager
def lava_run(process: AbstractProcess) -> Iterator[None]:
    """Release whatever a run of `process` took, in the only order that does not hang.

    Read all results before the block ends. Build a fresh graph for the next run: running a stopped one again crashes.

    Raises:
        ChildError: in place of Lava's own error, when a ProcessModel raised an exception in its constructor or a step.
    """
    succeeded = False
    try:
        yield
        succeeded = True
    except Exception as error:
        if child_error := _child_error(process.runtime, error):
            raise child_error from error
        raise
    finally:
        runtime = process.runtime
        if runtime is not None:
            if succeeded:
                runtime.stop()
            else:
                _abandon(runtime)
        _forget()


def run_steps(process: AbstractProcess, n_steps: int, models: Literal["fixed_pt", "floating_pt"] = "fixed_pt") -> float:
    """Compile the graph of `process` for Lava's fixed-point CPU models and run it; inside `lava_run` only.

    Arguments:
        process: any of the graph.
        n_steps: steps to run.
        models: tag of the ProcessModels; "floating_pt" where no bit has to be right.

    Returns:
        Seconds that the run itself took.

    Raises:
        ChildError: when an actor fails, is killed or ends while others wait for it, as Lava would for ever. Main
            thread only.
    """
    with actors_watched(process):
        process.create_runtime(run_cfg=Loihi2SimCfg(select_tag=models))
        started = time.perf_counter()
        process.run(condition=RunSteps(num_steps=n_steps))
        return time.perf_counter() - started


def remember_models() -> None:
    """Make Lava's compiler look for the ProcessModels of each Process class once, not once for each Process.

    The search executes every file beside the Process's: half of the time that a small run takes.
    """
    known: dict[type, list[Any]] = {}
    search: Callable[[AbstractProcess], list[Any]] = ProcGroupDiGraphs._find_proc_models

    def find(proc: AbstractProcess) -> list[Any]:
        if type(proc) not in known:
            known[type(proc)] = search(proc)
        return list(known[type(proc)])

    ProcGroupDiGraphs._find_proc_models = staticmethod(find)


def _child_error(runtime: Runtime | None, error: Exception) -> ChildError | None:
    # Lava attaches `trace` to an exception that a constructor raised.
    if trace := getattr(error, "trace", None):
        return ChildError(f"{type(error).__name__}: {error}", trace)
    return next((found for actor in actors_of(runtime) if (found := raised(actor))), None)


def _abandon(runtime: Runtime) -> None:
    # The destructor of a started runtime calls stop(), which waits for answers of processes that are gone.
    runtime._is_started = runtime._is_running = False
    for actor in actors_of(runtime):
        with suppress(ValueError):  # already joined and closed
            if actor.is_alive():
                actor.kill()
    with suppress(Exception):
        if runtime._messaging_infrastructure is not None:
            runtime._messaging_infrastructure.stop()
    with suppress(Exception):
        if runtime._watchdog_manager is not None:
            runtime._watchdog_manager.stop()


def _forget() -> None:
    # Lava's servers keep every Process and Var ever made, weights included: memory that a worker would never get back.
    ProcessServer().processes.clear()
    VarServer().vars.clear()
    gc.collect()
