import json

import pytest

from mmxas.species.default_prior import MIDDLE_LIMIT, SIDE_LIMIT, adopted_prior, check_joints, default_prior
from mmxas.synthesis.pose_sources.truncated_gaussian import read_prior_file


def test_every_axis_of_every_joint(body):
    prior = default_prior(body)
    assert prior['joints'] == list(body.joint_names) == list(prior['limits'])
    assert prior['shape'] == {'width': 2.0, 'components': 2}
    assert prior['limits']['root']['rest'] == 0 and prior['limits']['root']['y'] == [-5, 0, 5]
    assert prior['limits']['head']['z'] == [-MIDDLE_LIMIT, 0, MIDDLE_LIMIT]
    assert prior['limits']['footR']['x'] == [-SIDE_LIMIT, 0, SIDE_LIMIT]


def test_a_prior_of_the_same_joints_is_taken(body, tmp_path):
    prior = default_prior(body)
    prior['limits']['head']['x'] = [-30, 5, 40]
    file = tmp_path / 'prior.json'
    file.write_text(json.dumps(prior))
    assert adopted_prior(file, body) == prior


def test_a_prior_of_other_joints_is_refused(body, tmp_path):
    with pytest.raises(ValueError, match="24 joints, of which number 0 is 'pelvis'; .* has 7, and there 'root'"):
        adopted_prior('smpl_pose_prior', body)
    prior = default_prior(body)
    file = tmp_path / 'prior.json'
    for joints, message in ((prior['joints'][:-1], "number 6 is 'nothing'; .* there 'footR'"),
                            ([*prior['joints'], 'tail'], "number 7 is 'tail'; .* there 'nothing'")):
        file.write_text(json.dumps(dict(prior, joints=joints, limits={})))
        with pytest.raises(ValueError, match=message):
            check_joints(read_prior_file(file), body)
    file.write_text(json.dumps(dict(prior, shape=dict(width=1, components=3))))
    with pytest.raises(ValueError, match='shape.components is 3, but .* has 2'):
        adopted_prior(file, body)


def test_limits_out_of_order_are_refused(body, tmp_path):
    prior = default_prior(body)
    prior['limits']['kneeL']['y'] = [20, 0, -20]
    (tmp_path / 'prior.json').write_text(json.dumps(prior))
    with pytest.raises(ValueError, match=r'kneeL.y = \[20, 0, -20\], expected .* low <= mean <= high'):
        adopted_prior(tmp_path / 'prior.json', body)
