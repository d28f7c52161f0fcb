"""`load`: a NetX file of any tool as a `Network`, or one error with everything that is wrong with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netx_exports.errors import FormatError, LapilliError, NetworkError
from netx_exports.extended import read_extended
from netx_exports.fields import Fields
from netx_exports.files import PathLike
from netx_exports.hdf5_tree import Group, read_tree
from netx_exports.network import Network
from netx_exports.plain import Chain, read_plain
from netx_exports.problems import Problems
from netx_exports.synapses import DirectSynapse, Shape

PLAIN_GROUP = "layer"
EXTENDED_GROUP = "lapilli"
SCHEMA = 1
"""Version of the extended form and of the attribute that a plain file carries."""

NOTE_ATTRIBUTE = "lapilli"


@dataclass(frozen=True)
class FileContent:
    """A network and how its file holds it.

    Arguments:
        network: the network.
        form: "plain" or "extended".
        ignored: names in the root of the file that nothing reads.
    """

    network: Network
    form: str
    ignored: tuple[str, ...]


def load(path: PathLike, input_shape: Sequence[int] | None = None) -> Network:
    """Read a NetX file, plain or extended, from whatever tool.

    Layers without names in the file are called by their type and number: "encoder1" (input with a neuron), "conv2",
    "dense3", "recurrent4". A trailing average layer, which is work of the host, becomes
    `metadata["average_outputs"]`, the number of its outputs.

    Arguments:
        path: the file.
        input_shape: (N,) or (C, H, W), for files that do not tell it; must hold as many neurons as the file says.

    Raises:
        LapilliError: when the file cannot be opened.
        FormatError: when it is no NetX file or contradicts itself, listing every problem with its path in the file.
        UnsupportedError: when it is valid and says something that this release does not run.
    """
    return read_file(path, input_shape).network


def read_file(path: PathLike, input_shape: Sequence[int] | None = None) -> FileContent:
    """As `load`, with the form of the file and what was ignored in it."""
    problems = Problems()
    root = read_tree(path, frozenset({PLAIN_GROUP, EXTENDED_GROUP}), problems)
    subject = str(path)
    fields = Fields(root, problems)
    forms = [name for name in (PLAIN_GROUP, EXTENDED_GROUP) if fields.has(name)]
    if len(forms) != 1:
        found = "both" if forms else ", ".join(f"`{name}`" for name in sorted(root.names())[:8]) or "nothing"
        raise FormatError(
            subject, [f"must hold the group `{PLAIN_GROUP}` or the group `{EXTENDED_GROUP}`, found {found}"]
        )
    content = fields.child(forms[0])
    shape = None if input_shape is None else tuple(int(side) for side in input_shape)
    if shape is not None and not is_shape(shape):
        raise LapilliError(f"input_shape must be (N,) or (C, H, W), got {shape}")
    network = None
    if content is not None and forms[0] == PLAIN_GROUP:
        network = _plain_network(content, _note(root, problems), shape, subject)
    elif content is not None:
        network = read_extended(content, shape, subject)
    problems.raise_if_any(subject)
    assert network is not None
    return FileContent(
        network, "plain" if forms[0] == PLAIN_GROUP else "extended", tuple(sorted(root.names() - {*forms}))
    )


@dataclass(frozen=True)
class _Note:
    """What the attribute of a plain file adds to it."""

    input_shape: Shape | None = None
    names: tuple[str, ...] = ()
    graded_input: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


def _plain_network(content: Fields, note: _Note, input_shape: Shape | None, subject: str) -> Network | None:
    problems = content.problems
    if input_shape is not None and note.input_shape is not None and input_shape != note.input_shape:
        problems.wrong.append(f"attribute `{NOTE_ATTRIBUTE}`: input_shape is {note.input_shape}, not {input_shape}")
    chain = Chain(problems, input_shape or note.input_shape, note.names)
    read_plain(content, chain)
    if not problems and note.names and len(note.names) != chain.n_layers:
        problems.wrong.append(
            f"attribute `{NOTE_ATTRIBUTE}`: must name {chain.n_layers} layers, got {len(note.names)} names"
        )
    if not problems and not chain.layers:
        problems.wrong.append(f"`{PLAIN_GROUP}`: holds no layer with neurons")
    problems.raise_if_any(subject)
    block_types = [kind for kind in chain.block_types if kind != "average"]
    metadata = {**chain.metadata, **note.metadata, "netx_layout": block_types}
    graded = note.graded_input or any(isinstance(layer.synapses[0], DirectSynapse) for layer in chain.layers)
    assert chain.input_shape is not None
    try:
        return Network(chain.input_shape, tuple(chain.layers), metadata, graded)
    except NetworkError as error:
        raise FormatError(subject, error.problems) from None


def _note(root: Group, problems: Problems) -> _Note:
    pieces = [root.attributes[name] for name in sorted(root.attributes) if name.startswith(NOTE_ATTRIBUTE)]
    if not pieces:
        return _Note()
    where = f"attribute `{NOTE_ATTRIBUTE}`"
    try:
        note = json.loads(b"".join(pieces))
    except (ValueError, RecursionError) as error:
        problems.wrong.append(f"{where}: must be JSON ({error})")
        return _Note()
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        found = note.get("schema") if isinstance(note, dict) else note
        problems.wrong.append(f"{where}: schema must be {SCHEMA}, got {found!r:.100}")
        return _Note()
    shape, names = note.get("input_shape"), note.get("names", [])
    graded, metadata = note.get("graded_input", False), note.get("metadata", {})
    if (
        not _all(shape, int)
        or not is_shape(tuple(shape))
        or not _all(names, str)
        or not isinstance(graded, bool)
        or not isinstance(metadata, dict)
    ):
        problems.wrong.append(f"{where}: needs input_shape, names, graded_input and metadata of the right types")
        return _Note()
    return _Note(tuple(shape), tuple(names), graded, metadata)


def is_shape(shape: Shape) -> bool:
    """Whether a shape is (N,) or (C, H, W) with positive sizes."""
    return len(shape) in (1, 3) and min(shape) > 0


def _all(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(part, kind) and not isinstance(part, bool) for part in value)
