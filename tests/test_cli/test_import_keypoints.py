import json

import numpy as np
import pytest

from mmxas.interop import read_keypoints

LABELS = 'scorer,Anna,Anna,Anna,Anna\nbodyparts,snout,snout,tail,tail\ncoords,x,y,x,y\na.png,1.5,2,3,4\n'


@pytest.fixture
def run(load_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'labels.csv').write_text(LABELS)
    (tmp_path / 'skeleton.json').write_text(json.dumps(dict(name='s', keypoints=['root', 'nose'], parents=[0, 0])))
    return load_command('import_keypoints').main


def test_labels_in_the_order_of_a_skeleton(run, capsys):
    assert run(['labels.csv', 'out.json', '--rename', 'snout=nose', '--skeleton', 'skeleton.json']) == 0
    assert capsys.readouterr().out.splitlines() == [
        'left out: tail', 'not labelled: root', 'out.json: 1 poses, 1 hypotheses each, of 2 keypoints',
        '1 images were not found next to labels.csv: their sizes are estimated from the keypoints']
    table = read_keypoints('out.json')
    assert table.names == ('root', 'nose') and table.links == ((0, 1),)
    np.testing.assert_array_equal(table.keypoints[0, 0], [[np.nan] * 2, [1.5, 2]])


def test_a_copy_in_another_format(run):
    assert run(['labels.csv', 'out.json']) == run(['out.json', 'back.csv']) == 0
    with open('back.csv') as back:
        assert back.read() == LABELS.replace('2,3,4', '2.0,3.0,4.0')


def test_one_of_several_tables(run, capsys):
    pandas = pytest.importorskip('pandas', reason='an optional requirement of .h5 files')
    pytest.importorskip('tables', reason='an optional requirement of .h5 files')
    frame = pandas.read_csv('labels.csv', header=[0, 1, 2], index_col=0)
    frame.to_hdf('a.h5', key='df_with_missing')
    frame.rename({'a.png': 'b.png'}).to_hdf('a.h5', key='machinelabels')
    assert run(['a.h5', 'a.json']) == 2 and 'name the one to read (table=, --table)' in capsys.readouterr().err
    assert run(['a.h5', 'a.json', '--table', 'machinelabels']) == 0 and read_keypoints('a.json').images == ('b.png',)


@pytest.mark.parametrize(('arguments', 'message'), [
    (['gone.csv', 'a.json'], "[Errno 2] No such file or directory: 'gone.csv'"),
    (['labels.csv', 'a.json', '--table', 'x'], '--table x (table=): only a .h5 holds several tables, labels'),
    (['labels.csv', 'a.json', '--rename', 'snout'], '--rename snout: THEIRS=OURS expected'),
    (['labels.csv', 'a.json', '--rename', 'paw=foot'], "keypoint 'paw' cannot be renamed"),
    (['labels.csv', 'a.json', '--skeleton', 'skeleton.json'], 'no keypoint in common')])
def test_mistakes_are_one_line(run, capsys, arguments, message):
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f'mmxas import: {message}') and error.count('\n') == 1
