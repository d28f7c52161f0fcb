"""The attribute `lapilli` of a plain file: what the plain layout has no place for, and stock lava-dl no eye."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.hdf5.tree import Group
from lapilli.netx_exports.json_text import read_json
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.synapses.kinds import Shape

SCHEMA = 1
"""Version of the attribute; one of another version is refused."""

NAME = "lapilli"

# An attribute of HDF5's old format ends at 64 KiB; longer notes go on in `lapilli000001` and so on.
_PIECE = 1 << 15


@dataclass(frozen=True)
class Note:
    """What the attribute says: JSON with these members and `schema`."""

    input_shape: Shape | None = None
    names: tuple[str, ...] = ()
    graded_input: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    readout: Readout | None = None


def note_attributes(network: Network) -> dict[str, bytes]:
    """Attributes of the root of a plain file, by name."""
    note = {
        "schema": SCHEMA,
        "input_shape": network.input_shape,
        "names": [layer.name for layer in network.layers],
        "graded_input": network.graded_input,
        "metadata": dict(network.metadata),
    }
    note |= {} if network.readout is None else {"readout": network.readout.as_json()}
    text = json.dumps(note, sort_keys=True).encode()
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return {f"{NAME}{number:06d}" if number else NAME: piece for number, piece in enumerate(pieces)}


def read_note(root: Group, problems: Problems) -> Note:
    """The note in the attributes of a file's root; an empty one where there is none, or a problem with it."""
    names = sorted(name for name in root.attributes if name.startswith(NAME))
    if not names:
        return Note()
    where = f"attribute `{NAME}`"
    try:
        note = read_json(b"".join(root.attributes[name] for name in names))
    except ValueError as error:
        problems.wrong.append(f"{where}: must be JSON ({error})")
        return Note()
    schema = note.get("schema") if isinstance(note, dict) else None
    if type(schema) is not int or schema != SCHEMA:  # in Python a truth value is an integer
        problems.wrong.append(f"{where}: schema must be {SCHEMA}, got {schema!r:.100}")
        return Note()
    members = {name: note.get(name) for name in ("input_shape", "names", "graded_input", "metadata", "readout")}
    wrong = [name for name, value in members.items() if not _is_sound(name, value)]
    if wrong:
        problems.wrong.append(f"{where}: has no sound {', '.join(wrong)}")
        return Note()
    readout = None if members["readout"] is None else Readout(**members["readout"])
    return Note(tuple(note["input_shape"]), tuple(note["names"]), note["graded_input"], note["metadata"], readout)


def is_shape(shape: object) -> bool:
    """Whether a list or tuple is (N,) or (C, H, W) with positive sizes."""
    if not isinstance(shape, (list, tuple)) or len(shape) not in (1, 3):
        return False
    # In Python a truth value is an integer.
    return all(type(side) is int and side > 0 for side in shape)


def _is_sound(name: str, value: object) -> bool:
    if name == "input_shape":
        return is_shape(value)
    if name == "names":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if name == "readout":
        return value is None or (isinstance(value, dict) and {"kind"} <= value.keys() <= {"kind", "classes"})
    return isinstance(value, {"graded_input": bool, "metadata": dict}[name])
