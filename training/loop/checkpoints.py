"""Lightning checkpoints as safetensors: tensors plus a JSON description, so that loading executes nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from lightning.fabric.plugins.io import CheckpointIO

from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.files import PathLike, existing_file, replacing
from lapilli.netx_exports.json_text import read_json

_PLAIN = (bool, int, float, str, type(None))


class SafetensorsCheckpointIO(CheckpointIO):
    """Stores what Lightning calls a checkpoint, a tree of dictionaries, lists, numbers and tensors, in one file.

    The tree is JSON in the file's metadata; each tensor in it is a reference to one of the file's tensors. A reader
    finds either the old file or all of the new one, also after a kill in the middle of a write.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: PathLike, storage_options: Any = None) -> None:
        """Write `checkpoint` to `path`.

        Raises:
            TypeError: for a value that is neither a container, a plain value nor a tensor.
            LapilliError: when the file cannot be written.
        """
        tensors: dict[str, torch.Tensor] = {}
        tree = _to_json(checkpoint, tensors)
        with replacing(path) as temporary:
            safetensors.torch.save_file(tensors, temporary, {"checkpoint": json.dumps(tree)})

    def load_checkpoint(
        self, path: PathLike, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read what `save_checkpoint` wrote; tensors are on the CPU.

        Raises:
            LapilliError: when the file cannot be read.
            FormatError: when it is not such a checkpoint, or a damaged one.
        """
        file = existing_file(path)
        try:
            with safetensors.safe_open(file, "pt") as opened:
                tree = read_json((opened.metadata() or {})["checkpoint"])
                names = list(opened.keys())
                tensors = {name: opened.get_tensor(name) for name in names}
            checkpoint = _from_json(tree, tensors)
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise FormatError(str(path), [f"not a checkpoint of lapilli, or a damaged one ({error})"]) from error
        if not isinstance(checkpoint, dict):
            raise FormatError(str(path), ["not a checkpoint of lapilli: its top is no dictionary"])
        return checkpoint

    def remove_checkpoint(self, path: PathLike) -> None:
        """Remove the file, if there is one."""
        Path(path).unlink(missing_ok=True)


_TOP = {
    "epoch": int,
    "global_step": int,
    "pytorch-lightning_version": str,
    "state_dict": dict,
    "loops": dict,
    "callbacks": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
}
"""What a checkpoint has at its top. Where some of it is missing, Lightning begins anew and does not say so."""


def whole_checkpoint(path: Path) -> Path:
    """The same path, of a checkpoint that has all that a training goes on from.

    Raises:
        LapilliError: when the file cannot be read.
        FormatError: when it is not such a checkpoint, or a damaged one.
    """
    found = SafetensorsCheckpointIO().load_checkpoint(path)
    if wrong := [name for name, kind in _TOP.items() if not isinstance(found.get(name), kind)]:
        said = f"not a checkpoint of this run, or a damaged one (it lacks {', '.join(wrong)})"
        raise FormatError(str(path), [said])
    return path


def _to_json(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """`value` as JSON; its tensors go to `tensors`. Containers become [kind, content], so that nothing is ambiguous."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        # A copy: safetensors refuses tensors that share memory.
        tensors[name] = value.detach().cpu().clone().contiguous()
        return ["tensor", name]
    if isinstance(value, Mapping):
        # Pairs, because the keys of an optimizer's state are numbers.
        return ["dict", [[_to_json(key, tensors), _to_json(item, tensors)] for key, item in value.items()]]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [_to_json(item, tensors) for item in value]]
    if type(value) in _PLAIN:
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}")


def _from_json(tree: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if not isinstance(tree, list):
        return tree
    kind, content = tree
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {_from_json(key, tensors): _from_json(item, tensors) for key, item in content}
    if kind not in ("list", "tuple"):
        raise ValueError(f"unknown container {kind!r}")
    items = [_from_json(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
