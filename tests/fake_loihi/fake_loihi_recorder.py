"""Records each graph that Lava compiles, as one line of JSON in the file that FAKE_LOIHI_RECORD names."""

import json
import os
from enum import Enum

import numpy as np
from lava.magma.compiler import compiler_graphs
from lava.magma.compiler.compiler import Compiler
from lava.magma.compiler.compiler_graphs import find_processes
from lava.magma.core.model.py.model import AbstractPyProcessModel
from lava.magma.core.process.process import AbstractProcess

compile_graph = Compiler.compile
run_graph = AbstractProcess.run


def write(**record):
    if path := os.environ.get("FAKE_LOIHI_RECORD"):
        with open(path, "a") as file:
            file.write(json.dumps(record, default=int) + "\n")


def edges(process):
    for port in process.out_ports:
        for end in port.get_dst_ports():
            yield [process.id, port.name, end.process.id, end.name]


def values(process):
    names = ("vth", "du", "dv", "bias_mant")
    return {name: np.asarray(getattr(process, name).init).tolist() for name in names if hasattr(process, name)}


def compile_and_record(self, process, run_cfg):
    found = find_processes(process)
    executable = compile_graph(self, process, run_cfg)
    write(
        run_cfg=type(run_cfg).__name__,
        select_tag=run_cfg.select_tag,
        processes={
            p.id: {
                "kind": type(p).__name__,
                "model": p.model_class.__name__,
                "shape": list(p.proc_params.get("shape", ()) or ()),
                "message_bits": p.proc_params.get("num_message_bits"),
                "reset": [p.proc_params.get("reset_interval"), p.proc_params.get("reset_offset")],
                **values(p),
            }
            for p in found
        },
        edges=[edge for p in found for edge in edges(p)],
    )
    return executable


def run_and_record(self, condition, run_cfg=None, compile_config=None):
    write(steps=condition.num_steps)
    return run_graph(self, condition, run_cfg, compile_config)


# The CPU stands in for the neurocores: Lava's compiler is to take their models for what they are, Python models.
compiler_graphs.ProcessModelTypes = Enum("ProcessModelTypes", {"PY": AbstractPyProcessModel})
Compiler.compile = compile_and_record
AbstractProcess.run = run_and_record
