"""The loop that goes through the stages of a config, and those that validate and test."""
from .evaluation_loops import XASTestLoop, XASValLoop
from .staged_train_loop import StagedTrainLoop

__all__ = ['StagedTrainLoop', 'XASTestLoop', 'XASValLoop']
