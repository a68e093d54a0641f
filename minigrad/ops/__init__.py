"""Every op: a function from tensors to a tensor, with its gradient."""

from minigrad.ops.conv import conv2d
from minigrad.ops.dropout import dropout
from minigrad.ops.elementwise import abs, clip, exp, log, maximum, sigmoid, sqrt, tanh, where
from minigrad.ops.linear import linear
from minigrad.ops.loss import cross_entropy, log_softmax, mse_loss, softmax
from minigrad.ops.matmul import matmul
from minigrad.ops.pool import avg_pool2d, max_pool2d
from minigrad.ops.reduce import max, mean, min, sum
from minigrad.ops.relu import relu
from minigrad.ops.shape import concatenate, stack
from minigrad.tensor import as_tensor
