"""The loop that goes through the stages of a config."""
from .staged_train_loop import StagedTrainLoop

__all__ = ['StagedTrainLoop']
