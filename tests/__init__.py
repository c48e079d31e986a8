"""
Tests, mirroring the packages.
"""

from hypothesis import HealthCheck, settings

# The lanes share two cores: how long an example takes says nothing about it.
settings.register_profile(
    "beside-others", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("beside-others")
