"""The name that `lava.magma.core.callback_fx` imports."""


class NxBoard:
    pass
