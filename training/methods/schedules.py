"""Learning rates of KDCL as functions of the epoch, counted from 0."""

from math import cos, pi


def warm_up_cosine(
    epoch: float, lr: float, max_epochs: int, warm_up: float = 10, half_period: int | None = None, floor: float = 0.0
) -> float:
    """Linear over `warm_up` epochs, then a cosine from `lr` down to `floor`.

    Arguments:
        epoch: from 0; what is behind the point is the share of the epoch that is over.
        lr: largest learning rate, reached in epoch `warm_up`.
        max_epochs: of the training.
        warm_up: epochs before that; 0: none.
        half_period: epochs from `lr` to `floor`, after which it rises again as slowly (SpikeSCR: 40); None: as many
            as remain after the warm-up.
        floor: smallest learning rate of the cosine.
    """
    if epoch < warm_up:
        return lr * (epoch + 1) / (warm_up + 1)
    down = max(1, max_epochs - warm_up) if half_period is None else half_period
    return _cosine(epoch - warm_up, down, lr, floor)


def released_warm_up(
    epoch: int, lr: float, batches: int, warm_up: int = 10, half_period: int = 40, floor: float = 1e-8
) -> float:
    """What SpikeSCR's released distillation scripts do: a warm-up counted in batches but stepped by epochs.

    The learning rate stays tiny for `warm_up + half_period` epochs, because the cosine starts where the warm-up
    stopped; after its first trough, PyTorch's recursion climbs to the full `lr` and oscillates. Source:
    `module/scheduler.py` and the distillation scripts of SSC and SHD, commit 095f418f; GSC has no warm-up there.

    Arguments:
        epoch: from 0.
        lr: the configured learning rate.
        batches: in an epoch.
        warm_up: epochs of the warm-up; 0: none.
        half_period: T_max of the cosine.
        floor: its eta_min.
    """
    if not warm_up:
        return _cosine(epoch, half_period, lr, floor)
    slope = lr / (batches * warm_up)
    if epoch < warm_up:
        return slope * (epoch + 1)
    since = epoch - warm_up
    peak = slope * (warm_up + 1) if since <= half_period else lr
    return _cosine(since, half_period, peak, floor)


def _cosine(since: float, half_period: float, peak: float, floor: float) -> float:
    return floor + (peak - floor) * (1 + cos(pi * since / half_period)) / 2
