"""`load`: a NetX file of any tool as a `Network`, or one error with everything that is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from lapilli.netx_exports.arrays import sides_of
from lapilli.netx_exports.errors import FormatError, LapilliError, NetworkError
from lapilli.netx_exports.files import PathLike
from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.hdf5.problems import Problems
from lapilli.netx_exports.hdf5.tree import read_tree
from lapilli.netx_exports.network import Network
from lapilli.netx_exports.netx.extended import read_extended
from lapilli.netx_exports.netx.note import NAME, Note, is_shape, read_note
from lapilli.netx_exports.netx.plain import Chain, read_plain
from lapilli.netx_exports.synapses.synapse import Shape

PLAIN_GROUP = "layer"
EXTENDED_GROUP = "lapilli"


@dataclass(frozen=True)
class FileContent:
    """A network and how its file holds it.

    Arguments:
        network: the network.
        form: "plain" or "extended".
        ignored: names in the root of the file that nothing reads.
        remarks: contradictions in the file that change nothing of what is read.
    """

    network: Network
    form: str
    ignored: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def load(path: PathLike, input_shape: Sequence[int] | None = None) -> Network:
    """Read a NetX file, plain or extended, from whatever tool.

    Layers without names in the file are called by their type and number: "encoder1" (input with a neuron), "conv2",
    "dense3", "recurrent4". A trailing average layer, which is work of the host, becomes
    a readout that counts the spikes of as many groups of neurons as it has outputs.

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
    shape = None if input_shape is None else sides_of(input_shape)
    if shape is not None and not is_shape(shape):
        raise LapilliError(f"input_shape must be (N,) or (C, H, W), got {shape}")
    problems = Problems()
    root = Fields(read_tree(path, frozenset({PLAIN_GROUP, EXTENDED_GROUP}), problems), problems)
    form = _form(root, str(path))
    content = root.child(form)
    if content is None:
        network = None
    elif form == PLAIN_GROUP:
        network = _plain_network(content, read_note(root.group, problems), shape, str(path))
    else:
        network = read_extended(content, shape, str(path))
    problems.raise_if_any(str(path))
    assert network is not None
    ignored = tuple(sorted(root.group.names() - {form}))
    return FileContent(network, "plain" if form == PLAIN_GROUP else "extended", ignored, tuple(problems.remarks))


def _form(root: Fields, subject: str) -> str:
    forms = [name for name in (PLAIN_GROUP, EXTENDED_GROUP) if root.has(name)]
    if len(forms) == 1:
        return forms[0]
    if not forms and root.has("node"):
        name = PurePath(subject).name
        make = f"`lapilli export {subject} --out {PurePath(subject).with_suffix('.net')}`"
        called = "" if name.endswith(".nir") else ", once it is called *.nir"
        raise FormatError(subject, [f"a NIR file, not NetX; {make} makes a NetX file of it{called}"])
    found = "both" if forms else ", ".join(f"`{name}`" for name in sorted(root.group.names())[:8]) or "nothing"
    raise FormatError(subject, [f"must hold the group `{PLAIN_GROUP}` or the group `{EXTENDED_GROUP}`, found {found}"])


def _plain_network(content: Fields, note: Note, input_shape: Shape | None, subject: str) -> Network | None:
    problems = content.problems
    if input_shape is not None and note.input_shape is not None and input_shape != note.input_shape:
        problems.wrong.append(f"attribute `{NAME}`: input_shape is {note.input_shape}, not {input_shape}")
    chain = Chain(problems, input_shape or note.input_shape, note.names)
    read_plain(content, chain)
    if not problems and not chain.layers:
        problems.wrong.append(f"`{PLAIN_GROUP}`: holds no layer with neurons")
    if not problems and note.names and len(note.names) != chain.n_layers:
        problems.wrong.append(f"attribute `{NAME}`: must name {chain.n_layers} layers, got {len(note.names)} names")
    if problems:
        return None
    assert chain.input_shape is not None
    block_types = [kind for kind in chain.block_types if kind != "average"]
    if note.readout is not None:
        # The note is our own and says more than an average layer can.
        chain.metadata.pop("average_outputs", None)
    metadata = {**chain.metadata, **note.metadata, "netx_layout": block_types}
    graded = note.graded_input or any(not layer.synapses[0].weighted for layer in chain.layers)
    try:
        return Network(chain.input_shape, tuple(chain.layers), metadata, graded, note.readout)
    except NetworkError as error:
        raise FormatError(subject, error.problems) from None
