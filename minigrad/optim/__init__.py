"""Optimizers: one file per rule, each a kernel that reads like its paper and a small class around it."""

from minigrad.optim.adam import Adam
from minigrad.optim.base import Optimizer
from minigrad.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer"]
