"""minigrad: a small autograd engine to read, with the optimizers and schedules of the book."""

from minigrad.gradcheck import GradcheckError, gradcheck
from minigrad.ops import (
    abs,
    clip,
    concatenate,
    exp,
    log,
    matmul,
    max,
    maximum,
    mean,
    min,
    relu,
    sigmoid,
    sqrt,
    stack,
    sum,
    tanh,
    where,
)
from minigrad.tensor import Tensor, no_grad
