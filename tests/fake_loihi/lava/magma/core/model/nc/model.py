"""Base class of models for the neurocores. Real ones are no Python models: here the CPU computes them."""

from lava.magma.core.model.py.model import AbstractPyProcessModel


class AbstractNcProcessModel(AbstractPyProcessModel):
    pass
