"""A moving average of a model's weights, to evaluate it with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numba import prange

from minigrad.arguments import check_state, integer, number
from minigrad.jit import kernel
from minigrad.tensor import Array, Tensor


@kernel(parallel=True)
def follow(average, theta, beta, one_minus_beta):
    """One step of the moving average."""
    for i in prange(theta.size):
        average[i] = beta * average[i] + one_minus_beta * theta[i]  # eq:weight-average


class WeightAverage:
    """An exponential moving average of parameters: less noisy than the weights that the optimizer works with.

    With θ_t the parameters after update t, a_0 = 0, for t = 1, 2, …:

        a_t = β·a_{t−1} + (1 − β)·θ_t,   â_t = a_t/(1 − βᵗ)

    The optimizer never sees the average. Its value is â_t; inside `with average.applied():` the parameters have it.

    Parameters
    ----------
    params : iterable of Tensor
        float32 or float64, of any shape; the average of each has its shape and dtype.
    beta : float
        β, in [0, 1): the average is over about 1/(1 − β) updates.
    bias_correction : bool
        False: a_0 is θ_0, the parameters at the time of this call, and the value is a_t.

    Attributes
    ----------
    updates : int
        t, the number of calls of `update`.

    Raises
    ------
    ValueError, TypeError
        No parameters, something else than a floating tensor, or β outside [0, 1).

    Notes
    -----
    Source: optax's `ema`, which corrects in the same way. Without the correction it is Keras's `use_ema`; and PyTorch's
    `AveragedModel` with `get_ema_multi_avg_fn(β)` if it is made after the first update, which PyTorch's copies.
    """

    def __init__(self, params: Iterable[Tensor], beta: float = 0.999, bias_correction: bool = True) -> None:
        self.parameters = list({id(parameter): parameter for parameter in params}.values())
        if not self.parameters:
            raise ValueError("a weight average needs at least one parameter, got none")
        for parameter in self.parameters:
            if not isinstance(parameter, Tensor) or parameter.dtype not in (np.float32, np.float64):
                raise TypeError(f"a parameter must be a float32 or float64 tensor, got {parameter!r}")
        self.beta = number("beta", beta, least=0, below=1)
        if not isinstance(bias_correction, bool):
            raise TypeError(f"bias_correction must be True or False, got {bias_correction!r}")
        self.bias_correction = bias_correction
        start = np.zeros_like if bias_correction else np.array
        self._averages = [start(parameter.data.ravel()) for parameter in self.parameters]
        self.updates = 0

    def update(self) -> None:
        """Follow the parameters; call it after each step of the optimizer."""
        for average, parameter in zip(self._averages, self.parameters, strict=True):
            beta, one_minus_beta = average.dtype.type(self.beta), average.dtype.type(1 - self.beta)
            follow(average, parameter.data.ravel(), beta, one_minus_beta)
        self.updates += 1

    def values(self) -> list[Array]:
        """A copy of each parameter's average; ValueError before the first update."""
        if self.updates == 0:
            raise ValueError("a weight average has no value before its first update")
        correction = 1 - self.beta**self.updates if self.bias_correction else 1.0
        return [
            (average / average.dtype.type(correction)).reshape(parameter.shape)  # eq:weight-average-corrected
            for average, parameter in zip(self._averages, self.parameters, strict=True)
        ]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the parameters have their averages; at the end of the block, or at an error, they have their own again.

        ValueError before the first update.
        """
        values, own = self.values(), [parameter.data.copy() for parameter in self.parameters]
        try:
            for parameter, value in zip(self.parameters, values, strict=True):
                parameter.data[...] = value
            yield
        finally:
            for parameter, value in zip(self.parameters, own, strict=True):
                parameter.data[...] = value

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on bit for bit: `updates` and, as "0", "1", …, the averages, flat. Copies."""
        return {"updates": self.updates} | {str(i): average.copy() for i, average in enumerate(self._averages)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`'s result; ValueError for other names or sizes, and then nothing is changed."""
        check_state(self, state, self.state_dict())
        updates = integer("updates", int(state["updates"]), least=0)
        averages = [np.array(state[str(i)], average.dtype) for i, average in enumerate(self._averages)]
        self.updates, self._averages = updates, averages
