"""The structure of a NIR graph: which nodes are a layer's neurons, and over which nodes the layers feed each other."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from lapilli.netx_exports.hdf5.fields import Fields
from lapilli.netx_exports.nir.connections import UNWEIGHTED, WEIGHTED
from lapilli.netx_exports.nir.fields import Node
from lapilli.netx_exports.nir.neurons import CURRENTS, PARAMETERS, NeuronNodes
from lapilli.netx_exports.synapses.kinds import INPUT

_CONNECTING = WEIGHTED | UNWEIGHTED
_VOLTAGES = PARAMETERS.keys() - {"CubaLIF", "CubaLI"}
_KNOWN = {"Input", "Output", *PARAMETERS, *_CONNECTING}
_NONE: Set[str] = frozenset()

_MOST_NODES = 16
"""Nodes on the way from a layer to the next: one with weights, some that flatten and delay."""


@dataclass(frozen=True)
class Path:
    """The nodes, in the order of the signal, over which a source feeds a layer."""

    source: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class LayerNodes:
    """The neurons of a layer and what feeds them."""

    neurons: NeuronNodes
    paths: tuple[Path, ...]

    @property
    def sources(self) -> set[str]:
        """The input and the layers that feed this one."""
        return {path.source for path in self.paths}


@dataclass(frozen=True)
class Structure:
    """A graph taken apart.

    Arguments:
        layers: in an order in which every source but the layer itself comes earlier.
        input, output: the nodes of these types.
        behind: nodes between the last layer and the output, in the order of the signal: each is a Flatten.
    """

    layers: tuple[LayerNodes, ...]
    input: Node
    output: Node
    behind: tuple[Node, ...] = ()


def read_structure(root: Fields, pools: Set[str] = _NONE) -> Structure | None:
    """The structure of the graph in `root`, or None after reporting why not.

    Arguments:
        root: the graph.
        pools: types of nodes that pool, where they have a meaning; one may stand in place of a node with weights.
    """
    root.refuse_unknown({"type", "nodes", "edges", "metadata"})
    if root.word("type") not in (None, "NIRGraph"):
        root.wrong("type", "must be NIRGraph")
    nodes = _nodes(root, _KNOWN | pools)
    edges = _edges(root, nodes)
    ends = [_only(root, nodes, kind) for kind in ("Input", "Output")]
    if root.problems or ends[0] is None or ends[1] is None:
        return None
    wiring = _Wiring(nodes, edges, pools)
    layers = wiring.layers()
    if not root.problems:
        wiring.check_ends(layers, ends[0], ends[1])
    if not root.problems:
        layers = _in_order(layers, root)
    return None if root.problems else Structure(tuple(layers), ends[0], ends[1], wiring.behind(ends[1]))


def _in_order(layers: Sequence[LayerNodes], root: Fields) -> list[LayerNodes]:
    """Sources first, otherwise in the order given; a circle of layers is reported."""
    waiting = [layer.sources - {INPUT, layer.neurons.name} for layer in layers]
    readers: dict[str, list[int]] = defaultdict(list)
    for number, sources in enumerate(waiting):
        for source in sources:
            readers[source].append(number)
    ready = [number for number, sources in enumerate(waiting) if not sources]
    heapify(ready)
    ordered: list[LayerNodes] = []
    while ready:
        ordered.append(layers[heappop(ready)])
        placed = ordered[-1].neurons.name
        for number in readers[placed]:
            waiting[number].remove(placed)
            if not waiting[number]:
                heappush(ready, number)
    if len(ordered) < len(layers):
        names = ", ".join(repr(one.neurons.name) for one, sources in zip(layers, waiting) if sources)
        root.unsupported("edges", f"layers must feed each other in one direction, got a circle among {names}")
    return ordered


def _nodes(root: Fields, known: Set[str]) -> dict[str, Node]:
    group = root.child("nodes")
    nodes: dict[str, Node] = {}
    for name in sorted(group.group.names() if group is not None else ()):
        fields = None if group is None else group.child(name)
        kind = None if fields is None else fields.word("type")
        if fields is None or kind is None:
            continue
        node = nodes[name] = Node(name, kind, fields)
        if kind == "NIRGraph":
            node.unsupported("a graph inside the graph has no meaning here")
        elif kind not in known:
            node.unsupported(f"must be of a type in {', '.join(sorted(known))}, got {kind!r:.50}")
        elif name == INPUT and kind != "Input":
            node.unsupported("must be of type Input, whose name this is here")
    return nodes


def _edges(root: Fields, nodes: Mapping[str, Node]) -> list[tuple[str, str]]:
    stored = root.group.datasets.get("edges")
    if not (isinstance(stored, np.ndarray) and stored.dtype.kind == "S" and stored.ndim == 2 and stored.shape[1] == 2):
        if "edges" not in root.group.unreadable:
            root.wrong("edges", "must be pairs of names" if root.has("edges") else "missing")
        return []
    edges = [(_text(source), _text(target)) for source, target in stored]
    known = nodes.keys() | root.group.groups.get("nodes", root.group).unreadable
    for edge in edges:
        if unknown := [name for name in edge if name not in known]:
            root.wrong("edges", f"{edge[0]!r:.50} to {edge[1]!r:.50}: no node {unknown[0]!r:.50}")
    for edge in sorted(edge for edge, times in Counter(edges).items() if times > 1):
        root.wrong("edges", f"{edge[0]!r} to {edge[1]!r}: is there more than once")
    return edges


def _article(kind: str) -> str:
    return f"an {kind}" if kind[:1] in "AEIOU" or kind[:2] == "LI" else f"a {kind}"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _only(root: Fields, nodes: Mapping[str, Node], kind: str) -> Node | None:
    found = [node for node in nodes.values() if node.kind == kind]
    if len(found) != 1:
        root.unsupported("nodes", f"must have one node of type {kind}, got {len(found)}")
    return found[0] if len(found) == 1 else None


class _Wiring:
    """Who feeds whom."""

    def __init__(self, nodes: Mapping[str, Node], edges: Sequence[tuple[str, str]], pools: Set[str]) -> None:
        self.nodes, self.pools = nodes, pools
        self.before: dict[str, list[str]] = defaultdict(list)
        self.after: dict[str, list[str]] = defaultdict(list)
        for source, target in edges:
            self.before[target].append(source)
            self.after[source].append(target)
        current_of = dict(self._currents())
        self.voltages = {name for name in nodes if nodes[name].kind in PARAMETERS} - set(current_of.values())
        self.voltage_of_entry = {current_of.get(name, name): name for name in self.voltages}
        # In the order in which edges reach them, which is the order of the layers in files of ours.
        reached = {target: None for _, target in edges} | dict.fromkeys(nodes)
        self.entries = [name for name in reached if name in self.voltage_of_entry]

    def _currents(self) -> Iterator[tuple[str, str]]:
        """(node of the voltage, node of its current): the one feeds the other alone, and nothing else."""
        for name, node in self.nodes.items():
            if node.kind in CURRENTS and len(self.after[name]) == 1:
                (target,) = self.after[name]
                if target != name and self.nodes[target].kind in _VOLTAGES and self.before[target] == [name]:
                    yield target, name

    def layers(self) -> list[LayerNodes]:
        return [self._layer(entry) for entry in self.entries]

    def _layer(self, entry: str) -> LayerNodes:
        voltage = self.nodes[self.voltage_of_entry[entry]]
        current = self.nodes[entry] if entry != voltage.name else None
        paths = (self._path(entry, last) for last in self.before[entry])
        return LayerNodes(NeuronNodes(voltage, current), tuple(path for path in paths if path is not None))

    def _path(self, entry: str, last: str) -> Path | None:
        """The way back from the neurons to what feeds them, or None after reporting what is on it."""
        way: list[Node] = []
        name = last
        while self.nodes[name].kind in _CONNECTING | self.pools:
            node = self.nodes[name]
            if node in way or len(self.before[name]) != 1:
                found = "itself" if node in way else self._named(self.before[name]) or "nothing"
                node.unsupported(f"must be fed by one node, got {found}")
                return None
            if len(way) == _MOST_NODES:
                self.nodes[entry].unsupported(f"must be fed over at most {_MOST_NODES} nodes, got more behind {last!r}")
                return None
            way.append(node)
            (name,) = self.before[name]
        weighted = [node.name for node in way if node.kind in WEIGHTED]
        weighted = weighted or [node.name for node in way if node.kind in self.pools]
        if len(weighted) != 1:
            found = self._named(weighted[::-1]) or "none"
            self.nodes[entry].unsupported(
                f"must be fed by {self._named([name])}, over one node with weights, got {found}"
            )
        elif self.nodes[name].kind != "Input" and name not in self.voltages:
            self.nodes[entry].unsupported(f"must be fed by spikes or the input, got {self._named([name])}")
        else:
            return Path(INPUT if self.nodes[name].kind == "Input" else name, tuple(reversed(way)))
        return None

    def behind(self, end: Node) -> tuple[Node, ...]:
        """What lies between the last neurons and the output and moves none of them, in the order of the signal."""
        way: list[Node] = []
        before = self.before[end.name]
        while len(before) == 1 and self.nodes[before[0]].kind == "Flatten" and self.nodes[before[0]] not in way:
            way.append(self.nodes[before[0]])
            before = self.before[way[-1].name]
        return tuple(reversed(way))

    def _named(self, names: Sequence[str]) -> str:
        """As messages name nodes: "'11', a Flatten"."""
        return " and ".join(f"{name!r}, {_article(self.nodes[name].kind)}" for name in names)

    def check_ends(self, layers: Sequence[LayerNodes], start: Node, end: Node) -> None:
        """Report what does not lie between input and output."""
        behind = self.behind(end)
        last = self.before[behind[0].name if behind else end.name]
        if len(last) != 1 or last[0] not in self.voltages:
            end.unsupported(f"must be fed by the neurons of one layer, got {self._named(last) or 'nothing'}")
            return
        fed = {source for one in layers for source in one.sources - {one.neurons.name}}
        if last[0] in fed:
            end.unsupported(f"must be fed by the last layer, but {self._named(last)}, feeds others")
        if self.after[end.name]:
            end.unsupported(f"must feed nothing, got {self._named(self.after[end.name][:1])}")
        if self.before[start.name]:
            start.unsupported(f"must be fed by nothing, got {self._named(self.before[start.name][:1])}")
        if INPUT not in fed:
            start.unsupported("feeds nothing")
        for layer in layers:
            name, node = layer.neurons.name, layer.neurons.voltage
            if not layer.paths:
                node.unsupported("is fed by nothing")
            if name not in fed and name != last[0]:
                node.unsupported("feeds nothing")
            if not layer.neurons.spikes and name in fed | layer.sources:
                node.unsupported("sends its voltage, not spikes, on to others")
        used = {node.name for one in layers for path in one.paths for node in path.nodes}
        used |= {node.name for node in behind}
        for name, node in self.nodes.items():
            if node.kind in _CONNECTING | self.pools and name not in used:
                node.unsupported("leads nowhere")
