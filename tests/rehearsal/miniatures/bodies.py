"""SMPL's files, SURREAL's textures and SMAL's files.

Layouts:

* ``basicModel_{f,m}_lbs_10_207_0_v1.0.0.pkl`` (SMPL for Python, smpl.is.tue.mpg.de): a pickle of protocol 2 that Python
  2 wrote with chumpy; keys and shapes as smplx 0.1.28 (``smplx/body_models.py``, ``tools/README.md``: "remove chumpy
  objects") and chumpy's users read them: 6890 vertices, 13776 faces of uint32, ``shapedirs`` a chumpy array,
  ``J_regressor`` a sparse matrix, the root's parent 2^32 - 1, no texture coordinates.
* ``smpl_uv.obj`` (same page, "UV map in OBJ format"): v, vt and ``f v/vt`` lines from 1, in the order of the model's
  faces.
* ``J_regressor_h36m.npy``: (17, 6890), the community's file (HMR, SPIN), its right arm before the left.
* Textures: SURREAL's ``smpl_data/textures`` (github.com/gulvarol/surreal, ``datageneration/main_part1.py``): folders
  ``female`` and ``male`` with 512 px jpg files, and lists such as ``female_train.txt`` that name them by split.
* ``smal_CVPR2017.pkl`` with ``smal_CVPR2017_data.pkl`` (smal.is.tue.mpg.de; SMALify, ``smal_model/smal_torch.py``):
  3889 vertices, 7774 faces, 35 joints, 41 shape components, and the families' means and covariances.

Contents: the free bodies, split or collapsed to the official numbers of vertices, and noise.
"""
from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from scipy import sparse
from test_io.pickle_writer import chumpy_array, old_array, old_sparse, write_pickle

from mmxas.body_models import SMALBodyModel, SMPLBodyModel

from .meshes import collapse_edges, largest_part, renumber, split_edges

SMPL_FILES = {'female': 'basicModel_f_lbs_10_207_0_v1.0.0.pkl', 'male': 'basicmodel_m_lbs_10_207_0_v1.0.0.pkl',
              'neutral': 'basicModel_neutral_lbs_10_207_0_v1.0.0.pkl'}
VERTICES, FACES = 6890, 13776
COMMUNITY_ROWS = SMPLBodyModel.FAMILY.regressor_rows['h36m']
TEXTURES = 3  # of each gender and split
FAMILIES = 5  # cat, dog, horse, cow, hippo


@cache
def smpl_arrays(gender: str) -> dict[str, np.ndarray]:
    """The free body of a gender with SMPL's numbers of vertices and faces."""
    with np.load(SMPLBodyModel.FAMILY.find('free', gender)) as file, \
            np.load(SMPLBodyModel.FAMILY.find('free', 'neutral')) as neutral:
        arrays = split_edges(largest_part(dict(file)), VERTICES, largest_part(dict(neutral))['v_template'])
    assert arrays['f'].shape == (FACES, 3)
    return arrays


def write_smpl(folder: Path) -> Path:
    """Write the three official pickles and the community's regressor."""
    folder.mkdir(parents=True)
    for gender, name in SMPL_FILES.items():
        (folder / name).write_bytes(write_pickle(_smpl_pickle(gender)))
    arrays = smpl_arrays('neutral')
    rows = [arrays['J_regressor_h36m_names'].tolist().index(row) for row in COMMUNITY_ROWS]
    np.save(folder / 'J_regressor_h36m.npy', arrays['J_regressor_h36m'][rows])
    return folder


def _smpl_pickle(gender: str) -> dict[bytes, object]:
    arrays, rng = smpl_arrays(gender), np.random.default_rng(0)
    joints = sparse.csc_matrix(arrays['J_regressor'])
    table = arrays['kintree_table'].astype(np.int64)
    table[0, 0] = 2 ** 32 - 1
    return {
        b'J_regressor_prior': old_sparse(joints), b'f': old_array(arrays['f'].astype(np.uint32)),
        b'J_regressor': old_sparse(joints), b'kintree_table': old_array(table),
        b'J': chumpy_array(joints @ arrays['v_template']), b'weights_prior': old_array(arrays['weights']),
        b'weights': old_array(arrays['weights']), b'vert_sym_idxs': old_array(np.arange(VERTICES)),
        b'posedirs': old_array(rng.normal(0, 1e-4, (VERTICES, 3, 207))),
        b'v_template': old_array(arrays['v_template']), b'shapedirs': chumpy_array(arrays['shapedirs']),
        b'bs_style': b'lbs', b'bs_type': b'lrotmin'}


def write_uv(path: Path) -> Path:
    """Write ``smpl_uv.obj``, the one that belongs to all genders."""
    arrays = smpl_arrays('neutral')
    lines = ['# Blender v2.82 (sub 7) OBJ File', 'mtllib smpl_uv.mtl', 'o smpl']
    lines += [f'v {x:.6f} {y:.6f} {z:.6f}' for x, y, z in arrays['v_template']]
    lines += [f'vt {u:.6f} {v:.6f}' for u, v in arrays['vt']]
    lines += ['usemtl None', 's off']
    lines += ['f ' + ' '.join(f'{v + 1}/{t + 1}' for v, t in zip(face, corners, strict=True))
              for face, corners in zip(arrays['f'], arrays['ft'], strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    return path


def write_textures(folder: Path) -> Path:
    """Write textures by gender: reds for female and blues for male, those of the test split bright green."""
    for number, gender in enumerate(('female', 'male')):
        (folder / gender).mkdir(parents=True)
        for place, split in enumerate(('train', 'val', 'test')):
            names = [f'{kind}_{gender}_{TEXTURES * place + i:04d}.jpg'
                     for i, kind in enumerate(['nongrey', 'nongrey', 'grey'])]
            for i, name in enumerate(names):
                image = np.random.default_rng(i).integers(0, 60, (512, 512, 3), np.uint8)
                image[..., 1 if split == 'test' else 2 - 2 * number] += 150
                cv2.imwrite(str(folder / gender / name), image)
            (folder / f'{gender}_{split}.txt').write_text(
                ''.join(f'textures/{gender}/{name}\n' for name in names), encoding='utf-8')
    return folder


@cache
def smal_arrays() -> dict[str, np.ndarray]:
    """The free dog with SMAL's numbers of vertices and faces, its landmarks where SMAL has them."""
    with np.load(SMALBodyModel.FAMILY.find('free')) as file:
        arrays = dict(file)
    old = dict(zip(arrays['vertex_names'].tolist(), arrays['vertex_index'].tolist(), strict=True))
    collapsed, stay = collapse_edges(arrays, 3889, set(old.values()))
    from mmxas.body_models.smal_variants import landmarks
    number = {int(vertex): place for place, vertex in enumerate(stay)}
    return renumber(collapsed, {number[old[name]]: place for name, place in landmarks(3889).items() if name in old})


def write_smal(folder: Path) -> Path:
    """Write ``smal_CVPR2017.pkl`` and its data; a unit is 0.6 m there."""
    arrays, rng = smal_arrays(), np.random.default_rng(0)
    unit, count = 0.6, len(arrays['v_template'])
    shapedirs = np.zeros((count, 3, 41))
    shapedirs[..., :13] = arrays['shapedirs'][..., :13] / unit
    joints = sparse.csc_matrix(arrays['J_regressor'])
    table = arrays['kintree_table'].astype(np.int64)
    table[0, 0] = 2 ** 32 - 1
    content = {
        b'f': old_array(arrays['f'].astype(np.uint32)), b'J_regressor': old_sparse(joints),
        b'kintree_table': old_array(table), b'J': old_array(joints @ arrays['v_template'] / unit),
        b'weights': old_array(arrays['weights']), b'posedirs': old_array(np.zeros((count, 3, 306))),
        b'v_template': old_array(arrays['v_template'] / unit), b'shapedirs': chumpy_array(shapedirs),
        b'bs_style': b'lbs', b'bs_type': b'lrotmin'}
    folder.mkdir(parents=True)
    (folder / 'smal_CVPR2017.pkl').write_bytes(write_pickle(content))
    means = [rng.normal(0, 0.3, 41) for _ in range(FAMILIES)]
    (folder / 'smal_CVPR2017_data.pkl').write_bytes(write_pickle({
        b'cluster_means': [old_array(mean) for mean in means],
        b'cluster_cov': [old_array(np.eye(41)) for _ in means],
        b'eigvals': old_array(np.ones(41))}))
    return folder
