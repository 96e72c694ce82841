"""The body of boxes, and a project made of it."""
from pathlib import Path

import pytest
from tiny_body import write_tiny_body

from mmxas.body_models.rigged_body_model import RiggedBodyModel
from mmxas.species import write_project


@pytest.fixture(scope='session')
def body_file(tmp_path_factory) -> Path:
    return write_tiny_body(tmp_path_factory.mktemp('body'))


@pytest.fixture(scope='session')
def body(body_file) -> RiggedBodyModel:
    return RiggedBodyModel(body_file)


@pytest.fixture
def project(body_file, tmp_path) -> Path:
    return write_project('boxes', body_file, tmp_path / 'boxes').folder
