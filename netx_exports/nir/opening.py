"""A NIR file or graph as fields to read, and what it says of itself as a whole."""

from collections.abc import Mapping, Set
from typing import Any, NamedTuple

import numpy as np

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.hdf5.tree import Group, Values, read_tree
from lapilli.netx_exports.json_text import read_json
from lapilli.netx_exports.nir.fields import reals
from lapilli.netx_exports.nir.graph import Structure, read_structure
from lapilli.netx_exports.nir.meaning import DT, check_dt
from lapilli.netx_exports.readout import Readout


class Opened(NamedTuple):
    """What a graph says as a whole.

    Arguments:
        structure: its layers, and the nodes between them.
        step: seconds.
        metadata: of a network of ours.
        readout: how a class is decided, where it says so.
    """

    structure: Structure
    step: float
    metadata: dict[str, Any]
    readout: Readout | None


def opened_graph(
    root: Fields | None, subject: str, dt: float | None, problems: Problems, pools: Set[str] = frozenset()
) -> Opened:
    """Read what both readers need before any number.

    Arguments:
        root: of the graph.
        subject: what an error calls it.
        dt: seconds in a step; None: as `step_length`.
        problems: found so far.
        pools: types of nodes that pool, where the reader takes them.

    Raises:
        FormatError, UnsupportedError: where there is a problem.
    """
    problems.raise_if_any(subject)
    assert root is not None
    form = root.child("metadata") if root.has("metadata") else None
    step, metadata, readout = step_length(form, dt), json_object(form, "lapilli"), readout_of(form)
    structure = read_structure(root, pools)
    problems.raise_if_any(subject)
    assert structure is not None
    return Opened(structure, step, metadata, readout)


def open_nir(path: PathLike, problems: Problems) -> Fields | None:
    """The graph in a NIR file, or None after reporting why there is none.

    Raises:
        LapilliError: when the file cannot be opened.
        FormatError: when it is a NetX file.
    """
    # Not by `nir.read`: libhdf5 takes memory as the file says, and runs endlessly on some damaged ones.
    file = Fields(read_tree(path, frozenset({"node"}), problems), problems)
    if not file.has("node") and (file.has("layer") or file.has("lapilli")):
        raise FormatError(str(path), ["a NetX file, not NIR; `lapilli export` makes a NIR file of it, named *.net"])
    return file.child("node")


def tree_of_graph(graph: Any, problems: Problems) -> Fields:
    """As the file that `nir.write` makes of it, so that one reader does for both."""
    if not (hasattr(graph, "nodes") and hasattr(graph, "edges") and hasattr(graph, "to_dict")):
        raise LapilliError(f"graph: must be a nir.NIRGraph (nir 1.0.4 or newer), got {type(graph).__name__}")
    return Fields(_group(graph.to_dict(), ""), problems)


def _group(content: Mapping[str, Any], path: str) -> Group:
    groups = {
        str(name): _group(value, f"{path}/{name}" if path else str(name))
        for name, value in content.items()
        if isinstance(value, Mapping)
    }
    # A file has no dataset for None either.
    datasets = {
        str(name): _dataset(value)
        for name, value in content.items()
        if not isinstance(value, Mapping) and value is not None
    }
    return Group(path, groups, datasets)


def _dataset(value: Any) -> Values | bytes:
    if isinstance(value, (str, bytes)):
        return value.encode() if isinstance(value, str) else value
    try:
        array = np.asarray(value)
    except ValueError:
        # Lists of unequal lengths: whoever looks for numbers finds none.
        return np.array([None])
    return np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array


def step_length(form: Fields | None, dt: float | None) -> float:
    """Seconds in a step: `dt`, else what the graph's metadata say, else the usual."""
    if dt is not None or form is None or not form.has("dt"):
        return check_dt(DT if dt is None else dt)
    said = reals(form, "dt", [(), (1,)])
    if said is not None and not said.values > 0:
        form.wrong("dt", f"must be a positive number of seconds, got {said.values}")
        return DT
    return DT if said is None else float(said.values.reshape(()))


def readout_of(form: Fields | None) -> Readout | None:
    """How a class is decided, as the graph's metadata say."""
    said = json_object(form, "lapilli_readout")
    if not {"kind"} <= said.keys() <= {"kind", "classes"}:
        if form is not None and form.has("lapilli_readout"):
            form.wrong("lapilli_readout", "must be an object of kind and classes")
        return None
    return Readout(**said)


def json_object(form: Fields | None, name: str) -> dict[str, Any]:
    """What the graph's metadata have under `name`, our own JSON; empty where there is none."""
    if form is None or not form.has(name):
        return {}
    numbers = form.integers(name, low=0, high=255, dtype=np.uint8, ndim=(1,))
    try:
        found = {} if numbers is None else read_json(numbers.tobytes())
    except ValueError as error:
        form.wrong(name, f"must be JSON ({error})")
        return {}
    if isinstance(found, dict):
        return found
    form.wrong(name, "must be a JSON object")
    return {}
