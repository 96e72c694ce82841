"""Packaging of mmxas, so that a wheel also brings configs, tools and requirements (``mmxas/.mim``)."""
import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# What a checkout has beside the package, and mim and our config inheritance look for inside it.
MIM_ENTRIES = ('configs', 'projects', 'tools', 'requirements', 'model-index.yml')
NOT_COPIED = ('__pycache__', '*.pyc', 'free_bodies')  # projects/free_bodies builds the shipped data files
DATA_PATTERNS = ['**/*.npz', '**/*.json', '**/*.jpg', '**/*.png', '**/*.txt', '**/*.yml', '**/*.safetensors',
                 '**/*.html', '**/*.css', '**/*.js', '**/NOTICE*']
CLASSIFIERS = [
    'Development Status :: 4 - Beta',
    'Environment :: Console',
    'Environment :: GPU :: NVIDIA CUDA',
    'Intended Audience :: Developers',
    'Intended Audience :: Science/Research',
    'License :: OSI Approved :: Apache Software License',
    'Operating System :: POSIX :: Linux',
    'Programming Language :: Python :: 3 :: Only',
    'Programming Language :: Python :: 3.11',
    'Programming Language :: Python :: 3.12',
    'Topic :: Scientific/Engineering :: Artificial Intelligence',
    'Topic :: Scientific/Engineering :: Image Processing',
    'Topic :: Scientific/Engineering :: Image Recognition',
]


def read_requirements(name: str) -> list[str]:
    """The requirements of ``requirements/<name>.txt``, without comments and pip options."""
    lines = (line.split('#')[0].strip() for line in (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines())
    return [line for line in lines if line and not line.startswith('-')]


class BuildWithMim(build_py):
    """Copies :data:`MIM_ENTRIES` into the built package; an editable install finds them in the checkout."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if getattr(self, 'editable_mode', False):
            return
        target = Path(self.build_lib) / 'mmxas' / '.mim'
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for entry in MIM_ENTRIES:
            source = ROOT / entry
            if source.is_dir():
                shutil.copytree(source, target / entry, ignore=shutil.ignore_patterns(*NOT_COPIED))
            else:
                shutil.copy2(source, target / entry)


setup(
    name='mmxas',
    version=runpy.run_path(str(ROOT / 'mmxas' / 'version.py'))['__version__'],
    description='Multi-hypothesis 3D pose of humans and animals from masks and synthetic images, on mmpose',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    author='The mmxas authors',
    license='Apache-2.0',
    license_files=['LICENSE'],
    project_urls={'Paper': 'https://arxiv.org/abs/2411.13026',
                  'Code of the paper': 'https://github.com/Charrrrrlie/X-as-Supervision'},
    keywords=['3d pose estimation', 'multi-hypothesis', 'unsupervised', 'synthetic data', 'animal pose', 'mmpose'],
    classifiers=CLASSIFIERS,
    python_requires='>=3.11',
    packages=find_packages(include=['mmxas', 'mmxas.*']),
    package_data={'mmxas': DATA_PATTERNS},
    entry_points={'console_scripts': ['mmxas = mmxas.cli.main:main']},
    # torch and the mm packages are left out: pip would bring chumpy and a second OpenCV with them. docs/install.md
    # and `mmxas check` give the commands.
    install_requires=read_requirements('runtime'),
    extras_require={name: read_requirements(name) for name in ('optional', 'exchange', 'tests', 'docs')},
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
