import gc
import os
import time

import numpy as np
import pytest
import torch

from mmxas.compat.onnx_runtime import open_session


@pytest.fixture(scope='module')
def addition():
    """A model of one step, x + x, as bytes."""
    onnx = pytest.importorskip('onnx', reason='onnx is not installed (requirements/optional.txt)')
    helper = onnx.helper
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in 'xy']
    graph = helper.make_graph([helper.make_node('Add', ['x', 'x'], ['y'])], 'addition', values[:1], values[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9).SerializeToString()


def test_a_session_runs_with_the_threads_asked_for(addition, monkeypatch):
    session = open_session(addition, threads=3)
    assert session.run(None, dict(x=np.float32([1, 2])))[0].tolist() == [2, 4]
    assert session.get_session_options().intra_op_num_threads == 3
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 2)
    assert open_session(addition).get_session_options().intra_op_num_threads == 2
    assert session.get_providers() == ['CPUExecutionProvider']


def test_a_bad_model_is_told_in_one_line():
    with pytest.raises(ValueError, match=r'\A[^\n]+\Z'):
        open_session(b'no model')


def test_a_forked_process_lives_through_its_garbage_collector(addition):
    circle = [open_session(addition, threads=4)]
    circle.append(circle)
    gc.disable()
    try:
        del circle
        child = os.fork()
        if child == 0:  # without the package's care it crashes here, or waits forever
            gc.collect()
            os._exit(0)
    finally:
        gc.enable()
    end = time.monotonic() + 60
    while (found := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < end:
        time.sleep(0.01)
    if found[0] == 0:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert found == (child, 0)
