"""Validation and test loops that share the model's skeleton and codec with data sets and metrics."""
from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

from mmxas.datasets.shared_parts import share
from mmxas.registry import LOOPS


@LOOPS.register_module()
class XASValLoop(ValLoop):
    """mmengine's ``ValLoop`` that passes the model's skeleton and codec to a data set and metrics without their own.

    Args:
        runner: The runner; ``model`` in its config has the skeleton and the codec.
        dataloader: The data loader or its config.
        evaluator: The evaluator, or its config.
        **kwargs: Arguments of ``ValLoop``.

    Raises:
        ValueError: The skeleton of the data set or a metric differs from the model's.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, evaluator: Evaluator | dict | list,
                 **kwargs: Any) -> None:
        model = runner.cfg.get('model')
        super().__init__(runner, share(dataloader, model, 'val_dataloader'), share(evaluator, model, 'val_evaluator'),
                         **kwargs)


@LOOPS.register_module()
class XASTestLoop(TestLoop):
    """mmengine's ``TestLoop`` that passes the model's skeleton and codec to a data set and metrics without their own.

    Args:
        runner: The runner; ``model`` in its config has the skeleton and the codec.
        dataloader: The data loader or its config.
        evaluator: The evaluator, or its config.
        **kwargs: Arguments of ``TestLoop``.

    Raises:
        ValueError: The skeleton of the data set or a metric differs from the model's.
    """

    def __init__(self, runner: Runner, dataloader: DataLoader | dict, evaluator: Evaluator | dict | list,
                 **kwargs: Any) -> None:
        model = runner.cfg.get('model')
        super().__init__(runner, share(dataloader, model, 'test_dataloader'),
                         share(evaluator, model, 'test_evaluator'), **kwargs)
