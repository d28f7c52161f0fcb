"""Samples that follow each other in one Lava run, all equally long: which step is the first of one, which the last."""


def starts_sample(time_step: int, period: int | None) -> bool:
    """Whether Lava's time step (from 1) is the first one of a sample.

    Arguments:
        time_step: as the ProcessModel has it.
        period: steps of a sample; None: the run is one sample, which starts from the initial state anyway.
    """
    return period is not None and (time_step - 1) % period == 0


def ended_sample(time_step: int, period: int | None) -> int | None:
    """Number (from 0) of the sample that ends with Lava's time step, None where none does."""
    return time_step // period - 1 if period is not None and time_step % period == 0 else None
