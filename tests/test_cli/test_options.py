import argparse

import pytest

from mmxas.cli.options import CommandParser, add_config, add_run_options, not_negative, positive


def parse(*arguments) -> argparse.Namespace:
    """Read a command line of a training."""
    parser = CommandParser('train', example='mmxas train a.py')
    add_run_options(parser)
    return parser.parse_args(arguments)


def test_help_says_what_the_command_does_and_gives_an_example(capsys):
    with pytest.raises(SystemExit, match='0'):
        parse('--help')
    text = capsys.readouterr().out
    assert text.startswith('usage: mmxas train ') and 'Train a detector by a config.' in text
    assert text.endswith('example: mmxas train a.py\n')


def test_a_mistake_is_one_line_and_status_2(capsys):
    with pytest.raises(SystemExit, match='2'):
        parse('a.py', '--lunch')
    assert capsys.readouterr().err == (
        'mmxas train: unrecognized arguments: --lunch (mmxas train --help shows the options)\n')


def test_values_become_python():
    options = parse('a.py', '--cfg-options', 'a.b=2', 'c=[3,4]', 'd=True', 'e=None', 'f=word').cfg_options
    assert options == {'a.b': 2, 'c': [3, 4], 'd': True, 'e': None, 'f': 'word'}


@pytest.mark.parametrize('option', ['a.b', 'a=dict(b=1,c=2)', 'a=[1,2'])
def test_an_option_that_is_not_understood_is_named(option, capsys):
    with pytest.raises(SystemExit):
        parse('a.py', '--cfg-options', option)
    assert f'--cfg-options {option}: expected KEY=VALUE' in capsys.readouterr().err


@pytest.mark.parametrize(('kind', 'good', 'bad'), [(positive, '1', '0'), (not_negative, '0', '-1')])
def test_numbers_have_a_smallest(kind, good, bad):
    assert kind(good) == int(good)
    with pytest.raises(argparse.ArgumentTypeError, match=f'{bad} given, '):
        kind(bad)


@pytest.mark.parametrize(('options', 'config'), [(dict(optional=True), None), (dict(default='b.py'), 'b.py')])
def test_a_config_may_be_left_out_where_the_command_says_so(options, config):
    parser = CommandParser('demo', example='mmxas demo')
    add_config(parser, **options)
    assert parser.parse_args([]).config == config
    assert parser.parse_args(['a.py']).config == 'a.py'
