"""One hypothesis profile for the whole suite; `JARCH_EXAMPLES=2000 pytest` tries harder."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "jarch",
    deadline=None,  # times on shared machines vary too much to fail a test by
    max_examples=int(os.environ.get("JARCH_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("jarch")
