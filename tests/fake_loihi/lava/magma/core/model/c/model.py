"""Base classes of models for the embedded processors; there are none here."""


class AbstractCProcessModel:
    pass


class CLoihiProcessModel(AbstractCProcessModel):
    pass
