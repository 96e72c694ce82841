"""On a CPU, each step works in the memory of the one before."""
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmxas.engine.freed_memory import keep_freed_memory
from mmxas.registry import HOOKS


@HOOKS.register_module()
class KeepMemoryHook(Hook):
    """Training and testing on a CPU keep what a step frees (:func:`mmxas.engine.freed_memory.keep_freed_memory`)."""

    def before_train(self, runner: Runner) -> None:
        """From here on."""
        self._keep(runner)

    def before_test(self, runner: Runner) -> None:
        """From here on."""
        self._keep(runner)

    @staticmethod
    def _keep(runner: Runner) -> None:
        if next(runner.model.parameters()).device.type == 'cpu':
            keep_freed_memory()
