"""minigrad: a small autograd engine to read, with the optimizers and schedules of the book."""

from minigrad import data, models, nn, optim, schedules
from minigrad.gradcheck import GradcheckError, gradcheck
from minigrad.ops import abs, clip, concatenate, exp, log, maximum, relu, sigmoid, sqrt, stack, tanh, where
from minigrad.tensor import Tensor, no_grad
