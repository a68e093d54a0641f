"""Every op: a function from tensors to a tensor, with its gradient."""

from minigrad.ops.elementwise import abs, clip, exp, log, maximum, relu, sigmoid, sqrt, tanh, where
from minigrad.ops.matmul import matmul
from minigrad.ops.reduce import max, mean, min, sum
from minigrad.ops.shape import concatenate, stack
