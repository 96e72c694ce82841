"""``python tools/export_onnx.py`` is ``mmxas export onnx``."""
import sys

from mmxas.cli.export import main_onnx as main

if __name__ == '__main__':
    sys.exit(main())
