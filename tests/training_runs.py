"""What tests of training compare: everything in a run folder that must not depend on interruptions."""

import csv
import json
from pathlib import Path
from typing import Any

from lapilli.netx_exports import load
from lapilli.training.loop.checkpoints import SafetensorsCheckpointIO


def content(run_dir: Path) -> dict[str, Any]:
    """All but the times, bit for bit."""
    rows = [line.rsplit(",", 1)[0] for line in (run_dir / "metrics.csv").read_text().splitlines()]
    summary = json.loads((run_dir / "summary.json").read_text())
    del summary["seconds"], summary["commit"]
    last = {name: tensor.tobytes() for name, tensor in last_weights(run_dir).items()}
    network = load(run_dir / "model.net").fingerprint
    weights = (run_dir / "weights.safetensors").read_bytes()
    return {"weights": weights, "rows": rows, "summary": summary, "last": last, "network": network}


def last_weights(run_dir: Path) -> dict[str, Any]:
    """After the last epoch, as arrays."""
    checkpoint = SafetensorsCheckpointIO().load_checkpoint(run_dir / "checkpoint.safetensors")
    return {name: tensor.numpy() for name, tensor in checkpoint["state_dict"].items()}


def finished_epochs(run_dir: Path) -> int:
    """From which a resumed run goes on; the table may have one more, if a kill came between the two files."""
    checkpoint = SafetensorsCheckpointIO().load_checkpoint(run_dir / "checkpoint.safetensors")
    return len(checkpoint["callbacks"]["EpochRecord"]["rows"])


def metrics(run_dir: Path) -> list[dict[str, float]]:
    """Of each epoch, without times."""
    with open(run_dir / "metrics.csv", newline="") as file:
        return [{key: float(value) for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]
