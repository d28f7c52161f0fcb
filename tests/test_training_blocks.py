"""The table of the kinds of blocks."""

import pytest

from lapilli.training.blocks import block_module
from lapilli.training.blocks.kinds import KINDS, BlockKind
from lapilli.training.networks.slayer import slayer


def test_both_modules_have_all_kinds_and_what_else_slayer_has() -> None:
    fused, by_slayer = vars(block_module("fused")), vars(block_module("slayer"))
    assert fused.keys() == by_slayer.keys()
    assert {name for name, block in vars(slayer.block.cuba).items() if isinstance(block, type)} <= fused.keys()
    assert {name for name in fused if fused[name] is not by_slayer[name]} == {kind.fused.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.fused.__name__)
def test_a_fused_block_is_a_block_of_slayers(kind: BlockKind) -> None:
    assert issubclass(kind.fused, kind.slayer)
