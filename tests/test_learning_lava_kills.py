"""`lapilli learn --backend lava` whose worker is killed: one sentence, and what was learnt before stays."""

import functools
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learning_files import RULE, learning_files

from lapilli import cli
from lapilli.netx_exports import load
from lapilli.simulators.lava.client import LavaWorker
from lapilli.simulators.learning import recorded, session

pytestmark = pytest.mark.lava


def test_a_killed_worker_is_one_sentence_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = learning_files(tmp_path, 5)
    monkeypatch.setattr(session, "AT_ONCE", 2)
    monkeypatch.setattr(recorded, "SAVE_S", -1.0)
    words = ["learn", str(files["network"]), "--input", str(files["events"]), *RULE, "--backend", "lava", "--run-dir"]
    run = tmp_path / "run"
    with monkeypatch.context() as patches:
        patches.setattr(LavaWorker, "run", _killed_in_its_second_job(LavaWorker.run))
        assert cli.main([*words, str(run)]) == 2
    _, err = capsys.readouterr()
    assert err.splitlines()[-1] == "lapilli: the Lava worker ended unexpectedly: killed by signal 9"
    with np.load(run / "record.npz") as record:
        assert len(record["labels"]) == 2
    assert not (run / "model.net").exists()
    assert cli.main([*words, str(run), "--resume"]) == 0
    assert cli.main([*words, str(tmp_path / "whole")]) == 0
    assert load(run / "model.net") == load(tmp_path / "whole" / "model.net") != load(files["network"])


def _killed_in_its_second_job(run: Any) -> Any:
    jobs = iter((False, True))

    @functools.wraps(run)
    def run_or_die(worker: LavaWorker, *arguments: Any) -> float:
        if not next(jobs):
            return float(run(worker, *arguments))
        group = worker.process.group
        # A stopped worker cannot end the job before it is killed.
        os.killpg(group, signal.SIGSTOP)
        killer = threading.Timer(0.3, os.killpg, (group, signal.SIGKILL))
        killer.start()
        try:
            return float(run(worker, *arguments))
        finally:
            killer.join()

    return run_or_die
