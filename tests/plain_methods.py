"""The losses as formulas with loops, float64, as the papers write them: z[t][b][c]."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def ce(scores: Array, label: int, smoothing: float = 0.0) -> float:
    target = np.full(len(scores), smoothing / len(scores))
    target[label] += 1 - smoothing
    return float(-(target * np.log(softmax(scores))).sum())


def kl(teacher: Array, student: Array) -> float:
    return float(sum(q * (np.log(q) - np.log(p)) for q, p in zip(softmax(teacher), softmax(student))))


def steps_of(logits: Array, valid: npt.NDArray[np.bool_], sample: int) -> list[Array]:
    return [logits[sample, :, t] for t in range(logits.shape[2]) if valid[sample, t]]


def plain(logits: Array, labels: list[int], valid: npt.NDArray[np.bool_], smoothing: float) -> float:
    return float(np.mean([ce(np.mean(steps_of(logits, valid, b), 0), y, smoothing) for b, y in enumerate(labels)]))


def tet(
    logits: Array, labels: list[int], valid: npt.NDArray[np.bool_], lam: float, target: float, smoothing: float
) -> float:
    total = 0.0
    for b, y in enumerate(labels):
        steps = steps_of(logits, valid, b)
        of_label = sum(ce(z, y, smoothing) for z in steps) / len(steps)
        distance = sum(((z - target) ** 2).mean() for z in steps) / len(steps)
        total += (1 - lam) * of_label + lam * distance
    return total / len(labels)


def etc(logits: Array, labels: list[int], valid: npt.NDArray[np.bool_], temperature: float, weight: float) -> float:
    total = 0.0
    for b, y in enumerate(labels):
        steps = steps_of(logits, valid, b)
        total += ce(np.mean(steps, 0), y)
        pairs = [
            kl(teacher / temperature, student / temperature)
            for i, teacher in enumerate(steps)
            for j, student in enumerate(steps)
            if i != j
        ]
        total += weight * temperature**2 * sum(pairs) / max(1, len(pairs))
    return total / len(labels)


def tks(
    logits: Array,
    labels: list[int],
    selected: npt.NDArray[np.bool_],
    valid: npt.NDArray[np.bool_],
    weight: float,
    temperature: float,
    *,
    mean: bool = False,
    drop: bool = False,
    teachers: list[Array] | None = None,
    weights: list[list[float]] | None = None,
) -> float:
    """`selected`: who teaches; `teachers`: constants instead of the sums, for the gradient of a detached teacher;
    `weights`: of each step that is taught, all alike where there are none."""
    total = 0.0
    for b, y in enumerate(labels):
        steps = steps_of(logits, valid, b)
        total += (1 - weight) * ce(np.mean(steps, 0), y)
        teacher = np.zeros(logits.shape[1])
        for t in range(logits.shape[2]):
            if selected[b, t]:
                teacher = teacher + logits[b, :, t]
        if mean and selected[b].any():
            teacher = teacher / selected[b].sum()
        q = softmax((teacher if teachers is None else teachers[b]) / temperature)
        if drop and not selected[b].any():
            continue
        of_steps = [float(weights[b][t] if weights else valid[b, t]) for t in range(logits.shape[2])]
        entropies = [float(-(q * np.log(softmax(logits[b, :, t]))).sum()) for t in range(logits.shape[2])]
        shared = sum(w * entropy for w, entropy in zip(of_steps, entropies)) / (sum(of_steps) or 1)
        total += weight * temperature**2 * shared
    return total / len(labels)


def softmax_sum(logits: Array, valid: npt.NDArray[np.bool_], sample: int) -> Array:
    return np.sum([softmax(z) for z in steps_of(logits, valid, sample)], 0)


def kdcl(
    logits: Array,
    teacher: Array,
    labels: list[int],
    valid: npt.NDArray[np.bool_],
    teacher_valid: npt.NDArray[np.bool_],
    weight: float,
    tau: float,
) -> float:
    total = 0.0
    for b, y in enumerate(labels):
        m_student, m_teacher = softmax_sum(logits, valid, b), softmax_sum(teacher, teacher_valid, b)
        total += ce(m_student, y) + weight * tau**2 * kl(m_teacher / tau, m_student / tau)
    return total / len(labels)
