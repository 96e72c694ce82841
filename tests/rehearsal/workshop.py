"""A folder where a reader of the docs works: a checkout, the downloads, and what the commands make of them."""
from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from .docs_commands import ROOT, Command, commands, in_little
from .miniatures import bodies, h36m, mpi_inf_3dhp, others

DOCS = ROOT / 'docs'
FOLDERS = ('MMXAS_DATA_DIR', 'MMXAS_RENDERED_DIR', 'SMPL_MODEL_DIR', 'SMAL_MODEL_DIR')
PREPARATION = [command for command in commands(DOCS / 'data_preparation.md')
               if command.tool.startswith('tools/dataset_converters')]
# Masks by a segmenter are the page's other way to what `--masks` writes.
NOT_REHEARSED = [command for command in commands(DOCS / 'data_preparation.md') if 'generate_masks' in command.text]


class Workshop:
    """Writes each download when it is first asked for, and runs each command of the docs.

    Args:
        root: An empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root, self.made = root, set()
        for name in ('configs', 'projects', 'tools', 'mmxas'):
            (root / name).symlink_to(ROOT / name)

    def path(self, name: str) -> Path:
        """A file or folder below the working directory."""
        return self.root / name

    def once(self, what: str) -> bool:
        """Whether ``what`` is asked for the first time."""
        new = what not in self.made
        self.made.add(what)
        return new

    def prepared(self) -> None:
        """Every download, and what the docs' converters make of it."""
        self.models()
        for command in PREPARATION:
            self.download(command.section)
            if self.once(command.text):
                self.run(command)
        for section in ('TikTok', 'The layout that the authors use', 'StanfordExtra', 'masks of Human3.6M'):
            self.download(section)

    def models(self) -> None:
        """Body models, textures and ImageNet weights, where docs/body_models.md says."""
        if self.once('models'):
            bodies.write_smpl(self.path('data/body_models/smpl'))
            bodies.write_uv(self.path('data/body_models/smpl/smpl_uv.obj'))
            bodies.write_smal(self.path('data/body_models/smal'))
            bodies.write_textures(self.path('data/textures'))
            others.write_imagenet_weights(self.path('torch'))

    def download(self, section: str) -> None:
        """What a section of docs/data_preparation.md starts from."""
        archive = self.path('archive')
        if archive.is_symlink():
            archive.unlink()
        folder = self.path('downloads') / section
        if section in ('Human3.6M', 'MPI-INF-3DHP'):
            archive.symlink_to(folder)
        if not self.once(f'download {section}'):
            return
        match section:
            case 'Human3.6M':
                h36m.write_archive(folder)
            case 'The layout that the authors use':
                h36m.write_matlab_layout(self.path('data/hm36'), self.path('data/sam_masks/h36m'))
            case 'masks of Human3.6M':
                h36m.write_masks_beside(self.path('data/h36m'))
            case 'MPI-INF-3DHP':
                mpi_inf_3dhp.write_archive(folder)
            case 'MPII':
                others.write_mpii(self.path('mpii_human_pose_v1_u12_1.mat'), self.path('data/mpii'),
                                  self.path('val.txt'))
            case 'TikTok':
                others.write_tiktok(self.path('data/tiktok'))
            case 'SURREAL':
                self.models()
                others.write_surreal(self.path('SURREAL/data/cmu/train'), self.path('data/body_models/smpl'))
            case 'StanfordExtra':
                others.write_stanford_extra(self.path('data/stanford_extra'))
                others.write_horses(self.path('data/horses'))

    def run(self, command: Command, process: bool = False) -> None:
        """Run a command in little: by the tool's ``main``, or as a process of its own, as scripts of the shell are."""
        words = in_little(command)
        if process or command.tool.endswith('.sh'):
            self._run_process(words)
        else:
            self._run_here(words)

    def _run_here(self, words: list[str]) -> None:
        spec = importlib.util.spec_from_file_location(f'tool_{Path(words[0]).stem}', self.root / words[0])
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        with self.inside(), _arguments(words), warnings.catch_warnings():
            status = tool.main()
        gc.collect()
        assert not status, f'{" ".join(words)}: status {status}'

    def _run_process(self, words: list[str]) -> None:
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        environment = {**self.environment, 'PYTHON': sys.executable, 'PORT': str(port)}
        program = [sys.executable, *words] if words[0].endswith('.py') else words
        done = subprocess.run(program, cwd=self.root, env=environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=900)
        assert done.returncode == 0, f'{" ".join(words)}: status {done.returncode}\n{done.stdout[-4000:]}'

    @property
    def environment(self) -> dict[str, str]:
        """What the commands find in their environment: no folder of data but the docs' own."""
        kept = {name: value for name, value in os.environ.items() if name not in FOLDERS}
        return {**kept, 'TORCH_HOME': str(self.path('torch')), 'LOCAL_RANK': '0',
                'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])}

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """The working directory and environment of the commands."""
        before, folder, now = dict(os.environ), os.getcwd(), self.environment
        _set_environment(now)
        os.chdir(self.root)
        try:
            yield
        finally:
            os.chdir(folder)
            _set_environment(before)


def _set_environment(variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


@contextlib.contextmanager
def _arguments(words: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = words
    try:
        yield
    finally:
        sys.argv = before
