"""Settings for every test: one deterministic hypothesis profile, no example database."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "minigrad",
    deadline=None,  # the first example compiles kernels
    derandomize=True,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("minigrad")
