"""`save`: a network as a NetX file, plain where stock lava-dl can read it, extended where it cannot."""

import hashlib
from math import prod
from typing import Any

import h5py
import numpy as np

from lapilli.netx_exports.files import PathLike, replacing
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.netx.extended import extended_datasets
from lapilli.netx_exports.netx.note import note_attributes
from lapilli.netx_exports.netx.stock import is_complex, is_plain, layer_type

_SHARED_BYTES = 1 << 10
"""Arrays of so many bytes or more are stored once where several parts of a network have the same."""


def save(network: Network, path: PathLike) -> None:
    """Write a network as a NetX file that `load` reads back as an equal network.

    A chain of layer types that stock lava-dl reads (`stock.is_plain`) becomes the file that lava-dl's own exporter
    would have written; anything else goes under `/lapilli`, where stock lava-dl finds no layers and says so. The
    same network gives the same bytes.

    Raises:
        LapilliError: when the file cannot be written; nothing is left behind and an old file is untouched.
    """
    image = _file_image(network)
    with replacing(path) as temporary:
        temporary.write_bytes(image)


def _file_image(network: Network) -> bytes:
    # In memory first: what libhdf5 does when a disk is full is not an exception that can be relied on.
    with h5py.File("network.net", "w", driver="core", backing_store=False) as file:
        if is_plain(network):
            _write_plain(file, network)
        else:
            _write_extended(file, network)
        file.flush()
        return bytes(file.id.get_file_image())


def _write_extended(file: h5py.File, network: Network) -> None:
    """Every dataset of the extended form; a large array that several synapses have is stored once, by a second link."""
    places: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    for path, value in extended_datasets(network).items():
        stored = np.asarray(np.bytes_(value) if isinstance(value, bytes) else value)
        if stored.nbytes < _SHARED_BYTES:
            file.create_dataset(path, data=stored)
            continue
        content = (stored.dtype.str, stored.shape, hashlib.sha256(stored.tobytes()).digest())
        if content in places:
            file[path] = file[places[content]]
        else:
            places[content] = path
            file.create_dataset(path, data=stored)


def _write_plain(file: h5py.File, network: Network) -> None:
    for name, piece in note_attributes(network).items():
        file.attrs[name] = np.bytes_(piece)
    layers = iter(network.layers)
    source_shape = network.input_shape
    for number, kind in enumerate(block_types(network)):
        group = file.create_group(f"layer/{number}")
        group.create_dataset("type", (1,), "S10", [kind.encode()])
        if kind == "flatten":
            group.create_dataset("shape", data=np.array([prod(source_shape), 1, 1], np.int64))
        elif kind == "input" and network.layers[0].synapses[0].weighted:
            group.create_dataset("shape", data=np.array(network.input_shape, np.int64))
        else:
            layer = next(layers)
            _write_layer(group, layer, source_shape, network.metadata.get("netx_transform"))
            source_shape = layer.shape


def block_types(network: Network) -> list[str]:
    """Types of the groups of the plain file: as `metadata["netx_layout"]` says where that fits, else the usual ones."""
    kinds = [layer_type(layer) for layer in network.layers]
    flat_before = {
        index
        for index, (before, kind) in enumerate(zip(network.layers, kinds[1:]), start=1)
        if kind in ("dense", "dense_rec") and len(before.shape) == 3 and layer_type(before) in ("conv", "input")
    }
    wish = network.metadata.get("netx_layout")
    if isinstance(wish, list) and _fits(wish, kinds, flat_before):
        return list(wish)
    types = [] if kinds[0] == "input" else ["input"]
    if kinds[0] in ("dense", "dense_rec") and len(network.input_shape) == 3:
        types.append("flatten")
    for index, kind in enumerate(kinds):
        types += ["flatten", kind] if index in flat_before else [kind]
    return types


def _fits(wish: list[Any], kinds: list[str], flat_before: set[int]) -> bool:
    names = [name for name in wish if name != "flatten"]
    if names not in (kinds, ["input", *kinds]) or "input" in wish[1:]:
        return False
    flattened = set()
    index = len(kinds) - len(names)
    for before, name in zip([None, *wish], wish):
        if name != "flatten":
            flattened |= {index} if before == "flatten" else set()
            index += 1
    # Before a first dense layer it changes nothing: the input is fed in SLAYER's order anyway.
    allowed = flat_before | ({0} if kinds[0] in ("dense", "dense_rec") else set())
    return flat_before <= flattened <= allowed


def _write_layer(group: h5py.Group, layer: Layer, source_shape: tuple[int, ...], transform: Any) -> None:
    first, *others = layer.synapses
    names = ("weight/real", "weight/imag") if is_complex(layer) else ("weight", "weight_rec")
    group.create_dataset("shape", data=np.array(layer.shape, np.int64))
    fields = first.plain_fields(source_shape, layer.shape, names[0])
    for other in others:
        fields[names[1]] = other.effective_weights.astype(np.float32)
    # Of what NetX reads by default too, only what the file had that the network came from.
    wanted = set(transform) if isinstance(transform, list) else set(fields)
    for name, value in fields.items():
        if name in wanted or name not in first.plain_defaults or value != first.plain_defaults[name]:
            group.create_dataset(name, data=value)
    _write_neuron(group, layer)


def _write_neuron(group: h5py.Group, layer: Layer) -> None:
    neuron, first = layer.neuron, layer.synapses[0]
    if first.weighted and (np.ndim(neuron.bias_mant) or neuron.has_bias):
        # lava-dl takes a single number for a dense layer only.
        single = np.shape(neuron.bias_mant) or (1,)
        shape = layer.shape[:1] if first.spatial else single
        group.create_dataset("bias", data=np.broadcast_to(np.asarray(neuron.bias_mant, np.float32), shape))
    for name, value in neuron.plain_fields().items():
        if not isinstance(value, str | bool):
            value = np.asarray(value, np.int64) if np.ndim(value) else int(value)
        group.create_dataset(f"neuron/{name}", data=value)
