"""TKS equals its formula written with loops, its gradient finite differences, in every variant."""

from dataclasses import replace

import numpy as np
import plain_methods
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from method_cases import Case, cases, close, differences, gradient, gradients_agree

from lapilli.training.methods.tks import TksConfig, select_steps, sharing_weight, tks_loss

EPOCH, EPOCHS = 3, 5
WEIGHT = 0.7 * 3 / 5


def right(case: Case) -> np.ndarray:
    return (case.logits.argmax(1) == np.array(case.labels)[:, None]) & case.valid


def a_case(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    valid = np.ones((4, 6), bool)
    valid[0, 4:] = False
    return Case(rng.standard_normal((4, 5, 6)), rng.integers(5, size=4).tolist(), valid)


@given(cases(), st.sampled_from([1.0, 3.0]))
def test_the_published_loss_is_its_formula(case: Case, temperature: float) -> None:
    logits, labels, valid = case.tensors
    found = tks_loss(TksConfig(temperature=temperature), logits, labels, EPOCH, EPOCHS, valid)
    assert close(found, plain_methods.tks(case.logits, case.labels, right(case), case.valid, WEIGHT, temperature))


@given(cases(max_steps=4))
def test_gradients_go_through_the_teacher_too(case: Case) -> None:
    """The selection is a constant: within the difference's step no arg-max may change."""
    top = np.sort(case.logits, 1)
    if case.logits.shape[1] > 1 and (top[:, -1] - top[:, -2]).min() < 1e-3:
        return
    _, labels, valid = case.tensors
    found = gradient(lambda z: tks_loss(TksConfig(), z, labels, EPOCH, EPOCHS, valid), case.logits)
    chosen = right(case)
    expected = differences(lambda z: plain_methods.tks(z, case.labels, chosen, case.valid, WEIGHT, 3.0), case.logits)
    assert gradients_agree(found, expected)


def test_a_detached_teacher_is_a_constant() -> None:
    case = a_case()
    _, labels, valid = case.tensors
    chosen = right(case)
    teachers = [(case.logits[b] * chosen[b]).sum(1) for b in range(4)]
    expected = differences(
        lambda z: plain_methods.tks(z, case.labels, chosen, case.valid, WEIGHT, 3.0, teachers=teachers), case.logits
    )
    detached = TksConfig(detached=True)
    found = gradient(lambda z: tks_loss(detached, z, labels, EPOCH, EPOCHS, valid), case.logits)
    assert gradients_agree(found, expected)
    through = gradient(lambda z: tks_loss(TksConfig(), z, labels, EPOCH, EPOCHS, valid), case.logits)
    assert np.abs(through - found).max() > 1e-3


def test_the_gradient_on_the_teachers_path() -> None:
    """Notes on TKS, section 2: dL2/ds = -(T / N) q (l - <q, l>), l = sum over t of log p_t; one sample, w = 1."""
    rng = np.random.default_rng(1)
    logits, label, temperature = rng.standard_normal((1, 4, 6)), 2, 3.0
    always = TksConfig(alpha=1.0, ramp="static", temperature=temperature)
    labels = torch.tensor([label])
    whole = gradient(lambda z: tks_loss(always, z, labels, 0, 1), logits)[0]
    students = gradient(lambda z: tks_loss(replace(always, detached=True), z, labels, 0, 1), logits)[0]
    chosen = logits[0].argmax(0) == label
    assert 0 < chosen.sum() < 6
    q = plain_methods.softmax((logits[0] * chosen).sum(1) / temperature)
    log_p = sum(np.log(plain_methods.softmax(logits[0, :, t])) for t in range(6))
    of_teacher = -(temperature / 6) * q * (log_p - q @ log_p)
    for t in range(6):
        p = plain_methods.softmax(logits[0, :, t])
        assert np.allclose(students[:, t], temperature**2 / 6 * (p - q), rtol=0, atol=1e-9)
        assert np.allclose(whole[:, t] - students[:, t], of_teacher * chosen[t], rtol=0, atol=1e-9)


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("selector", ["right", "all", "wrong"])
def test_variants(mean: bool, drop: bool, selector: str) -> None:
    case = a_case(2)
    case.logits[1] = 0
    case.logits[1, (case.labels[1] + 1) % 5] = 1  # no step of sample 1 is right,
    case.logits[2] = 0
    case.logits[2, case.labels[2]] = 1  # all of sample 2 are
    logits, labels, valid = case.tensors
    chosen = {"right": right(case), "all": case.valid, "wrong": case.valid & ~right(case)}[selector]
    config = TksConfig(
        teacher="mean" if mean else "sum",
        nothing_selected="dropped" if drop else "uniform",
        selector=selector,  # type: ignore[arg-type]
    )
    found = tks_loss(config, logits, labels, EPOCH, EPOCHS, valid)
    expected = plain_methods.tks(case.logits, case.labels, chosen, case.valid, WEIGHT, 3.0, mean=mean, drop=drop)
    assert close(found, expected)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("rises", [False, True])
@given(case=cases())
def test_students_may_wait(waits: bool, rises: bool, case: Case) -> None:
    config = TksConfig(
        taught="from the first right" if waits else "all", step_weights="rising" if rises else "equal", detached=True
    )
    logits, labels, valid = case.tensors
    weights = []
    for of_sample, counts in zip(right(case), case.valid):
        row, seen = [], False
        for t, (is_right, counted) in enumerate(zip(of_sample, counts)):
            seen = seen or bool(is_right)
            row.append((t + 1.0 if rises else 1.0) * bool(counted) * (seen or not waits))
        weights.append(row)
    found = tks_loss(config, logits, labels, EPOCH, EPOCHS, valid)
    assert close(
        found,
        plain_methods.tks(case.logits, case.labels, right(case), case.valid, WEIGHT, 3.0, weights=weights),
    )


def test_a_sample_without_a_right_step_is_taught_nothing_where_students_wait() -> None:
    logits = torch.tensor([[[2.0, 1.0, 3.0], [0.0, 0.0, 0.0]]], requires_grad=True)
    waiting = TksConfig(alpha=1.0, ramp="static", taught="from the first right")
    tks_loss(waiting, logits, torch.tensor([1]), 0, 1).backward()
    assert logits.grad is not None
    assert not logits.grad.any()


def test_no_step_right_pulls_to_the_uniform_distribution() -> None:
    logits = torch.tensor([[[2.0, 1.0], [0.0, 0.0]]], dtype=torch.float64, requires_grad=True)
    always = TksConfig(alpha=1.0, ramp="static")
    tks_loss(always, logits, torch.tensor([1]), 0, 1).backward()
    assert logits.grad is not None
    assert bool((logits.grad[0, 0] > 0).all())
    logits.grad.zero_()
    tks_loss(replace(always, nothing_selected="dropped"), logits, torch.tensor([1]), 0, 1).backward()
    assert not logits.grad.any()


def test_a_sum_is_sharper_than_a_mean_by_the_number_of_right_steps() -> None:
    """Notes on TKS, section 2: the mean at temperature T / K teaches what the sum does at T, K steps being right."""
    logits = torch.randn((1, 4, 10), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    logits[:, 1] += 20
    label = torch.tensor([1])
    summed = tks_loss(TksConfig(alpha=1.0, ramp="static", temperature=3.0), logits, label, 0, 1) / 9
    mean = TksConfig(alpha=1.0, ramp="static", temperature=0.3, teacher="mean")
    assert close(summed, float(tks_loss(mean, logits, label, 0, 1)) / 0.09)


def test_the_most_confident_step() -> None:
    case = a_case(3)
    logits, labels, valid = case.tensors
    found = select_steps(TksConfig(selector="most_confident"), logits, labels, valid).numpy()
    for b in range(4):
        tops = [plain_methods.softmax(case.logits[b, :, t]).max() * case.valid[b, t] for t in range(6)]
        assert found[b].tolist() == [t == int(np.argmax(tops)) for t in range(6)]


def test_random_steps_depend_on_the_generator_alone() -> None:
    case = a_case(4)
    logits, labels, valid = case.tensors
    config = TksConfig(selector="random", random_steps=3)

    def drawn(seed: int) -> torch.Tensor:
        return select_steps(config, logits, labels, valid, torch.Generator().manual_seed(seed))

    assert torch.equal(drawn(0), drawn(0))
    assert any(not torch.equal(drawn(0), drawn(seed)) for seed in range(1, 5))
    for seed in range(5):
        assert drawn(seed).sum(1).tolist() == [3, 3, 3, 3]
        assert not bool((drawn(seed) & ~valid).any())
    many = select_steps(replace(config, random_steps=99), logits, labels, valid)
    assert torch.equal(many, valid)
    torch.manual_seed(5)
    by_global = select_steps(config, logits, labels, valid)
    torch.manual_seed(5)
    assert torch.equal(by_global, select_steps(config, logits, labels, valid))


def test_the_ramp() -> None:
    assert [sharing_weight(TksConfig(), e, 4) for e in range(4)] == pytest.approx([0, 0.175, 0.35, 0.525])
    assert sharing_weight(TksConfig(ramp="static", alpha=0.3), 0, 4) == 0.3


def test_one_step_or_one_class() -> None:
    one_step = Case(np.array([[[0.3], [1.0], [-2.0]]]), [1], np.ones((1, 1), bool))
    logits, labels, valid = one_step.tensors
    found = tks_loss(TksConfig(), logits, labels, EPOCH, EPOCHS, valid)
    assert close(found, plain_methods.tks(one_step.logits, [1], right(one_step), one_step.valid, WEIGHT, 3.0))
    assert float(tks_loss(TksConfig(), torch.ones(2, 1, 3), torch.zeros(2, dtype=torch.int64), 1, 2)) == 0
