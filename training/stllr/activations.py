"""Ψ, the secondary activation of a neuron: how much its spike depends on its voltage.

It weighs both terms of the rule, and passes the learning signal down through a layer. (a) to (d) as the publication
counts them (arXiv 2306.15220); what is used is what the authors' code computes, which for (c) is four times steeper
than what is printed.
"""

from typing import Literal

import torch

PsiName = Literal["fast sigmoid", "triangle", "sigmoid", "arctan"]

TRIANGLE_PEAK = 0.3


def largest_activation(psi: PsiName) -> float:
    """Ψ at the threshold."""
    return TRIANGLE_PEAK if psi == "triangle" else 1.0


def secondary_activation(psi: PsiName, distance: torch.Tensor) -> torch.Tensor:
    """Ψ of each neuron, in the shape and type of `distance`.

    Arguments:
        psi: "fast sigmoid" (a): 1 / (100 |v| + 1)²; "triangle" (b): 0.3 max(1 - |v|, 0); "sigmoid" (c):
            4 s(4v) (1 - s(4v)) with the logistic s; "arctan" (d): 1 / (1 + (10 v)²). Each is the derivative of what it
            is called after, but for a factor.
        distance: v, voltage after integration and before the reset, less the threshold. It is overwritten.
    """
    if psi == "fast sigmoid":
        return distance.abs_().mul_(100).add_(1).square_().reciprocal_()
    if psi == "triangle":
        return distance.abs_().neg_().add_(1).clamp_(min=0).mul_(TRIANGLE_PEAK)
    if psi == "sigmoid":
        share = distance.mul_(4).sigmoid_()
        return share.mul_(1 - share).mul_(4)
    return distance.mul_(10).square_().add_(1).reciprocal_()
