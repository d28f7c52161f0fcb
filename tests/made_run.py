"""A run folder as a training leaves it, without the training: random weights, exported."""

from pathlib import Path
from typing import Any

import torch

from lapilli.netx_exports import Network, save
from lapilli.simulators.configurations import as_plain
from lapilli.training.data.tasks import DataConfig, Task, find_task
from lapilli.training.loop.run_folder import start_run, write_summary, write_weights
from lapilli.training.networks.config import NetworkConfig
from lapilli.training.networks.kinds import build_network
from lapilli.training.networks.trainable import TrainableNetwork


def made_run(path: Path, data: DataConfig, config: NetworkConfig) -> tuple[TrainableNetwork, Network, Task]:
    """A run folder with config.yaml, weights, model.net and summary.json; its module, network and data."""
    task = find_task(data, progress=False)
    torch.manual_seed(0)
    module = build_network(config, task.shape, len(task.classes), task.train.n_steps, task.graded).eval()
    content: dict[str, Any] = {"data": as_plain(data), "network": {"name": "slayer", **as_plain(config)}}
    folder = start_run(path, content, resume=False)
    write_weights(folder, module.state_dict(), module.facts)
    network = module.export()
    save(network, folder.network)
    write_summary(folder, {"n_steps": task.run_steps(module.depth)})
    return module, network, task
