from pathlib import Path

import pytest

from mmxas.body_models import BodyModelNotFoundError, SMPLBodyModel

FAMILY = SMPLBodyModel.FAMILY


@pytest.fixture(autouse=True)
def _empty_working_directory(tmp_path, monkeypatch):
    (tmp_path / 'work').mkdir()
    monkeypatch.chdir(tmp_path / 'work')
    monkeypatch.delenv(FAMILY.environment_variable, raising=False)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_family_is_complete():
    assert len(FAMILY.joint_names) == 24 and FAMILY.joint_names[18] == 'left_elbow'
    for table in (FAMILY.free_files, FAMILY.file_names):
        assert set(table) == set(FAMILY.genders)


@pytest.mark.parametrize('gender', FAMILY.genders)
def test_free_files_ship(gender):
    path = FAMILY.find('free', gender)
    assert path.is_file() and gender.upper() in path.name and path.stat().st_size < 1 << 20


@pytest.mark.parametrize(('gender', 'name'), [
    ('neutral', 'basicModel_neutral_lbs_10_207_0_v1.0.0.pkl'), ('male', 'basicmodel_m_lbs_10_207_0_v1.0.0.pkl'),
    ('female', 'basicModel_f_lbs_10_207_0_v1.0.0.pkl'), ('neutral', 'SMPL_NEUTRAL.pkl'), ('male', 'SMPL_MALE.npz'),
])
def test_official_names_are_found(tmp_path, monkeypatch, gender, name):
    path = touch(tmp_path / 'models' / name)
    assert FAMILY.find(tmp_path / 'models', gender) == path
    assert FAMILY.find(path, 'female') == path  # a file is taken as it is
    monkeypatch.setenv('SMPL_MODEL_DIR', str(tmp_path / 'models'))
    assert FAMILY.find('official', gender) == path


def test_usual_folders_are_searched(tmp_path):
    path = touch(Path('data/body_models/smpl/SMPL_NEUTRAL.pkl'))
    assert FAMILY.find('official') == path
    below = touch(tmp_path / 'models/smpl/SMPL_FEMALE.pkl')
    assert FAMILY.find(tmp_path / 'models', 'female') == below


def test_missing_files_say_where_and_how(tmp_path, monkeypatch):
    monkeypatch.setenv('SMPL_MODEL_DIR', str(tmp_path / 'mine'))
    with pytest.raises(BodyModelNotFoundError) as info:
        FAMILY.find('official', 'male')
    for part in ('SMPL, male', 'basicmodel_m_lbs_10_207_0_v1.0.0.pkl', str(tmp_path / 'mine'), 'data/body_models/smpl',
                 'https://smpl.is.tue.mpg.de', 'SMPL_MODEL_DIR', "model_path='free'"):
        assert part in str(info.value)
    with pytest.raises(BodyModelNotFoundError, match=r'Looked for mine\.pkl in nowhere'):
        FAMILY.find('nowhere/mine.pkl')


def test_unknown_gender():
    with pytest.raises(ValueError, match="SMPL: gender 'other' unknown, one of neutral, male, female expected"):
        FAMILY.find('free', 'other')


def test_regressors_lie_beside_the_model_or_in_the_usual_folders(tmp_path):
    model = touch(tmp_path / 'a/SMPL_NEUTRAL.pkl')
    assert FAMILY.find_regressor('h36m', model) is None
    usual = touch(Path('data/smpl/J_regressor_h36m.npy'))
    assert FAMILY.find_regressor('h36m', model) == usual
    beside = touch(tmp_path / 'a/J_regressor_h36m.npy')
    assert FAMILY.find_regressor('h36m', model) == beside
    assert FAMILY.find_regressor('unknown', model) is None
