import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable

from phangs_sfh.files import tables
from phangs_sfh.galaxy import ages
from phangs_sfh.observations.flags import MEANING, Flag, describe
from phangs_sfh.prediction import results
from phangs_sfh.problems.histories import INPUTS, LABELS
from phangs_sfh.problems.problem import Described

INFO = {
    "name": "m", "version": 3, "instrument": {"name": "MUSE"}, "z_sun": 0.02,
    **Described("histories", INPUTS, LABELS).to_dict(),
}  # fmt: skip


def make_answers(n=4, seed=0):
    rng = np.random.default_rng(seed)
    answers = {}
    for quantity in results.quantities():
        shape = (n,) if quantity.axis is None else (n, quantity.size)
        for name in quantity.columns:
            answers[name] = rng.uniform(0, 1, shape).astype(np.float32)
    for name in results.WHOLE_NUMBERS:
        answers[name] = np.zeros(n, np.int32)
    return answers


@pytest.mark.parametrize("ending", ["fits", "ecsv"])
def test_units_meta_and_values_survive_the_disk(tmp_path, ending):
    answers = make_answers()
    answers["flag"][2] = Flag.NO_DATA
    table = results.result_table(answers, INFO)
    tables.write_table(table, tmp_path / f"r.{ending}")
    back = QTable.read(tmp_path / f"r.{ending}")
    assert back.colnames == results.answer_names()
    for name in table.colnames:
        assert getattr(back[name], "unit", None) == getattr(table[name], "unit", None), name
        assert back[name].dtype.itemsize == 4
        mine, theirs = (np.asarray(getattr(t[name], "value", t[name])) for t in (table, back))
        if name not in results.WHOLE_NUMBERS:
            theirs = np.ma.filled(np.ma.masked_invalid(theirs), np.nan)
        np.testing.assert_array_equal(mine, theirs, err_msg=name)
    assert dict(back.meta) == dict(table.meta)
    np.testing.assert_array_equal(np.fromstring(back.meta["AGEBINS"], sep=" "), ages.EDGES_MYR)
    assert back.meta["MODEL"] == "m" and back.meta["MODELVER"] == "3"


def test_units_are_what_they_say():
    answers = make_answers()
    answers["mw_logage_p50"][:] = 9.0
    table = results.result_table(answers, INFO)
    np.testing.assert_allclose(table["mw_logage_p50"].physical.to_value(u.Gyr), 1.0, rtol=1e-5)
    assert table["mh_p50"].unit == u.dex and table["av_p50"].unit == u.mag
    assert table["logml_p50"].physical.unit == u.Msun / u.Lsun
    assert table["sfh_p50"].shape == (4, 16)


def test_rows_without_data_are_nan_and_only_they():
    answers = make_answers()
    answers["flag"][:] = [0, Flag.NO_DATA, Flag.PRIOR_EDGE, Flag.HIGH_SURPRISE]
    table = results.result_table(answers, INFO)
    for name in table.colnames[: -len(results.WHOLE_NUMBERS)]:
        missing = np.isnan(np.asarray(getattr(table[name], "value", table[name])))
        np.testing.assert_array_equal(missing.reshape(4, -1).all(axis=1), [0, 1, 0, 0])
        assert missing.sum() == missing[1].size
    np.testing.assert_array_equal(table["flag"], answers["flag"])


def test_every_flag_has_a_meaning_of_its_own():
    assert set(MEANING) == set(Flag)
    both = describe(Flag.VELOCITY | Flag.HIGH_SURPRISE)
    assert MEANING[Flag.VELOCITY] in both and MEANING[Flag.HIGH_SURPRISE] in both
    assert describe(0) == "good"
