import json

import numpy as np
import pytest
from mmengine.config import Config
from tiny_body import tiny_arrays, write_tiny_body

from mmxas.datasets.shared_parts import share_config
from mmxas.registry import BODY_MODELS, DATASETS
from mmxas.species.new_project import body_spec, write_folder, write_project
from mmxas.synthesis import PairGenerator

FREE = 'projects/animal/data/FREE_DOG.npz'
FILES = {'README.md', 'configs/xas_boxes.py', 'configs/xas_boxes_photos.py', 'data/keypoints.json',
         'data/pose_prior.json', 'data/skeleton.json'}


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}


def test_the_folder(body_file, tmp_path):
    project = write_project('boxes', body_file, tmp_path / 'boxes', shape={'tall': 1.5})
    assert files_of(project.folder) == FILES
    assert (project.num_keypoints, project.num_joints, project.derived) == (8, 7, ('skeleton', 'prior'))
    assert (project.size, project.warning) == (pytest.approx(1.14 + 0.2 * 1.5), '')
    readme = (project.folder / 'README.md').read_text()
    assert '| mean shape | tall +1.5 |' in readme and '$' not in readme
    assert [path.name for path in tmp_path.iterdir()] == ['boxes']


def test_its_config_makes_pairs_of_the_shaped_body(body_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = Config.fromfile(write_project('boxes', body_file, shape={'tall': 1.5}).config)
    share_config(config)
    generator = config.train_dataloader.dataset.synthetic.generator
    assert 'mmxas' in config.custom_imports.imports and '_delete_' not in str(config.train_dataloader)
    body = BODY_MODELS.build(generator.body_model[0])
    np.testing.assert_allclose(body.joint_template[5, 1], -0.6 - 1.5 * 0.2, atol=1e-6)
    pair = PairGenerator.from_config(generator, image_size=48).generate(0)
    assert pair.keypoints_cam.shape == (8, 3) and pair.pose.shape == (7, 3)
    target = config.train_dataloader.dataset.target
    DATASETS.build(dict(target, data_root=None, num=2, pipeline=[]))  # rendered when asked for
    assert 'num_keypoints' not in config.model.head and config.test_evaluator.get('groups') is None


def test_the_config_of_photos(project):
    config = Config.fromfile(project / 'configs/xas_boxes_photos.py')
    target = config.train_dataloader.dataset.target
    assert target.type == 'ImageFolderDataset' and target.data_root.endswith('configs/../photos/train/images')
    assert 'skeleton' not in target and config.model.skeleton.endswith('data/skeleton.json')
    assert config.test_evaluator.type == 'MaskIoUMetric'


def test_given_skeleton_keypoints_and_prior(tmp_path):
    data = 'projects/animal/data'
    project = write_project('mine', FREE, tmp_path / 'mine', f'{data}/dog26.json', f'{data}/dog_keypoints.json',
                            f'{data}/dog_pose_prior.json', {'leg_length': 1.3})
    assert (project.num_keypoints, project.derived) == (26, ())
    limits = json.loads((project.folder / 'data/pose_prior.json').read_text())['limits']
    assert limits['Head']['y'] == [-30, 0, 40]
    assert f"model_path='{FREE}'" in project.config.read_text()  # found in any checkout
    assert json.loads((project.folder / 'data/skeleton.json').read_text())['keypoints'][2] == 'withers'


def test_what_exists_is_left_alone(body_file, project):
    before = (project / 'README.md').read_text()
    with pytest.raises(FileExistsError, match='boxes exists and is left as it is'):
        write_project('other', body_file, project)
    assert (project / 'README.md').read_text() == before


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(name='My species'), "'My species': a name of lower-case letters"),
    (dict(keypoints='k.json'), 'k.json: keypoint definitions need a skeleton'),
    (dict(skeleton='h36m18'), "keypoint 'right_hip' needs right_hip; the body has the joints root, chest"),
    (dict(shape={'long': 1}), r'shape long=1: a finite value of one of the 2 shape components \(tall, wide\) expected'),
    (dict(shape={'tall': float('nan')}), 'shape tall=nan: a finite value'),
    (dict(prior='smpl_pose_prior'), '24 joints, of which number 0'),
    (dict(body_model='gone.npz'), 'gone.npz: no such body model file')])
def test_bad_input_leaves_nothing(body_file, tmp_path, changes, message):
    arguments = dict(name='boxes', body_model=body_file, out=tmp_path / 'boxes') | changes
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        write_project(**arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('change', 'message'), [
    (dict(parents=[0, 2, 1]), 'has a cycle: head -> chest -> head'),
    (dict(parents=[0, 0, 2]), "'chest' does not reach the root"),
    (dict(flip_pairs=[[1, 2], [2, 0]]), 'flip_pairs must be mutual'),
    (dict(flip_pairs=[]), 'no flip pair has an unpaired keypoint as parent')])
def test_a_broken_skeleton_is_refused(body_file, tmp_path, change, message):
    spec = dict(name='x', keypoints=['root', 'head', 'chest'], parents=[0, 0, 0]) | change
    (tmp_path / 'skeleton.json').write_text(json.dumps(spec))
    with pytest.raises(ValueError, match=message):
        write_project('boxes', body_file, tmp_path / 'boxes', skeleton=tmp_path / 'skeleton.json')
    assert not (tmp_path / 'boxes').exists()


def test_keypoints_that_are_not_defined(body_file, tmp_path):
    (tmp_path / 'k.json').write_text(json.dumps({'keypoints': {'root': 'root'}}))
    (tmp_path / 's.json').write_text(json.dumps(dict(name='x', keypoints=['root', 'tip'], parents=[0, 0])))
    with pytest.raises(ValueError, match="k.json: the keypoints tip of the skeleton 'x' are not defined"):
        write_project('boxes', body_file, tmp_path / 'boxes', tmp_path / 's.json', tmp_path / 'k.json')


def test_a_body_without_names_is_refused(tmp_path):
    path = write_tiny_body(tmp_path)
    arrays = {key: value for key, value in tiny_arrays().items() if key != 'joint_names'}
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match='no joint_names; write the names of its 7 joints'):
        body_spec(path)


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    write_folder(tmp_path / 'a' / 'b', {'x/y.txt': '1', 'z.txt': '2'})
    assert files_of(tmp_path / 'a' / 'b') == {'x/y.txt', 'z.txt'}
    with pytest.raises(TypeError):
        write_folder(tmp_path / 'c', {'x.txt': '1', 'y.txt': 2})
    assert [path.name for path in tmp_path.iterdir()] == ['a']
