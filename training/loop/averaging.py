"""An exponential moving average of weights, without the deep copy of the module that SLAYER's blocks do not allow.

Lightning's `WeightAveraging` and torch's `AveragedModel` copy the module; weights with weight norm refuse that.
"""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

_TRAINED = "trained_weights"
"""Entry of a checkpoint: the weights that training goes on with. Its `state_dict` is the average."""


class AveragedWeights(Callback):
    """Averages weights and buffers after each step, and lets validation see the average.

    Arguments:
        decay: share of the average that stays in a step; the first step's weights are the first average.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._mean: dict[str, torch.Tensor] = {}

    def weights(self, module: LightningModule) -> Mapping[str, torch.Tensor]:
        """The average under the names of the module's weights; before the first step the weights themselves."""
        return self._mean or module.state_dict()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Take the weights of one step in; whole numbers are not averaged."""
        now = pl_module.state_dict()
        if not self._mean:
            self._mean = {name: tensor.detach().clone() for name, tensor in now.items()}
        for name, mean in self._mean.items():
            if mean.is_floating_point():
                mean.lerp_(now[name], 1 - self._decay)
            else:
                mean.copy_(now[name])

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate the average."""
        self._swap(pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on with the weights."""
        self._swap(pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """A checkpoint's `state_dict` is what is kept."""
        checkpoint[_TRAINED] = checkpoint["state_dict"]
        checkpoint["state_dict"] = dict(self.weights(pl_module))

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Lightning has loaded the average into the module before it calls this."""
        self._mean = {name: tensor.to(pl_module.device).clone() for name, tensor in checkpoint["state_dict"].items()}
        pl_module.load_state_dict(checkpoint[_TRAINED])

    def _swap(self, module: LightningModule) -> None:
        for name, tensor in module.state_dict().items():
            if name in self._mean:
                kept = tensor.detach().clone()
                tensor.copy_(self._mean[name])
                self._mean[name].copy_(kept)
