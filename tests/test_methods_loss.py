"""The entry to all methods: the configuration has its loss; what does not fit is refused in one sentence."""

from dataclasses import asdict
from typing import Any

import pytest
import torch
import yaml

from lapilli.netx_exports import LapilliError
from lapilli.simulators.configurations import ConfigurationError, configured
from lapilli.training.methods import (
    ConfidenceConfig,
    DistillationConfig,
    EtcConfig,
    KdclConfig,
    Method,
    PlainConfig,
    SoftmaxSumConfig,
    TetConfig,
    TksConfig,
    method_loss,
)
from lapilli.training.methods.confidence import confidence_loss
from lapilli.training.methods.etc import etc_loss
from lapilli.training.methods.plain import plain_loss, softmax_sum_loss
from lapilli.training.methods.tet import tet_loss
from lapilli.training.methods.tks import tks_loss
from lapilli.training.recipes.surrogate_gradient import Options

METHODS = (PlainConfig(), SoftmaxSumConfig(), TetConfig(), EtcConfig(), TksConfig(), ConfidenceConfig(), KdclConfig())


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn((6, 4, 5), generator=generator), torch.randint(4, (6,), generator=generator)


def test_the_type_decides() -> None:
    logits, labels = batch()
    valid = torch.ones(6, 5, dtype=torch.bool)
    valid[2, 3:] = False
    found = [float(method_loss(config, logits, labels, 2, 4, valid=valid)) for config in METHODS[:-1]]
    expected = [
        plain_loss(PlainConfig(), logits, labels, valid),
        softmax_sum_loss(SoftmaxSumConfig(), logits, labels, valid),
        tet_loss(TetConfig(), logits, labels, valid),
        etc_loss(EtcConfig(), logits, labels, valid),
        tks_loss(TksConfig(), logits, labels, 2, 4, valid),
        confidence_loss(ConfidenceConfig(), logits, labels, valid),
    ]
    assert found == [float(value) for value in expected]
    assert len(set(found)) == len(found)


def test_names_are_unique_and_part_of_the_configuration() -> None:
    assert len({asdict(config)["name"] for config in METHODS}) == len(METHODS)


# Without KDCL, whose masked variant `test_methods_kdcl.py` tests.
@pytest.mark.parametrize(
    "config",
    [*(method for method in METHODS if method.name not in ("softmax_sum", "kdcl")), SoftmaxSumConfig(padding="masked")],
    ids=lambda config: config.name,
)
def test_what_stands_in_padded_steps_changes_nothing(config: Method) -> None:
    logits, labels = batch()
    valid = torch.ones(6, 5, dtype=torch.bool)
    valid[:, 3:] = False
    other = logits.clone()
    other[..., 3:] = 100
    found = method_loss(config, logits, labels, 2, 4, valid=valid)
    assert torch.equal(found, method_loss(config, other, labels, 2, 4, valid=valid))
    assert torch.allclose(found, method_loss(config, logits[..., :3], labels, 2, 4))


def test_a_student_may_share_knowledge_over_time_too() -> None:
    logits, labels = batch()
    teacher = torch.randn((6, 4, 11), generator=torch.Generator().manual_seed(1))
    config = KdclConfig(own=TksConfig(alpha=0.5))
    found = method_loss(config, logits, labels, 3, 4, teacher_logits=teacher)
    own = method_loss(config.own_method, logits, labels, 3, 4)
    alone = method_loss(KdclConfig(), logits, labels, 3, 4, teacher_logits=teacher)
    published = method_loss(SoftmaxSumConfig(), logits, labels, 3, 4)
    assert torch.allclose(found - own, alone - published, atol=1e-6)


TAUGHT = "\nteacher: a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("method: {name: tks, alpha: 0.3}", TksConfig(alpha=0.3)),
        ("method: {name: etc}", EtcConfig()),
        (
            "{method: {name: kdcl, distillation: {weight: 2.0}}, teacher: a}",
            KdclConfig(distillation=DistillationConfig(2.0)),
        ),
        (
            "{method: {name: kdcl, own: {name: tks, detached: true}}, teacher: a}",
            KdclConfig(own=TksConfig(detached=True)),
        ),
    ],
)
def test_the_name_chooses_the_method(text: str, expected: Method) -> None:
    assert configured(Options, yaml.safe_load(text), "a file").chosen_method == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"logits": torch.zeros(6, 4)}, "logits: must be (samples, classes, steps), none of them 0, got (6, 4)"),
        ({"logits": torch.zeros(6, 4, 0)}, "none of them 0, got (6, 4, 0)"),
        ({"labels": torch.zeros(5)}, "labels: must be one for each of 6 samples of logits, got (5,)"),
        ({"valid": torch.ones(6, 5)}, "valid: must be bool of shape (6, 5) as logits, got torch.float32 of (6, 5)"),
        ({"valid": torch.ones(6, 4, dtype=torch.bool)}, "got torch.bool of (6, 4)"),
        ({"valid": torch.eye(6, 5, dtype=torch.bool)}, "sample 5 of the batch has none"),
        ({"teacher_logits": torch.zeros(6, 4, 9)}, "teacher_logits: method 'plain' has no teacher"),
        ({"config": KdclConfig()}, "teacher_logits: method 'kdcl' needs those of a teacher"),
        ({"config": KdclConfig(), "teacher_logits": torch.zeros(6, 3, 9)}, "need the student's 4 classes, got 3"),
        ({"config": KdclConfig(), "teacher_logits": torch.zeros(5, 4, 9)}, "each of 5 samples of teacher_logits"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], message: str) -> None:
    logits, labels = batch()
    arguments: dict[str, Any] = {
        "config": PlainConfig(),
        "logits": logits,
        "labels": labels,
        "epoch": 0,
        "max_epochs": 1,
    } | changed
    with pytest.raises(LapilliError) as caught:
        method_loss(**arguments)
    assert message in str(caught.value)


def test_every_problem_has_the_name_of_its_option() -> None:
    with pytest.raises(LapilliError) as caught:
        configured(Options, {"method": {"name": "kdcl", "own": {"name": "tks", "alpha": -1, "temperature": -1}}})
    assert str(caught.value) == (
        "method.own.alpha: must be 0…1, got -1; method.own.temperature: must be above 0, got -1"
    )
    for wrong in (
        lambda: PlainConfig(label_smoothing=7),
        lambda: TetConfig(target=float("nan")),
        lambda: EtcConfig(weight=-1),
        lambda: ConfidenceConfig(temperature=0),
    ):
        with pytest.raises(ConfigurationError, match=r"^method\.[a-z_]+: must be [^;]*$"):
            wrong()
