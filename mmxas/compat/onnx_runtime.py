"""ONNX Runtime sessions that are safe in a process that forks.

A forked process, such as a worker of a data loader, inherits sessions without their threads, and crashes when its
garbage collector deletes one.
"""
from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from typing import Any

import torch

os.register_at_fork(after_in_child=gc.freeze)  # the collector skips inherited objects


def open_session(model: str | bytes, providers: Sequence[str] = ('CPUExecutionProvider',),
                 threads: int | None = None) -> Any:
    """Open a session of ONNX Runtime.

    Args:
        model: The path of the ``.onnx`` file, or its bytes.
        providers: Execution providers. Defaults to the CPU's.
        threads: Number of threads. Defaults to None: as many as torch uses.

    Returns:
        The ``onnxruntime.InferenceSession``.

    Raises:
        ValueError: ONNX Runtime cannot read the model; the message is the first line of its error.
    """
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads() if threads is None else threads
    options.log_severity_level = 3  # errors
    try:
        return onnxruntime.InferenceSession(model, options, providers=list(providers))
    except Exception as error:  # onnxruntime's errors have no common class of their own
        raise ValueError(str(error).splitlines()[0]) from error
