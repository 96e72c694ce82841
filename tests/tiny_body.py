"""A body of boxes: a trunk with a head and two legs, each box moved by its joint alone."""
from pathlib import Path

import numpy as np

JOINTS = {  # place at rest (left, up, front), m; parent
    'root': ((0.0, 0.0, 0.0), -1), 'chest': ((0.0, 0.05, 0.5), 0), 'head': ((0.0, 0.3, 0.8), 1),
    'kneeL': ((0.15, -0.3, 0.0), 0), 'kneeR': ((-0.15, -0.3, 0.0), 0),
    'footL': ((0.15, -0.6, 0.05), 3), 'footR': ((-0.15, -0.6, 0.05), 4)}
HALF = 0.12
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
BOX = np.array([[0, 1, 3], [0, 3, 2], [4, 7, 5], [4, 6, 7], [0, 5, 1], [0, 4, 5], [2, 3, 7], [2, 7, 6], [0, 2, 6],
                [0, 6, 4], [1, 5, 7], [1, 7, 3]])


def tiny_arrays() -> dict[str, np.ndarray]:
    """Arrays of the body's file; shape component ``tall`` lengthens the legs, ``wide`` widens everything."""
    places = np.array([place for place, _ in JOINTS.values()])
    count = len(JOINTS)
    vertices = (places[:, None] + HALF * CORNERS).reshape(-1, 3)
    weights = np.repeat(np.eye(count), 8, axis=0)
    shapedirs = np.zeros((len(vertices), 3, 2))
    shapedirs[:, 1, 0] = np.repeat([0, 0, 0, -0.1, -0.1, -0.2, -0.2], 8)
    shapedirs[:, 0, 1] = 0.1 * vertices[:, 0]
    return dict(
        v_template=vertices, f=(8 * np.arange(count)[:, None, None] + BOX).reshape(-1, 3), shapedirs=shapedirs,
        J_regressor=weights.T / 8, weights=weights, joint_names=np.array(list(JOINTS)),
        kintree_table=np.array([[parent for _, parent in JOINTS.values()], range(count)]),
        beta_names=np.array(['tall', 'wide']), vertex_names=np.array(['nose']), vertex_index=np.array([8 * 2 + 7]))


def write_tiny_body(folder: Path, **changes: np.ndarray) -> Path:
    """Write the body's file, some arrays replaced; the landmark ``nose`` lies on the plane of symmetry."""
    arrays = tiny_arrays()
    arrays['v_template'][arrays['vertex_index'], 0] = 0
    arrays.update(changes)
    path = Path(folder) / 'body.npz'
    np.savez(path, **arrays)
    return path
