"""Read a config, apply options to it, and check that a run can use it."""
import ast
import inspect
from difflib import get_close_matches
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import FlexibleRunner, Runner

from mmxas.compat.config_paths import PREFIX, config_path
from mmxas.engine.config_knobs import KEY, KNOB_OF, KNOBS, apply_knobs, read_config, spent_variables, way_out
from mmxas.engine.stages import parse_stages
from mmxas.errors import UsageError
from mmxas.evaluation.metrics import ContextMetric
from mmxas.models.pose_estimators.pose_predictor import TEST_OPTIONS
from mmxas.registry import METRICS

READ_KEYS = {'synthesis', 'xas', 'custom_imports', 'auto_scale_lr', 'runner_type', *(
    name for runner in (Runner, FlexibleRunner) for name in inspect.signature(runner).parameters)}


def config_stem(name: str) -> str:
    """Return a config's name without folder and suffix, such as ``xas_mocap``; result folders have this name."""
    return Path(name.removeprefix(PREFIX)).stem


def load_config(name: str) -> Config:
    """Read a config by path, or by ``mmxas::<name>.py``, and apply its knobs (:mod:`mmxas.engine.config_knobs`).

    Raises:
        UsageError: The file or one of its bases does not exist, is not Python, or sets a variable of its base without
            effect; or a knob is wrong.
    """
    try:
        path = config_path(name) if name.startswith(PREFIX) else Path(name)
        if not path.is_file():
            raise UsageError(f'{name}: no such config file')
        config = read_config(path)
        # A run writes its config five times and into each checkpoint, and formatting by yapf can take seconds each
        # time. ``fromfile(format_python_code=False)`` works for another kind of configs only (mmengine 0.10.7).
        object.__setattr__(config, '_format_python_code', False)
        return config
    except FileNotFoundError as error:
        raise UsageError(str(error) if name in str(error) else f'{name}: {error}') from error
    except SyntaxError as error:
        raise UsageError(f'{name}: line {error.lineno}: {error.msg}') from error
    except ValueError as error:
        raise UsageError(str(error) if name in str(error) else f'{name}: {error}') from error


def add_result_files(cfg: Config, key: str) -> None:
    """Let each of the package's metrics write its result into the work directory, unless the config sets a path.

    The file is ``results/<type of the metric>.json``; a second metric of the same type gets the suffix ``_2``, and so
    on.

    Args:
        cfg: The config.
        key: ``'test_evaluator'`` or ``'val_evaluator'``; each validation overwrites the result of the one before.
    """
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    if not any(hook and hook.get('type') == 'EvaluationContextHook' for hook in hooks):
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), dict(type='EvaluationContextHook')]
    evaluators, seen = cfg.get(key) or (), {}
    for evaluator in evaluators if isinstance(evaluators, list | tuple) else [evaluators]:
        metric = METRICS.get(evaluator['type']) if isinstance(evaluator.get('type'), str) else evaluator.get('type')
        if isinstance(metric, type) and issubclass(metric, ContextMetric) and evaluator.get('out_file') is None:
            seen[metric.__name__] = number = seen.get(metric.__name__, 0) + 1
            name = metric.__name__ if number == 1 else f'{metric.__name__}_{number}'
            evaluator['out_file'] = str(Path(cfg.work_dir) / 'results' / f'{name}.json')


def merge_options(cfg: Config, options: dict) -> None:
    """Apply ``--cfg-options``; knobs such as ``xas.crop_size=96`` first.

    Raises:
        UsageError: A key does not fit the config (such as an index past the end of a list), is a variable that has no
            effect any more, is an option of ``model.test_cfg`` without ``model.``, or is a wrong knob.
    """
    options = options or {}
    spent = {*KNOBS, *KNOB_OF, *(spent_variables(cfg.filename) if cfg.filename and options else ())}
    heads = {key: key.partition('.')[0] for key in options}
    for key, head in heads.items():
        if head in spent:
            raise UsageError(f'--cfg-options {key}: changes nothing, the config has already used it. {way_out(head)}')
        if head == 'test_cfg' and key.removeprefix('test_cfg.').partition('.')[0] in TEST_OPTIONS:
            raise UsageError(f'--cfg-options {key}: changes nothing, test_cfg is the loop of testing; the options of '
                             f'the detector are in model.test_cfg: model.{key}')
    try:
        cfg.merge_from_dict({key: value for key, value in options.items() if heads[key] == KEY})
        apply_knobs(cfg)
        cfg.merge_from_dict({key: value for key, value in options.items() if heads[key] != KEY})
    except ValueError as error:
        raise UsageError(f'--cfg-options: {error}') from error
    except (KeyError, TypeError, IndexError) as error:
        raise UsageError(f'--cfg-options: {error.args[0] if error.args else error}') from error


def check_keys(cfg: Config) -> None:
    """Raise if an unknown key of a config is a likely typo of a known key; other unknown keys are allowed.

    Raises:
        UsageError: A key is a likely typo.
    """
    for key in sorted(set(cfg.keys()) - READ_KEYS):
        near = get_close_matches(key, READ_KEYS, 1, cutoff=0.85)
        if near:
            raise UsageError(f'{cfg.filename}: {key} = … is never used; did you mean {near[0]}? If not, rename it')


def check_text(cfg: Config) -> None:
    """Raise if the config, as a run dumps it, cannot be read again.

    Raises:
        UsageError: It cannot, for example because of a function or a key that is no identifier; the message has the
            line.
    """
    text = cfg.pretty_text
    try:
        ast.parse(text)
    except SyntaxError as error:
        line = text.splitlines()[error.lineno - 1].strip()
        raise UsageError(f'{cfg.filename}: a run could not read its own dumped config because of this line: {line}; '
                         'use only strings, numbers, None, lists, tuples, and dicts whose keys are names') from error


def check_stages(cfg: Config) -> None:
    """Raise if a training stage is incomplete or weighs an unknown loss, before any data are made.

    Raises:
        UsageError: A stage is invalid, or names a loss that is not in ``model.losses``.
    """
    stages, losses = (cfg.get('train_cfg') or {}).get('stages'), (cfg.get('model') or {}).get('losses')
    if stages is None or losses is None:
        return
    try:
        parsed = parse_stages(stages)
    except ValueError as error:
        raise UsageError(str(error)) from error
    for stage in parsed:
        for term in stage.loss_weights:
            if term not in losses:
                raise UsageError(f'train_cfg.stages: stage {stage.name!r}: loss_weights names {term!r}, but '
                                 f'model.losses has: {", ".join(losses)}')
