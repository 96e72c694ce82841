import sys
from dataclasses import replace

import numpy as np
import pytest

from mmxas.exchange.sleap import import_sleap_io, read_sleap, write_sleap


@pytest.fixture(scope='module')
def sleap_io():
    return pytest.importorskip('sleap_io', reason='an optional requirement of .slp files')


@pytest.mark.parametrize('scores', [False, True])
def test_a_round_trip_keeps_every_coordinate_and_name(sleap_io, make_table, assert_equal, tmp_path, scores):
    table = make_table(2, 1, scores, links=((0, 1), (1, 2)), images=('v/1.png', 'v/2.png', 'v/2.png'),
                       individuals=('', 'one', 'two'))
    write_sleap(table, tmp_path / 'a.slp')
    assert_equal(read_sleap(tmp_path / 'a.slp'), table)
    assert [path.name for path in tmp_path.iterdir()] == ['a.slp']


def test_x_or_y_alone_and_no_poses_at_all(sleap_io, make_table, assert_equal, tmp_path):
    table = make_table(2, 1, False)
    table.keypoints[0, 0, 0, 1] = np.nan
    empty = replace(table, images=(), individuals=(), keypoints=table.keypoints[:0])
    for one in (table, empty):
        write_sleap(one, tmp_path / 'a.slp')
        assert_equal(read_sleap(tmp_path / 'a.slp'), one)


def test_what_a_project_cannot_hold(make_table, tmp_path):
    with pytest.raises(ValueError, match='a.slp: SLEAP holds 2D keypoints, the table has 2 hypotheses of 3 coord'):
        write_sleap(make_table(), tmp_path / 'a.slp')


def test_bad_files(sleap_io, tmp_path):
    with pytest.raises(FileNotFoundError, match='gone.slp: no such file'):
        read_sleap(tmp_path / 'gone.slp')
    (tmp_path / 'a.slp').write_text('no')
    with pytest.raises(ValueError, match='a.slp: not a SLEAP project'):
        read_sleap(tmp_path / 'a.slp')


def test_without_the_package_the_message_has_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, 'sleap_io', None)
    with pytest.raises(ImportError, match='pip install sleap-io; SLEAP imports COCO'):
        import_sleap_io()
