"""How Hypothesis runs: without a deadline for one example, since a busy machine is no bug."""

from hypothesis import HealthCheck, settings

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
