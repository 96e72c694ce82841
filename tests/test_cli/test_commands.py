import inspect
from importlib import import_module

import pytest

from mmxas.cli.commands import COMMANDS, FAMILIES, family_overview, find_command, overview


def test_the_overview_fits_a_screen_and_has_each_command_once():
    lines = overview().splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    named = [line[9:24].strip() for line in lines[2:]]
    assert named == list(dict.fromkeys(command.family for command in COMMANDS))


def test_sections_are_headed_once():
    heads = [line[:9].strip() for line in overview().splitlines()[2:] if line[0] != ' ']
    assert heads == ['use', 'train', 'data', 'species', 'start']


@pytest.mark.parametrize('family', FAMILIES)
def test_a_family_lists_its_kinds(family):
    lines = family_overview(family).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[2:]] == [c.kind for c in COMMANDS if c.family == family]


@pytest.mark.parametrize('command', COMMANDS, ids=lambda command: command.name)
def test_each_command_is_there_and_its_help_has_an_example(command, capsys):
    function = getattr(import_module(command.module), command.function)
    assert list(inspect.signature(function).parameters) == ['arguments']
    with pytest.raises(SystemExit, match='0'):
        function(['--help'])
    text = capsys.readouterr().out
    assert text.startswith(f'usage: mmxas {command.name} ')
    assert f'example: mmxas {command.name}' in text.replace('\n', ' ')
    assert find_command(command.name) is command


def test_commands_are_found_by_their_whole_name():
    assert find_command('export onnx').kind == 'onnx' and find_command('train').kind == ''
    with pytest.raises(KeyError):
        find_command('export')
