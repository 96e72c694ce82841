"""Store a checkpoint as weights that ship: ``python tools/publish_model.py CHECKPOINT CONFIG NAME``

Writes ``mmxas/weights/NAME.safetensors`` and sets Alias, Weights and SHA256 in the metafile that lists CONFIG. With
``--out FILE`` only that file is written, for any config.
"""
import argparse
import sys

import mmxas  # noqa: F401  first: it makes mmpose import, and registers every component

# isort: split
from mmxas.apis.publishing import MAX_BYTES, publish
from mmxas.cli.command_line import UsageError, load_config, positive, require_checkpoint


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Store a checkpoint as half-precision safetensors')
    parser.add_argument('checkpoint', help='a checkpoint of training')
    parser.add_argument('config', help='its config')
    parser.add_argument('name', help="the name that the weights will have, as in XASInferencer('NAME')")
    parser.add_argument('--out', help='write this file only; default: mmxas/weights/NAME.safetensors, and the metafile')
    parser.add_argument('--max-bytes', type=positive, default=MAX_BYTES,
                        help='largest size of the file; what only training needs is left out first (default: '
                             f'{MAX_BYTES})')
    return parser.parse_args(arguments)


def run(args: argparse.Namespace) -> str:
    """Publish; return what was written."""
    done = publish(require_checkpoint(args.checkpoint), load_config(args.config), args.name, args.out, args.max_bytes)
    without = f', without {" and ".join(done.left_out)}' if done.left_out else ''
    lines = [f'{done.path}: {done.num_bytes} bytes{without}, sha256 {done.fields["SHA256"]}']
    return '\n'.join([*lines, *([f'entered in {done.metafile} as {args.name}'] if done.metafile else [])])


def main(arguments: list[str] | None = None) -> int:
    """Run; an expected mistake is one line on stderr and exit status 1."""
    args = parse_args(arguments)
    try:
        print(run(args))
    except (UsageError, OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
