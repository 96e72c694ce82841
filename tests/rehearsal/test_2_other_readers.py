"""Somebody else's reader reads the miniatures, too, and sees what the converters made of them."""
import importlib.util
import json
import pickle
import sys
import types
from pathlib import Path

import cdflib
import h5py
import mmpose
import numpy as np
import pytest
from scipy.io import loadmat

from mmxas.body_models import SMPLBodyModel

from .miniatures import bodies, mpi_inf_3dhp
from .workshop import Workshop

MMPOSE_TOOLS = Path(mmpose.__file__).parent / '.mim/tools/dataset_converters'


def load_script(name: str) -> types.ModuleType:
    """One of mmpose's scripts."""
    spec = importlib.util.spec_from_file_location(f'mmpose_{name}', MMPOSE_TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def prepared(workshop: Workshop) -> Workshop:
    """All downloads and what the converters made of them."""
    workshop.prepared()
    return workshop


class CDF:
    """spacepy's ``pycdf.CDF`` as mmpose's script uses it, which needs NASA's library: cdflib reads in its place."""

    def __init__(self, path: str) -> None:
        self.file = cdflib.CDF(path)

    def __enter__(self) -> 'CDF':
        return self

    def __exit__(self, *_) -> None:
        pass

    def __getitem__(self, name: str) -> np.ndarray:
        return self.file.varget(name)


def test_mmposes_script_for_human36m_makes_the_same_annotations(prepared, tmp_path, monkeypatch):
    pycdf = types.ModuleType('spacepy.pycdf')
    pycdf.CDF = CDF
    spacepy = types.ModuleType('spacepy')
    spacepy.pycdf = pycdf
    monkeypatch.setitem(sys.modules, 'spacepy', spacepy)
    monkeypatch.setitem(sys.modules, 'spacepy.pycdf', pycdf)
    archive = prepared.path('downloads/Human3.6M')
    script = load_script('preprocess_h36m').PreprocessH36m(
        archive / 'metadata.xml', archive, extracted_dir=archive, processed_dir=tmp_path)
    for subject, table in script.sequence_mappings.items():  # a miniature has one take of an action, and not of all
        script.sequence_mappings[subject] = {key: name for key, name in table.items() if name}
    (tmp_path / 'annotation_body3d').mkdir()
    script.generate_cameras_file()
    script.generate_annotations()
    own = prepared.path('data/h36m/annotation_body3d')
    theirs, ours = (pickle.loads((folder / 'cameras.pkl').read_bytes())
                    for folder in (tmp_path / 'annotation_body3d', own))
    assert set(theirs) == set(ours) and len(ours) == 44
    for key, camera in ours.items():
        assert {name: np.round(value, 9).tolist() if name in 'RTcfkp' else value for name, value in camera.items()} == {
            name: np.round(value, 9).tolist() if name in 'RTcfkp' else value for name, value in theirs[key].items()}
    for split in ('train', 'test'):
        with np.load(tmp_path / f'annotation_body3d/fps10/h36m_{split}.npz') as file:
            theirs = dict(file)
        with np.load(own / f'fps10/h36m_{split}.npz') as file:
            ours = dict(file)
        assert theirs['imgname'].tolist() == ours['imgname'].tolist()
        if split == 'train':  # its script keeps the poses behind a video's end, and so has more poses than images
            assert len(theirs['S']) == len(ours['S']) + 4
            continue
        for key in ('center', 'scale'):
            np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-5)
        for key in ('part', 'S'):
            np.testing.assert_allclose(ours[key][..., :-1], theirs[key][..., :-1], rtol=1e-5, atol=1e-6)


def test_mmposes_script_for_mpi_inf_3dhp_makes_the_same_annotations(prepared, tmp_path, monkeypatch):
    script = load_script('preprocess_mpi_inf_3dhp')
    root = tmp_path / 'root'
    root.mkdir()
    for part in ('train', 'test'):
        (root / part).symlink_to(prepared.path('downloads/MPI-INF-3DHP'))
    monkeypatch.setattr(script.mmcv, 'track_iter_progress', iter, raising=False)  # mmcv 2 has none any more
    monkeypatch.setattr(script, 'train_cams', [0, 4])
    monkeypatch.setattr(script, 'train_frame_nums', {
        (subject, sequence): mpi_inf_3dhp.frames(f'S{subject}') for subject in range(1, 9) for sequence in (1, 2)})
    monkeypatch.setattr(script, 'test_frame_nums', dict.fromkeys(range(1, 7), 2))
    script.load_trainset(root, tmp_path)
    script.load_testset(root, tmp_path)
    own = prepared.path('data/mpi_inf_3dhp/annotations')
    with np.load(tmp_path / 'annotations/mpi_inf_3dhp_train.npz') as file:
        theirs = dict(file)
    with np.load(own / 'mpi_inf_3dhp_train.npz') as file:
        ours = dict(file)
    row = {name: i for i, name in enumerate(theirs['imgname'].tolist())}
    both = [(i, row[name]) for i, name in enumerate(ours['imgname'].tolist()) if name in row]
    assert len(both) == 2 * (2 * 2 * 2 + 6 * 2)  # cameras x (of S1 and S7 two frames of two sequences, of others one)
    ours_rows, their_rows = map(list, zip(*both, strict=True))
    np.testing.assert_allclose(ours['S'][ours_rows][:, script.joints_17, :3], theirs['S'][their_rows][..., :3],
                               rtol=1e-6, atol=1e-6)
    with np.load(tmp_path / 'annotations/mpi_inf_3dhp_test_valid.npz') as file:
        theirs = dict(file)
    with np.load(own / 'mpi_inf_3dhp_test.npz') as file:
        ours = dict(file)
    assert theirs['imgname'].tolist() == ours['imgname'].tolist() and len(ours['imgname']) == 6
    np.testing.assert_allclose(ours['S'][..., :3], theirs['S'][..., :3], rtol=1e-6)
    for name in ('cameras_train.pkl', 'cameras_test.pkl'):
        theirs, ours = (pickle.loads((folder / name).read_bytes()) for folder in (tmp_path / 'annotations', own))
        for key in set(theirs) & set(ours):
            for part in set(theirs[key]) & set(ours[key]) - {'name'}:
                np.testing.assert_allclose(ours[key][part], theirs[key][part], rtol=1e-4, err_msg=f'{key} {part}')


def test_smplx_poses_the_official_file_alike(prepared, monkeypatch):
    """With stand-ins for chumpy's arrays, which smplx would have removed before."""
    import smplx
    import torch

    class Ch:
        shape = property(lambda self: self.x.shape)

        def __getitem__(self, key):
            return self.x[key]

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.x, dtype)

    chumpy, module = types.ModuleType('chumpy'), types.ModuleType('chumpy.ch')
    module.Ch, chumpy.ch = Ch, module
    monkeypatch.setitem(sys.modules, 'chumpy', chumpy)
    monkeypatch.setitem(sys.modules, 'chumpy.ch', module)
    folder = prepared.path('data/body_models/smpl')
    pose, betas = 0.2 * torch.randn(2, 24, 3), torch.randn(2, 10)
    for gender in ('female', 'male', 'neutral'):
        theirs = smplx.SMPL(str(folder / bodies.SMPL_FILES[gender]), gender=gender)
        assert theirs.get_num_verts() == 6890 and theirs.get_num_faces() == 13776
        seen = theirs(global_orient=pose[:, :1].reshape(2, 3), body_pose=pose[:, 1:].reshape(2, 69), betas=betas)
        vertices, _ = SMPLBodyModel(model_path=str(folder), gender=gender)(pose, betas)
        np.testing.assert_allclose(vertices.numpy(), seen.vertices.detach().numpy(), atol=1e-5)


def test_cdflib_and_h5py_read_the_archive_of_human36m(prepared):
    features = prepared.path('downloads/Human3.6M/S1')
    name = 'TakingPhoto 1.55011271'
    pose = cdflib.CDF(str(features / f'MyPoseFeatures/D3_Positions_mono/{name}.cdf')).varget('Pose')
    assert pose.shape == (1, 2, 96) and 4000 < pose[..., 2].mean() < 6000
    with h5py.File(features / f'MySegmentsMat/ground_truth_bs/{name}.mat') as file:
        masks = [np.array(file[reference]).T for reference in file['Masks'][:, 0]]
    assert len(masks) == 2 and masks[0].shape == (1000, 1000) and 0.01 < masks[0].mean() < 0.3


def test_scipy_reads_the_official_file_of_mpii(prepared):
    release = loadmat(prepared.path('mpii_human_pose_v1_u12_1.mat'))['RELEASE'][0, 0]
    assert release['annolist'].shape == (1, 7) and release['img_train'][0, -1] == 0
    body = release['annolist'][0, 0]['annorect'][0, 0]
    assert body['annopoints']['point'][0, 0].shape == (1, 16)
    assert release['annolist'][0, 1]['annorect'].shape == (1, 2)
    assert release['annolist'][0, 1]['annorect'][0, 1]['annopoints'].size == 0


def test_the_miniatures_agree_with_true_samples(prepared, samples):
    """File names, keys, shapes and dtypes of mmpose's own samples."""
    for ours, theirs in (('h36m/annotation_body3d/fps10/h36m_train.npz', 'h36m/test_h36m_body3d.npz'),
                         ('mpi_inf_3dhp/annotations/mpi_inf_3dhp_train.npz', 'mpi_inf_3dhp/test_3dhp_train.npz')):
        with np.load(prepared.path('data') / ours) as own, np.load(samples / theirs) as true:
            assert set(true.files) <= set(own.files)
            for key in set(true.files) - {'imgname'}:
                assert own[key].dtype == true[key].dtype and own[key].ndim == true[key].ndim
                assert 0.3 < np.median(abs(own[key])) / np.median(abs(true[key])) < 3, key
            pattern = [''.join('0' if c.isdigit() else c for c in name) for name in true['imgname'].tolist()]
            assert {name.count('/') for name in pattern} == {name.count('/') for name in own['imgname'].tolist()}
    true = pickle.loads((samples / 'h36m/cameras.pkl').read_bytes())
    own = pickle.loads(prepared.path('data/h36m/annotation_body3d/cameras.pkl').read_bytes())
    assert set(true) == set(own)
    for key in true:
        assert {name: np.shape(value) for name, value in true[key].items()} == {
            name: np.shape(value) for name, value in own[key].items()}
    true, own = (json.loads(path.read_text(encoding='utf-8')) for path in (
        samples / 'stanford_extra/StanfordExtra_sample.json',
        prepared.path('data/stanford_extra/StanfordExtra_v12.json')))
    assert {key: type(value) for key, value in true[0].items()} == {key: type(value) for key, value in own[0].items()}
    assert np.shape(true[0]['joints']) == np.shape(own[0]['joints'])
