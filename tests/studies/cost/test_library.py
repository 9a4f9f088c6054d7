"""What a library costs: the numbers are made of real runs, here tiny ones."""

from studies.cost import library


def test_costs_are_of_real_runs():
    cost = library.write_in_fresh_process(30)
    assert cost["n"] == 30 and cost["seconds"] > 0 and 0.1 < cost["gigabytes"] < 4
    stages = library.profile(250)
    assert set(stages) == {*library.STAGES, library.WHOLE}
    whole = stages.pop(library.WHOLE)
    assert all(seconds > 0 for seconds in stages.values())
    assert sum(stages.values()) < 1.2 * whole
    assert 0 < library.matrix_product(repeat=2) < whole
