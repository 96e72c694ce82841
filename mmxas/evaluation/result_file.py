"""Result files: json with the protocol, checkpoint and data set of each result."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmxas.evaluation.context import EvaluationContext
from mmxas.evaluation.protocol import Protocol
from mmxas.io import read_json
from mmxas.io.atomic_writes import write_atomically
from mmxas.version import __version__

FORMAT = 'mmxas result 1'


def result_header(metric: str, protocol: Protocol, crop_from_root: bool,
                  context: EvaluationContext) -> dict[str, Any]:
    """Return the fields that every result file starts with.

    Args:
        metric: Name of the metric.
        protocol: The protocol.
        crop_from_root: Whether crops were cut around the true root.
        context: The checkpoint and the data set.

    Returns:
        ``format``, ``version``, ``metric``, ``protocol`` (``name``, ``ground_truth`` in words, ``switches``),
        ``checkpoint`` and ``dataset``.
    """
    uses = protocol.ground_truth(crop_from_root)
    switches = {name: value for name, value in protocol.to_dict().items() if name != 'name'}
    return {
        'format': FORMAT, 'version': __version__, 'metric': metric,
        'protocol': {'name': protocol.name, 'ground_truth': uses or ['no ground truth used'], 'switches': switches},
        'checkpoint': context.checkpoint or {'file': None, 'sha256': None}, 'dataset': context.dataset}


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result atomically.

    Args:
        path: The json file; its folder is created.
        result: Plain data.
    """
    text = json.dumps(result, indent=2, allow_nan=False) + '\n'
    write_atomically(path, lambda file: file.write(text.encode()))


def read_result(path: str | Path) -> dict[str, Any]:
    """Read a result.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a result of this package; the message names it and says what writes one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such result file')
    try:
        result = read_json(path)
    except ValueError as error:
        raise ValueError(f'{path}: not json: {error}') from error
    if not isinstance(result, dict) or result.get('format') != FORMAT:
        raise ValueError(f'{path}: a file of {FORMAT!r} expected, found {_format_of(result)}; mmxas test writes '
                         'them into its work directory')
    return result


def _format_of(result: Any) -> str:
    return repr(result.get('format')) if isinstance(result, dict) else type(result).__name__
