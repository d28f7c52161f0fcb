"""KDCL: the loss is its formula, gradients are finite differences; its learning rates, right and as released."""

from typing import Literal

import numpy as np
import plain_methods
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from method_cases import Case, cases, close, differences, gradient, gradients_agree

from lapilli.simulators.configurations import ConfigurationError
from lapilli.training.methods import DistillationConfig, KdclConfig, SoftmaxSumConfig, method_loss
from lapilli.training.methods.schedules import released_warm_up, warm_up_cosine


def teacher_of(case: Case, n_steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n_samples, n_classes, _ = case.logits.shape
    valid = rng.random((n_samples, n_steps)) < 0.7
    valid[:, 0] = True
    return rng.standard_normal((n_samples, n_classes, n_steps)), valid


@given(cases(max_steps=4), st.integers(1, 9), st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([1.0, 2.0]))
def test_the_loss_is_its_formula(case: Case, n_steps: int, seed: int, masked: bool, tau: float) -> None:
    _, labels, valid = case.tensors
    teacher, teacher_valid = teacher_of(case, n_steps, seed)
    padding: Literal["masked", "summed"] = "masked" if masked else "summed"
    config = KdclConfig(
        own=SoftmaxSumConfig(padding=padding), distillation=DistillationConfig(0.5, tau, padding=padding)
    )

    def loss(z: torch.Tensor) -> torch.Tensor:
        taught = (torch.from_numpy(teacher), torch.from_numpy(teacher_valid))
        return method_loss(config, z, labels, 0, 1, None, valid, *taught)

    def formula(z: np.ndarray) -> float:
        counted = (case.valid, teacher_valid) if masked else (np.ones_like(case.valid), np.ones_like(teacher_valid))
        return plain_methods.kdcl(z, teacher, case.labels, *counted, 0.5, tau)

    assert close(loss(torch.from_numpy(case.logits)), formula(case.logits))
    assert gradients_agree(gradient(loss, case.logits), differences(formula, case.logits))


def test_no_gradient_reaches_the_teacher() -> None:
    generator = torch.Generator().manual_seed(0)
    student = torch.randn((2, 3, 4), generator=generator).requires_grad_()
    teacher = torch.randn((2, 3, 10), generator=generator).requires_grad_()
    method_loss(KdclConfig(), student, torch.tensor([0, 1]), 0, 1, teacher_logits=teacher).backward()
    assert student.grad is not None
    assert teacher.grad is None


def test_means_of_logits_are_compared() -> None:
    rng = np.random.default_rng(0)
    student, teacher = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 3, 10))
    labels = torch.tensor([0, 1])
    config = KdclConfig(distillation=DistillationConfig(2.0, 3.0, scores="mean_logits"))
    both = method_loss(config, torch.from_numpy(student), labels, 0, 1, teacher_logits=torch.from_numpy(teacher))
    own = method_loss(config.own_method, torch.from_numpy(student), labels, 0, 1)
    taught = [plain_methods.kl(teacher[b].mean(1) / 3, student[b].mean(1) / 3) for b in range(2)]
    assert close(both - own, 2 * 9 * float(np.mean(taught)))


def test_problems_are_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        DistillationConfig(-1.0, 0.0)
    assert caught.value.problems == (
        "method.distillation.weight: must be at least 0, got -1.0",
        "method.distillation.temperature: must be above 0, got 0.0",
    )


def released(lr: float, batches: int, epochs: int) -> list[float]:
    """The schedule by PyTorch itself: a rate set by hand for ten epochs, then its cosine, stepped by epochs."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 40, eta_min=1e-8)
    found = []
    for epoch in range(epochs):
        if epoch <= 10:
            optimizer.param_groups[0]["lr"] = lr * (epoch + 1) / (10 * batches + 1e-8)
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if epoch >= 10:
            cosine.step()
    return found


@pytest.mark.parametrize(("lr", "batches"), [(0.005, 295), (0.01, 32)])
def test_the_released_warm_up_is_what_pytorch_makes_of_it(lr: float, batches: int) -> None:
    found = [released_warm_up(epoch, lr, batches) for epoch in range(260)]
    assert found == pytest.approx(released(lr, batches, 260), rel=1e-6, abs=1e-12)


def test_the_released_warm_up_has_the_numbers_of_the_notes() -> None:
    """SpikeSCR notes, section 4: SSC 2e-6 to 2e-5, 1e-8 at 50, 0.005 at 90, period 80; SHD 3e-5 to 3.4e-4, 0.01."""
    ssc = [released_warm_up(epoch, 0.005, 295) for epoch in range(300)]
    assert [f"{ssc[epoch]:.0e}" for epoch in (0, 10, 50)] == ["2e-06", "2e-05", "1e-08"]
    assert ssc[90] == pytest.approx(0.005)
    assert max(ssc[:50]) < 2e-5
    assert ssc[90:170] == pytest.approx(ssc[170:250])
    assert ssc[130] == pytest.approx(1e-8)
    shd = [released_warm_up(epoch, 0.01, 32) for epoch in range(300)]
    assert [f"{shd[epoch]:.0e}" for epoch in (0, 50)] == ["3e-05", "1e-08"]
    assert f"{shd[10]:.1e}" == "3.4e-04"
    assert shd[90] == pytest.approx(0.01)


def test_without_warm_up_the_released_cosine_oscillates() -> None:
    """Section 3: zero at 40, 120, 200, 280; full at 0, 80, 160, 240."""
    for epoch in (0, 80, 160, 240):
        assert released_warm_up(epoch, 0.002, 295, warm_up=0) == pytest.approx(0.002)
        assert released_warm_up(epoch + 40, 0.002, 295, warm_up=0) == pytest.approx(1e-8)
        assert warm_up_cosine(epoch + 40, 0.002, 300, 0, 40) == pytest.approx(0, abs=1e-12)


def test_the_warm_up_done_right() -> None:
    found = [warm_up_cosine(epoch, 0.01, 100) for epoch in range(101)]
    rises = np.diff(found[:11])
    assert np.allclose(rises, rises[0])
    assert found[0] == pytest.approx(0.01 / 11)
    assert max(found) == found[10] == 0.01
    assert bool((np.diff(found[10:]) < 0).all())
    assert found[100] == pytest.approx(0, abs=1e-12)
    assert found[55] == pytest.approx(0.005)
    assert warm_up_cosine(3, 0.01, 2) == pytest.approx(0.04 / 11)
    assert warm_up_cosine(140, 1.0, 400, 10, 40, 1e-8) == pytest.approx(
        1e-8 + (1 - 1e-8) * (1 + np.cos(13 / 4 * np.pi)) / 2
    )
