"""Against scipy's rotations, smplx where it is installed, and what holds for any tree."""
import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from mmxas.ops import skinning

PARENTS = torch.tensor([-1, 0, 0, 1, 3])


@pytest.fixture
def body():
    generator = torch.Generator().manual_seed(0)
    pose = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    joints = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    return skinning.batch_rodrigues(pose.view(-1, 3)).view(2, 5, 3, 3), joints


def test_rotations_are_scipys():
    vectors = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = torch.from_numpy(Rotation.from_rotvec(vectors.numpy()).as_matrix())
    torch.testing.assert_close(skinning.batch_rodrigues(vectors), expected, rtol=0, atol=1e-7)
    torch.testing.assert_close(skinning.batch_rodrigues(torch.zeros(1, 3)), torch.eye(3)[None])
    quarter = skinning.batch_rodrigues(torch.tensor([[0.0, 0, math.pi / 2]]))[0] @ torch.tensor([1.0, 0, 0])
    torch.testing.assert_close(quarter, torch.tensor([0.0, 1, 0]), rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=r'\(M, 3\) expected, \(2, 4\) found'):
        skinning.batch_rodrigues(torch.zeros(2, 4))


def test_transforms_take_resting_joints_to_posed_ones(body):
    rotations, joints = body
    posed, transforms = skinning.batch_rigid_transform(rotations, joints, PARENTS)
    rest = torch.cat([joints, torch.ones(2, 5, 1, dtype=joints.dtype)], -1)
    torch.testing.assert_close((transforms @ rest[..., None])[..., :3, 0], posed)
    for joint in range(1, 5):
        bone = [points[:, joint] - points[:, PARENTS[joint]] for points in (joints, posed)]
        torch.testing.assert_close(bone[0].norm(dim=-1), bone[1].norm(dim=-1))


def test_at_rest_nothing_moves(body):
    joints = body[1]
    posed, transforms = skinning.batch_rigid_transform(torch.eye(3, dtype=joints.dtype).expand(2, 5, 3, 3), joints,
                                                       PARENTS)
    torch.testing.assert_close(posed, joints)
    torch.testing.assert_close(transforms, torch.eye(4, dtype=joints.dtype).expand(2, 5, 4, 4))


def test_all_agree_with_smplx(body):
    lbs = pytest.importorskip('smplx.lbs')
    rotations, joints = body
    for own, other in zip(skinning.batch_rigid_transform(rotations, joints, PARENTS),
                          lbs.batch_rigid_transform(rotations, joints, PARENTS, dtype=torch.float64), strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=1e-12)
    betas, directions = torch.randn(2, 4), torch.randn(7, 3, 4)
    torch.testing.assert_close(skinning.blend_shapes(betas, directions), lbs.blend_shapes(betas, directions))
    vectors = torch.randn(9, 3, dtype=torch.float64)
    torch.testing.assert_close(skinning.batch_rodrigues(vectors), lbs.batch_rodrigues(vectors), rtol=0, atol=1e-14)


def test_gradients(body):
    vectors = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(skinning.batch_rodrigues, vectors)
