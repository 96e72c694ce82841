"""The subcommands of ``mmxas``: names, modules, summaries, and the overview of ``mmxas --help``.

Standard library only, so that the overview appears at once.
"""
from dataclasses import dataclass

USAGE = 'usage: mmxas COMMAND ...    (mmxas COMMAND --help: options and an example)'


@dataclass(frozen=True)
class Command:
    """One subcommand.

    Args:
        section: Heading in the overview.
        name: Name; two words for a command of a family, such as ``'export onnx'``.
        module: Module of the subcommand.
        summary: Short description.
        function: Function of the module, called with the arguments; returns the exit status. Defaults to ``'main'``.
        loads_itself: Whether the module is imported before the stack, and loads the stack when needed.
    """

    section: str
    name: str
    module: str
    summary: str
    function: str = 'main'
    loads_itself: bool = False

    @property
    def family(self) -> str:
        """The first word of the name."""
        return self.name.partition(' ')[0]

    @property
    def kind(self) -> str:
        """The second word of the name, empty if there is none."""
        return self.name.partition(' ')[2]


# Summaries of commands that share their first word.
FAMILIES = {'export': 'write predictions, pairs, ONNX for other programs',
            'convert': 'published data sets, checkpoints of the released code'}
COMMANDS = (
    Command('use', 'infer', 'mmxas.cli.infer', 'detect poses in a photo, a folder or a video', loads_itself=True),
    Command('use', 'view', 'mmxas.cli.view', 'write a page that shows what infer found'),
    Command('use', 'adapt', 'mmxas.cli.adapt', 'adapt a detector to your images, without labels'),
    Command('use', 'export predictions', 'mmxas.cli.export',
            'write predictions as DeepLabCut, SLEAP or COCO have them', function='main_predictions'),
    Command('use', 'export pairs', 'mmxas.cli.export',
            'write rendered pairs as images, masks and boxes', function='main_pairs'),
    Command('use', 'export onnx', 'mmxas.cli.export',
            'write a detector with its decoding as one ONNX graph', function='main_onnx'),
    Command('use', 'import', 'mmxas.cli.import_keypoints', 'read keypoints of DeepLabCut, SLEAP or COCO'),
    Command('train', 'train', 'mmxas.cli.train', 'train a detector by a config'),
    Command('train', 'test', 'mmxas.cli.test', 'evaluate a checkpoint'),
    Command('train', 'compare', 'mmxas.cli.results', 'put results side by side', function='main_compare'),
    Command('train', 'plot', 'mmxas.cli.results', 'draw the curves of training runs', function='main_plot'),
    Command('train', 'publish', 'mmxas.cli.publish_model', 'store a checkpoint as half-precision weights'),
    Command('train', 'inspect', 'mmxas.cli.inspect_checkpoint', 'look into a checkpoint without running it'),
    Command('train', 'replay', 'mmxas.cli.replay_batch', 'compute the losses of a dumped batch again'),
    Command('data', 'synthesize', 'mmxas.cli.synthesize', 'render the synthetic pairs of a config'),
    Command('data', 'masks', 'mmxas.cli.generate_masks', 'make masks for images, a video or a config'),
    Command('data', 'browse', 'mmxas.cli.browse_dataset', 'draw what the network will see'),
    Command('data', 'check-dataset', 'mmxas.cli.check_dataset', 'look for mistakes in the data of a config'),
    Command('data', 'mean-pose', 'mmxas.cli.compute_mean_pose', 'average the labels of a config'),
    Command('data', 'convert h36m', 'mmxas.cli.convert', 'Human3.6M, as its archive unpacks', function='main_h36m'),
    Command('data', 'convert mpi-inf-3dhp', 'mmxas.cli.convert',
            'MPI-INF-3DHP, as its scripts load it', function='main_mpi_inf_3dhp'),
    Command('data', 'convert mpii', 'mmxas.cli.convert', 'the annotations of MPII', function='main_mpii'),
    Command('data', 'convert surreal', 'mmxas.cli.convert',
            'SURREAL, to shards of synthetic pairs', function='main_surreal'),
    Command('data', 'convert from-released', 'mmxas.cli.convert',
            'a checkpoint of the released code, to one that mmxas loads', function='main_from_released'),
    Command('data', 'convert to-released', 'mmxas.cli.convert',
            'a checkpoint of mmxas, to one of the released code', function='main_to_released'),
    Command('species', 'new-species', 'mmxas.cli.new_species', 'start a project for a new species'),
    Command('species', 'check-species', 'mmxas.cli.check_species', "prove that a config's species fits together"),
    Command('start', 'check', 'mmxas.check', 'diagnose the installation', loads_itself=True),
    Command('start', 'demo', 'mmxas.cli.demo', 'render, train, test and draw with what ships'),
)


def find_command(name: str) -> Command:
    """Return a command by its full name.

    Raises:
        KeyError: There is no such command.
    """
    return {command.name: command for command in COMMANDS}[name]


def overview() -> str:
    """Return the text of ``mmxas --help``: one line per command or family, at most one screen."""
    rows = {command.family: (command.section, FAMILIES.get(command.family, command.summary)) for command in COMMANDS}
    lines, shown = [USAGE, ''], ''
    for name, (section, summary) in rows.items():
        lines.append(f'{section if section != shown else "":<9}{name:<15}{summary}')
        shown = section
    return '\n'.join(lines)


def family_overview(family: str) -> str:
    """Return the text of ``mmxas export --help`` and the like."""
    rows = [f'{command.kind:<16}{command.summary}' for command in COMMANDS if command.family == family]
    usage = f'usage: mmxas {family} KIND ...    (mmxas {family} KIND --help: its options)'
    return '\n'.join([usage, '', *rows])
