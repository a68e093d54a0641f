"""minigrad: a small, readable autograd engine with the book's optimizers and schedules."""

from importlib.metadata import PackageNotFoundError, version

from minigrad import data, exercises, models, nn, optim, schedules
from minigrad.average import WeightAverage
from minigrad.ema import ema
from minigrad.gradcheck import GradcheckError, gradcheck
from minigrad.ops import (
    abs,  # noqa: A004
    avg_pool2d,
    clip,
    concatenate,
    conv2d,
    cross_entropy,
    exp,
    linear,
    log,
    log_softmax,
    max_pool2d,
    maximum,
    mse_loss,
    relu,
    sigmoid,
    softmax,
    sqrt,
    stack,
    tanh,
    where,
)
from minigrad.tensor import Tensor, no_grad
from minigrad.threads import get_num_threads, set_num_threads
from minigrad.train import History, fit

try:
    __version__ = version("minigrad-book")
except PackageNotFoundError:  # imported from a checkout, not installed
    __version__ = "unknown"

__all__ = [
    "GradcheckError",
    "History",
    "Tensor",
    "WeightAverage",
    "__version__",
    "abs",
    "avg_pool2d",
    "clip",
    "concatenate",
    "conv2d",
    "cross_entropy",
    "data",
    "ema",
    "exercises",
    "exp",
    "fit",
    "get_num_threads",
    "gradcheck",
    "linear",
    "log",
    "log_softmax",
    "max_pool2d",
    "maximum",
    "models",
    "mse_loss",
    "nn",
    "no_grad",
    "optim",
    "relu",
    "schedules",
    "set_num_threads",
    "sigmoid",
    "softmax",
    "sqrt",
    "stack",
    "tanh",
    "where",
]
