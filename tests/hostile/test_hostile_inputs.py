"""A fuzzer that knows the promise: an answer or one line, for every kind of input.

Seconds in CI; longer by hand: ``pytest tests/hostile --hypothesis-profile=long``, or counts by
group with ``python tests/hostile/count.py 500``.
"""

import hostile_inputs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

QUICK = [
    *("FitsTable", "EcsvTable", "Cube", "Image", "BinMap", "VelocityMap", "SspGrid"),
    *("InstrumentFile", "PriorFile", "ModelJson", "RunState", "RunSettings", "Checksums"),
    *("MapPlan", "MapProgress"),
]
UNHURRIED = {"deadline": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("quick", max_examples=12, derandomize=True, **UNHURRIED)
settings.register_profile("long", max_examples=3000, **UNHURRIED)
if settings.get_current_profile_name() != "long":
    settings.load_profile("quick")


@pytest.mark.parametrize("group", QUICK)
def test_an_answer_or_one_line(tmp_path_factory, group):
    target = hostile_inputs.groups(tmp_path_factory.mktemp("hostile"))[group]()

    @given(random=st.randoms(use_true_random=False, note_method_calls=False))
    def attempt(random):
        kept = target.attempt(random)
        assert kept in ("answered", "refused"), kept

    attempt()
