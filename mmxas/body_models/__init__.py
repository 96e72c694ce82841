"""Parametric body models: map pose and shape to a mesh and its keypoints."""
from mmxas.io.safe_pickle import UnsafePickleError, load_pickle

from .body_model_file import BodyModelFile, KeypointRegressor, read_body_model
from .model_family import BodyModelNotFoundError, ModelFamily
from .rigged_body_model import RiggedBodyModel
from .skinned_model import BodyOutput, SkinnedBodyModel
from .smal_body_model import SMALBodyModel
from .smpl_body_model import SMPLBodyModel

__all__ = [
    'BodyModelFile', 'BodyModelNotFoundError', 'BodyOutput', 'KeypointRegressor', 'ModelFamily', 'RiggedBodyModel',
    'SMALBodyModel', 'SMPLBodyModel', 'SkinnedBodyModel', 'UnsafePickleError', 'load_pickle', 'read_body_model',
]
