"""Plain cross-entropy, TET, ETC and the confident pair equal their formulas; gradients equal finite differences."""

from typing import Any

import numpy as np
import plain_methods
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from method_cases import Case, cases, close, differences, gradient, gradients_agree

from lapilli.simulators.configurations import ConfigurationError
from lapilli.training.methods import Method, TksConfig
from lapilli.training.methods.confidence import ConfidenceConfig, confidence_loss
from lapilli.training.methods.etc import EtcConfig, etc_loss, pairwise_divergence
from lapilli.training.methods.plain import PlainConfig, SoftmaxSumConfig, plain_loss, softmax_sum_loss
from lapilli.training.methods.tet import TetConfig, tet_loss


@given(cases(), st.sampled_from([0.0, 0.1, 1.0]))
def test_plain(case: Case, smoothing: float) -> None:
    logits, labels, valid = case.tensors
    found = plain_loss(PlainConfig(label_smoothing=smoothing), logits, labels, valid)
    assert close(found, plain_methods.plain(case.logits, case.labels, case.valid, smoothing))


@given(cases(), st.booleans())
def test_softmax_sum(case: Case, masked: bool) -> None:
    logits, labels, valid = case.tensors
    found = softmax_sum_loss(SoftmaxSumConfig(padding="masked" if masked else "summed"), logits, labels, valid)
    counted = case.valid if masked else np.ones_like(case.valid)
    scores = [plain_methods.softmax_sum(case.logits, counted, b) for b in range(len(case.labels))]
    assert close(found, float(np.mean([plain_methods.ce(m, y) for m, y in zip(scores, case.labels)])))


@given(cases(), st.sampled_from([0.0, 1e-3, 0.05, 1.0]), st.sampled_from([0.0, 0.1]))
def test_tet(case: Case, lam: float, smoothing: float) -> None:
    logits, labels, valid = case.tensors
    config = TetConfig(regularisation=lam, target=1.5, label_smoothing=smoothing)
    expected = plain_methods.tet(case.logits, case.labels, case.valid, lam, 1.5, smoothing)
    assert close(tet_loss(config, logits, labels, valid), expected)


@given(cases(), st.sampled_from([1.0, 4.0]))
def test_etc(case: Case, temperature: float) -> None:
    logits, labels, valid = case.tensors
    found = etc_loss(EtcConfig(temperature=temperature, weight=0.5), logits, labels, valid)
    assert close(found, plain_methods.etc(case.logits, case.labels, case.valid, temperature, 0.5))


@given(cases(max_steps=4))
def test_gradients(case: Case) -> None:
    _, labels, valid = case.tensors
    found = gradient(lambda z: plain_loss(PlainConfig(label_smoothing=0.1), z, labels, valid), case.logits)
    expected = differences(lambda z: plain_methods.plain(z, case.labels, case.valid, 0.1), case.logits)
    assert gradients_agree(found, expected)
    found = gradient(lambda z: tet_loss(TetConfig(regularisation=0.05), z, labels, valid), case.logits)
    expected = differences(lambda z: plain_methods.tet(z, case.labels, case.valid, 0.05, 1.0, 0.0), case.logits)
    assert gradients_agree(found, expected)


def pairs_with_constant_teachers(students: np.ndarray, teachers: np.ndarray) -> float:
    """Mean over pairs of the divergence of each student from the other steps of `teachers`, one sample."""
    n_steps = students.shape[1]
    pairs = [plain_methods.kl(teachers[:, i], students[:, j]) for i in range(n_steps) for j in range(n_steps) if i != j]
    return sum(pairs) / len(pairs)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 6))
def test_no_gradient_through_the_teachers_of_etc(seed: int, n_classes: int, n_steps: int) -> None:
    logits = np.random.default_rng(seed).standard_normal((1, n_classes, n_steps))
    found = gradient(lambda z: pairwise_divergence(z).sum(), logits)
    expected = differences(lambda z: pairs_with_constant_teachers(z[0], logits[0]), logits)
    assert gradients_agree(found, expected)


def test_etc_without_pairs_is_plain() -> None:
    logits = torch.randn((3, 4, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1])
    assert float(etc_loss(EtcConfig(), logits, labels)) == float(plain_loss(PlainConfig(), logits, labels))
    same = logits.expand(3, 4, 9)
    assert float(pairwise_divergence(same).abs().max()) < 1e-14


def test_etc_takes_memory_of_one_tensor_of_logits() -> None:
    """A tensor of all pairs would be (1, 2, 40000, 40000): 25 GiB."""
    logits = torch.randn((1, 2, 40_000), generator=torch.Generator().manual_seed(0)).requires_grad_()
    pairwise_divergence(logits).sum().backward()
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())


@pytest.mark.parametrize("direction", ["strong_to_weak", "weak_to_strong"])
def test_the_most_and_the_least_confident_step(direction: str) -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((3, 4, 5)), torch.tensor([0, 1, 2])
    logits[:, 0, 2] += 9
    logits[:, :, 4] *= 0.01
    teacher, student = (2, 4) if direction == "strong_to_weak" else (4, 2)
    config = ConfidenceConfig(direction=direction, temperature=2.0, weight=0.5)  # type: ignore[arg-type]

    def formula(z: np.ndarray) -> float:
        own = plain_methods.plain(z, labels.tolist(), np.ones((3, 5), bool), 0.0)
        taught = [plain_methods.kl(logits[b, :, teacher] / 2, z[b, :, student] / 2) for b in range(3)]
        return own + 0.5 * 4 * float(np.mean(taught))

    assert close(confidence_loss(config, torch.from_numpy(logits), labels), formula(logits))
    found = gradient(lambda z: confidence_loss(config, z, labels), logits)
    assert gradients_agree(found, differences(formula, logits))


def test_steps_that_are_not_valid_in_every_sample_do_not_teach() -> None:
    logits = torch.randn((2, 3, 2), generator=torch.Generator().manual_seed(0))
    labels, valid = torch.tensor([0, 1]), torch.tensor([[True, False], [False, True]])
    found = confidence_loss(ConfidenceConfig(), logits, labels, valid)
    assert torch.equal(found, plain_loss(PlainConfig(), logits, labels, valid))


@pytest.mark.parametrize(
    ("kind", "values", "problems"),
    [
        (PlainConfig, {"label_smoothing": 2}, ["label_smoothing: must be 0…1, got 2"]),
        (
            TetConfig,
            {"regularisation": -1, "target": float("inf")},
            ["regularisation: must be 0…1, got -1", "target: must be finite, got inf"],
        ),
        (
            EtcConfig,
            {"temperature": 0, "weight": float("nan")},
            ["temperature: must be above 0, got 0", "weight: must be finite, got nan"],
        ),
        (
            ConfidenceConfig,
            {"weight": -1, "temperature": -1},
            ["weight: must be at least 0, got -1", "temperature: must be above 0, got -1"],
        ),
        (
            TksConfig,
            {"alpha": 1.5, "temperature": 0.0, "random_steps": 0, "label_smoothing": True},
            [
                "alpha: must be 0…1, got 1.5",
                "temperature: must be above 0, got 0.0",
                "random_steps: must be at least 1, got 0",
                "label_smoothing: must be a number, got True",
            ],
        ),
    ],
)
def test_problems_are_named(kind: type[Method], values: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(**values)
    assert sorted(caught.value.problems) == sorted(f"method.{problem}" for problem in problems)
