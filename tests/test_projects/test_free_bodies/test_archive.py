import numpy as np
import pytest
from body_model_building.archive import save_npz


def test_bytes_depend_on_the_content_alone(tmp_path):
    arrays = {'b': np.arange(6.0).reshape(2, 3).T, 'a': np.array(['left', 'right']), 'text': np.array('CC0')}
    size = save_npz(tmp_path / 'deep/one.npz', arrays)
    save_npz(tmp_path / 'two.npz', arrays)
    content = (tmp_path / 'deep/one.npz').read_bytes()
    assert content == (tmp_path / 'two.npz').read_bytes() and len(content) == size
    with np.load(tmp_path / 'two.npz', allow_pickle=False) as loaded:
        assert loaded.files == ['b', 'a', 'text']
        np.testing.assert_array_equal(loaded['b'], arrays['b'])
        assert str(loaded['text']) == 'CC0'


def test_objects_are_refused_and_nothing_half_written_stays(tmp_path):
    with pytest.raises(ValueError, match='bad: a plain array expected'):
        save_npz(tmp_path / 'x.npz', {'good': np.zeros(3), 'bad': np.array([{}], dtype=object)})
    assert not list(tmp_path.iterdir())
