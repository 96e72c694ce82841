"""Malicious pickles and archives. Each would touch a file, the canary, if it were executed."""
import functools
import io
import os
import pickle
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np


class Call:
    """Pickles as a call of ``module.name(*arguments)``; the name is written, never looked up here."""

    def __init__(self, name: str, *arguments) -> None:
        self.name, self.arguments = name, arguments


def opcodes(item, protocol: int = 2) -> bytes:
    """The opcodes that push an item, without frame and STOP."""
    if isinstance(item, Global):
        module, _, name = item.name.rpartition('.')
        return f'c{module}\n{name}\n'.encode()
    if isinstance(item, Call):
        module, _, name = item.name.rpartition('.')
        return f'c{module}\n{name}\n'.encode() + b'(' + b''.join(map(opcodes, item.arguments)) + b'tR'
    if isinstance(item, dict):
        return b'}(' + b''.join(opcodes(k) + opcodes(v) for k, v in item.items()) + b'u'
    if isinstance(item, list):
        return b'](' + b''.join(map(opcodes, item)) + b'e'
    if isinstance(item, tuple):
        return b'(' + b''.join(map(opcodes, item)) + b't'
    if isinstance(item, Raw):
        return item.data
    data = pickle.dumps(item, protocol)
    return data[2:-1]


class Global:
    """Pickles as ``module.name`` itself, not as a call of it."""

    def __init__(self, name: str) -> None:
        self.name = name


class Raw:
    """Opcodes as they are."""

    def __init__(self, data: bytes) -> None:
        self.data = data


def whole(item) -> bytes:
    """A pickle of an item."""
    return b'\x80\x02' + opcodes(item) + b'.'


def calls(canary: Path) -> dict[str, Call]:
    """Ways to run something, by name."""
    touch, code = f'touch {canary}', f"open({str(canary)!r}, 'w').close()"
    module = Call('builtins.__import__', 'os')
    return {
        'os.system': Call('os.system', touch), 'posix.system': Call('posix.system', touch),
        'nt.system': Call('nt.system', touch), 'os.popen': Call('os.popen', touch),
        'os.execvp': Call('os.execvp', 'touch', ['touch', str(canary)]), 'os.mkdir': Call('os.mkdir', str(canary)),
        'os.spawnlp': Call('os.spawnlp', 0, 'touch', 'touch', str(canary)),
        'os.symlink': Call('os.symlink', '/etc', str(canary)), 'os.rename': Call('os.rename', '/nowhere', str(canary)),
        'subprocess.Popen': Call('subprocess.Popen', ['touch', str(canary)]),
        'subprocess.run': Call('subprocess.run', ['touch', str(canary)]),
        'subprocess.getoutput': Call('subprocess.getoutput', touch),
        '_posixsubprocess.fork_exec': Call('_posixsubprocess.fork_exec', 0),
        'pty.spawn': Call('pty.spawn', ['touch', str(canary)]),
        'eval': Call('builtins.eval', code), 'exec': Call('builtins.exec', code), 'py2 eval': Call('__builtin__.eval',
                                                                                                   code),
        'py2 execfile': Call('__builtin__.execfile', '/etc/passwd'), 'open': Call('builtins.open', str(canary), 'w'),
        'io.open': Call('io.open', str(canary), 'w'), '_io.FileIO': Call('_io.FileIO', str(canary), 'w'),
        'compile': Call('builtins.compile', code, 'x', 'exec'), 'breakpoint': Call('builtins.breakpoint'),
        'input': Call('builtins.input', 'password: '), 'type': Call('builtins.type', 'x', (), {}),
        'map': Call('builtins.map', Global('os.system'), [touch]), 'getattr': Call('builtins.getattr', module,
                                                                                   'system'),
        'getattr chain': Call('builtins.getattr', Call('builtins.getattr', Global('builtins.dict'), '__class__'),
                              'mro'),
        'setattr': Call('builtins.setattr', Global('mmxas.compat.checkpoints.history_statistic'), 'x', 1),
        '__import__': module, 'importlib': Call('importlib.import_module', 'antigravity'),
        'runpy.run_path': Call('runpy.run_path', '/nowhere.py'), 'runpy._run_code': Call('runpy._run_code', code, {}),
        'code.interact': Call('code.InteractiveInterpreter'), 'timeit': Call('timeit.timeit', code),
        'pdb.run': Call('pdb.run', code), 'cProfile.run': Call('cProfile.run', code),
        'functools.partial': Call('functools.partial', Global('os.system'), touch),
        'functools.reduce': Call('functools.reduce', Global('os.system'), [touch]),
        'operator.methodcaller': Call('operator.methodcaller', 'system', touch),
        'operator.attrgetter': Call('operator.attrgetter', 'system'),
        'itertools.starmap': Call('itertools.starmap', Global('os.system'), [(touch,)]),
        'pickle.loads': Call('pickle.loads', whole(Call('os.system', touch))),
        '_pickle.loads': Call('_pickle.loads', whole(Call('os.system', touch))),
        'dill.loads': Call('dill.loads', b''), 'marshal.loads': Call('marshal.loads', b'N'),
        'types.FunctionType': Call('types.FunctionType', None, {}), 'types.CodeType': Call('types.CodeType', 0),
        'ctypes.CDLL': Call('ctypes.CDLL', '/nowhere.so'), 'pathlib.Path': Call('pathlib.Path', str(canary)),
        'shutil.copy': Call('shutil.copy', '/etc/hostname', str(canary)),
        'shutil.unpack_archive': Call('shutil.unpack_archive', '/nowhere.zip', str(canary)),
        'tempfile.mkdtemp': Call('tempfile.mkdtemp', '', 'c', str(canary.parent)),
        'logging.FileHandler': Call('logging.FileHandler', str(canary)),
        'socket.socket': Call('socket.socket'), 'urlopen': Call('urllib.request.urlopen', 'http://127.0.0.1:9'),
        'webbrowser.open': Call('webbrowser.open', 'http://127.0.0.1:9'), 'sys.exit': Call('sys.exit', 3),
        'os._exit': Call('os._exit', 3), 'os.kill': Call('os.kill', os.getpid(), 0),
        'sys.setrecursionlimit': Call('sys.setrecursionlimit', 10), 'signal.alarm': Call('signal.alarm', 1),
        'asyncio': Call('asyncio.unix_events._UnixSubprocessTransport'), 'thread': Call('_thread.start_new_thread'),
        'numpy.load': Call('numpy.load', '/nowhere.npy', None, True), 'numpy.save': Call('numpy.save', str(canary), 0),
        'numpy runstring': Call('numpy.testing._private.utils.runstring', code, {}),
        'numpy.memmap': Call('numpy.memmap', str(canary), 'uint8', 'w+', 0, (8,)),
        'torch.load': Call('torch.load', '/nowhere.pth'), 'torch.save': Call('torch.save', 0, str(canary)),
        'torch.hub.load': Call('torch.hub.load', 'a/b', 'c'), 'torch.jit.load': Call('torch.jit.load', '/nowhere.pt'),
        'torch storage from file': Call('torch.storage.UntypedStorage.from_file', str(canary), True, 8),
        'torch inductor': Call('torch._inductor.codecache.PyCodeCache.load', code),
        'mmengine.load': Call('mmengine.fileio.load', '/nowhere.pkl'),
        'mmengine Config': Call('mmengine.config.Config.fromfile', '/nowhere.py'),
        'cv2.imwrite': Call('cv2.imwrite', str(canary) + '.png', 0),
        'copyreg.add_extension': Call('copyreg.add_extension', 'os', 'system', 66),
        'copyreg._reconstructor': Call('copyreg._reconstructor', Global('subprocess.Popen'), Global('builtins.object'),
                                       None),
        'HistoryBuffer.register': Call('builtins.getattr', Global('mmengine.logging.history_buffer.HistoryBuffer'),
                                       'register_statistics'),
        'dunder': Call('builtins.getattr', Global('mmengine.logging.history_buffer.HistoryBuffer'), '__init__'),
    }


def forms(canary: Path) -> dict[str, bytes]:
    """Ways to write one call, opcode by opcode; each a whole pickle."""
    touch = f'touch {canary}'.encode()
    text = b'X' + struct.pack('<I', len(touch)) + touch
    short = b'\x8c' + bytes([len(touch)]) + touch
    name = b'\x8c\x05posix\x94\x8c\x06system\x94'
    attack = Call('os.system', touch.decode())
    return {
        'protocol 0': b"cos\nsystem\n(S'" + touch + b"'\ntR.", 'protocol 1': b'cos\nsystem\n(' + text + b'tR.',
        'protocol 2': whole(attack), 'INST': b"(S'" + touch + b"'\nios\nsystem\n.",
        'OBJ': b'(cos\nsystem\n' + text + b'o.', 'NEWOBJ': b'\x80\x02cos\nsystem\n' + text + b'\x85\x81.',
        'NEWOBJ_EX': b'\x80\x04' + name + b'\x93' + short + b'\x85}\x92.',
        'STACK_GLOBAL': b'\x80\x04' + name + b'\x93' + short + b'\x85R.',
        'STACK_GLOBAL from the memo': b'\x80\x04' + name + b'00h\x00h\x01\x93' + short + b'\x85R.',
        'STACK_GLOBAL dotted': b'\x80\x04\x8c\x08builtins\x94\x8c\x0bopen.__call__\x94\x93' + short + b'\x85R.',
        'TUPLE1': b'\x80\x02cos\nsystem\n' + text + b'\x85R.',
        'PUT and GET': b'cos\nsystem\np0\n0g0\n(' + text + b'tR.',
        'LONG_BINPUT': b'cos\nsystem\nr\x07\x00\x00\x000j\x07\x00\x00\x00(' + text + b'tR.',
        'EXT1': b'\x80\x02\x82\x42' + text + b'\x85R.', 'EXT2': b'\x80\x02\x83\x42\x00' + text + b'\x85R.',
        'EXT4': b'\x80\x02\x84\x42\x00\x00\x00' + text + b'\x85R.',
        'PERSID': b'P' + touch + b'\n.', 'BINPERSID': b'\x80\x02' + text + b'Q.',
        'BUILD of a class': b'\x80\x02cbuiltins\nobject\n}X\x07\x00\x00\x00systemsN' + b'sb.',
        'BUILD replaces __setstate__': b'\x80\x02cnumpy\nndarray\n}(X\x0c\x00\x00\x00__setstate__cos\nsystem\nubb' + text + b'b.',
        'FRAME': b'\x80\x04\x95' + struct.pack('<Q', len(name + short) + 4) + name + b'\x93' + short + b'\x85R.',
        'after POP': b'\x80\x02' + opcodes(attack) + b'0}.', 'after POP_MARK': b'\x80\x02(' + opcodes(attack) + b'1}.',
        'in a dict key': b'\x80\x02}' + opcodes(attack) + b'Ns.',
        'in a set': b'\x80\x04\x8f(' + opcodes(attack) + b'\x90.',
        'in a frozenset': b'\x80\x04(' + opcodes(attack) + b'\x91.',
        'below DUP': b'\x80\x02' + opcodes(attack) + b'2\x86.',
        'no STOP': whole(attack)[:-1], 'a second pickle': whole({}) + whole(attack),
    }


def hidden(attack: Call) -> dict[str, object]:
    """Places in harmless structures to hide a call."""
    dtype = Call('numpy.dtype', 'O8', False, True)
    empty = Call('numpy.core.multiarray._reconstruct', Global('numpy.ndarray'), (0,), b'b')
    built = opcodes(empty) + opcodes((1, (1,), dtype, False, [attack])) + b'b'
    return {
        'a value': {'v_template': attack}, 'a list': {'a': [1, [2, [attack]]]}, 'a tuple': {'a': (1, (attack,))},
        'an object array': {'a': Raw(built)}, "an array's dtype": {'a': Raw(opcodes(empty) + opcodes(
            (1, (1,), attack, False, b'')) + b'b')},
        "an array's subtype": {'a': Call('numpy.core.multiarray._reconstruct', attack, (0,), b'b')},
        "a dtype's metadata": {'a': Raw(opcodes(dtype) + opcodes((3, '|', None, None, None, -1, -1, 63,
                                                                  attack)) + b'b')},
        'a scalar': {'a': Call('numpy.core.multiarray.scalar', dtype, attack)},
        'an ordered dict': {'a': Call('collections.OrderedDict', [['x', attack]])},
        "bytes' encoding": {'a': Call('_codecs.encode', 'abc', attack)},
        'a decoder': {'a': Call('_codecs.decode', b'abc', 'unicode_escape'), 'b': attack},
        "a sparse matrix's state": {'a': Raw(b'cscipy.sparse.csc\ncsc_matrix\n)\x81' + opcodes({'data': attack}) + b'b')},
        "chumpy's array": {'a': Raw(b'cchumpy.ch\nCh\n)\x81' + opcodes({'x': attack}) + b'b')},
        'a tensor': {'a': Call('torch._utils._rebuild_tensor_v2', attack, 0, (1,), (1,), False,
                               Call('collections.OrderedDict'))},
        "a parameter's hooks": {'a': Call('torch._utils._rebuild_parameter', None, True, attack)},
        "a subclass' builder": {'a': Call('torch._tensor._rebuild_from_type_v2', Global('os.system'),
                                          Global('torch.Tensor'), ('true',), {})},
        'message_hub': {'state_dict': {}, 'message_hub': {'runtime_info': attack}},
        'meta': {'state_dict': {}, 'meta': {'cfg': attack}}, 'optimizer': {'state_dict': {},
                                                                           'optimizer': {'state': attack}},
    }


def bombs() -> dict[str, bytes]:
    """Small pickles that would fill the memory."""
    laughs = b'\x80\x02](K\x01K\x02eq\x00' + b''.join(
        b'0](' + b'h' + bytes([i]) + b'h' + bytes([i]) + b'eq' + bytes([i + 1]) for i in range(60)) + b'.'
    huge = struct.pack('<Q', 1 << 42)
    shape = {'negative': (-1, 5), 'huge': (1 << 20, 1 << 20), 'wrapping': (1 << 33, 1 << 33)}
    arrays = {f'an array of {name} shape': whole({'a': Raw(
        opcodes(Call('numpy.core.multiarray._reconstruct', Global('numpy.ndarray'), (0,), b'b'))
        + opcodes((1, size, Call('numpy.dtype', 'f8', False, True), False, b'12345678')) + b'b')})
        for name, size in shape.items()}
    sparse = opcodes({'_shape': (1 << 20, 1 << 20), 'data': [], 'indices': [], 'indptr': [0]})
    empty = Raw(b'cscipy.sparse.csc\ncsc_matrix\n)\x81' + opcodes(
        {'_shape': (1 << 26, 1), 'data': filled('f4', b'', 0), 'indices': filled('i4', b'', 0),
         'indptr': filled('i4', bytes(8), 2)}) + b'b')
    megabyte = opcodes(filled('f8', b'\1' * (1 << 20), 1 << 17)) + b'q\1' + b'h\1' * 1500
    text = opcodes('x' * (1 << 20)) + b'q\1' + b'h\1' * 1500
    return {
        'an array referred to 1500 times': b'\x80\x02}' + opcodes('a') + b'](' + megabyte + b'es.',
        'a text referred to 1500 times': b'\x80\x02}' + opcodes('a') + b'](' + text + b'es.',
        'six sparse matrices of 2^26': whole({f'J_regressor_{number}': empty for number in range(6)}),
        'a long text beside short ones': whole({'a': Raw(b'cchumpy.ch\nCh\n)\x81' + opcodes(
            {'x': ['x' * (1 << 20)] + ['a'] * 400}) + b'b')}),
        'memo 67108864': b'\x80\x02}r\0\0\0\4.',
        'bytearray of 2 GB': b'\x80\x05\x96' + struct.pack('<Q', 2 << 30) + b'.',
        'references to references': laughs, 'a list in itself': b'\x80\x02]q\x00h\x00a.',
        'nested lists': b'\x80\x02' + b']' * 100000 + b'a' * 99999 + b'.',
        'bytes of 4 TB': b'\x80\x04\x8e' + huge + b'.',
        'text of 4 TB': b'\x80\x04\x8d' + huge + b'.', 'bytearray of 4 TB': b'\x80\x05\x96' + huge + b'.',
        'a frame of 4 TB': b'\x80\x04\x95' + huge + b'}.', 'memo 4294967295': b'\x80\x02}r\xff\xff\xff\xff.',
        'a number of 2 GB': b'\x80\x02\x8b' + struct.pack('<i', (1 << 31) - 1) + b'.',
        'bytearray(8 GB)': whole({'a': Call('builtins.bytearray', 8 << 30)}),
        'bytes(8 GB)': whole({'a': Call('builtins.bytes', 8 << 30)}), 'empty': b'', 'only PROTO': b'\x80\x02',
        'a sparse matrix of 2^40': whole({'a': Raw(b'cscipy.sparse.csc\ncsc_matrix\n)\x81' + sparse + b'b')}),
        'range': whole({'a': Call('builtins.set', Call('builtins.range', 1 << 40))}),
        'repeat': whole({'a': Call('builtins.list', Call('itertools.repeat', 1))}), **arrays}


def filled(code: str, content: bytes, count: int = 1) -> Raw:
    """An array of a dtype that is filled with bytes."""
    dtype, data = Call('numpy.dtype', code, False, True), Call('_codecs.encode', content.decode('latin1'), 'latin1')
    empty = Call('numpy.core.multiarray._reconstruct', Global('numpy.ndarray'), (0, ), 'b')
    return Raw(opcodes(empty) + opcodes((1, (count, ), dtype, False, data)) + b'b')


def lies_about_arrays() -> dict[str, object]:
    """Arrays and scalars that would read beside their bytes, in a checkpoint."""
    eight = Call('_codecs.encode', 'A' * 8, 'latin1')
    built = Call('numpy.dtype', 'f8', False, True)
    address = Raw(opcodes(built) + opcodes((3, '<', None, None, None, -1, -1, 4)) + b'b')
    twice = opcodes((1, (2, ), built, False, Call('_codecs.encode', 'A' * 16, 'latin1')))
    grown = Raw(opcodes(Call('numpy.dtype', 'U2', False, True))
                + opcodes((3, '<', None, None, None, 1 << 30, 4, 8)) + b'b')
    empty = Call('numpy.core.multiarray._reconstruct', Global('numpy.ndarray'), (0, ), 'b')
    return {
        'a dtype of 1 GB over eight bytes': Raw(opcodes(empty) + opcodes((1, (1, ), grown, False, eight)) + b'b'),
        'an array filled twice': Raw(opcodes(filled('f8', b'A' * 8)) + twice + b'b'),
        'a record': filled('V8', b'A' * 8), 'many bytes': filled('f8', b'A' * 9), 'few bytes': filled('f8', b'A' * 7),
        'a scalar of an address': Call('numpy.core.multiarray.scalar', address, 'hello'),
        'a scalar of a record': Call('numpy.core.multiarray.scalar', Call('numpy.dtype', 'V8', False, True), eight),
        'a scalar of few bytes': Call('numpy.core.multiarray.scalar', Call('numpy.dtype', 'U4', False, True), eight),
        'a scalar of 1 GB': Call('numpy.core.multiarray.scalar', grown, eight),
    }


def announcing_tar(kind: bytes, size: int) -> bytes:
    """A tar whose first member announces so many bytes, as its length and as that of a hole."""
    header = tarfile.TarInfo('pickle')
    header.type, header.size = kind, 512 if kind == tarfile.GNUTYPE_SPARSE else size
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    if kind == tarfile.GNUTYPE_SPARSE:
        block[386:410] = b'%011o\0%011o\0' % (0, 512)
        block[482:495] = b'\0%011o\0' % size
        block[148:156] = b' ' * 8
        block[148:156] = b'%06o\0 ' % sum(block)
    hole = b'\x80\x04\x8e' + struct.pack('<Q', size - 11) if size < 1 << 40 else b''
    return bytes(block) + hole.ljust(512, b'\0') + bytes(1024)


def broken_archives() -> dict[str, bytes]:
    """Checkpoints that what unpacks them, or what walks their headers, stumbles over."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a/data.pkl', whole({'a': list(range(1000))}))
        archive.writestr('a/version', '3\n')
    good = buffer.getvalue()
    unknown = bytearray(good)
    unknown[8] = unknown[good.find(b'PK\1\2') + 10] = 97
    tars = {f'a tar of type {kind!r} and {size} bytes': announcing_tar(kind, size) for kind, size in [
        (tarfile.GNUTYPE_LONGNAME, 1 << 50), (tarfile.GNUTYPE_LONGNAME, 6 << 30), (tarfile.XHDTYPE, 6 << 30),
        (tarfile.GNUTYPE_SPARSE, 1200 << 20), (tarfile.REGTYPE, 1 << 40)]}
    return {'a broken stream': good[:40] + b'\xff' * 30 + good[70:], 'an unknown method': bytes(unknown), **tars}


def torch_zip(data: bytes, names: dict[str, bytes] | None = None) -> bytes:
    """A checkpoint in torch's zip format whose content is a pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        for name, content in {'a/data.pkl': data, 'a/version': b'3\n', 'a/byteorder': b'little',
                              **(names or {})}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def torch_legacy(data: bytes, slot: int = 3) -> bytes:
    """A checkpoint in torch's old stream of five pickles, one of which is given."""
    parts = [whole(0x1950A86A20F9469CFC6C), whole(1001), whole({'protocol_version': 1001, 'little_endian': True,
                                                                'type_sizes': {'short': 2, 'int': 4, 'long': 4}}),
             whole({}), whole([])]
    parts[slot] = data
    return b''.join(parts)


def torch_tar(data: bytes) -> bytes:
    """A checkpoint in torch's oldest format."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as archive:
        for name, content in {'sys_info': whole({}), 'pickle': data, 'storages': whole(0), 'tensors': whole(0)}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def bad_archives(good: dict[str, bytes], size: int = 1 << 22) -> dict[str, Callable[[Path], None]]:
    """Writers of archives with these members and something wrong."""
    def write(path: Path, name: str = 'extra.npy', content: bytes = b'x', mode: int = 0,
              packed: int = zipfile.ZIP_STORED,
              twice: bool = False) -> None:
        with zipfile.ZipFile(path, 'w') as archive:
            for member, data in good.items():
                archive.writestr(member, data)
            for _ in range(1 + twice):
                info = zipfile.ZipInfo(name)
                info.external_attr, info.compress_type = mode << 16, packed
                archive.writestr(info, content)

    def encrypted(path: Path) -> None:
        write(path)
        data = bytearray(path.read_bytes())
        place = data.rfind(b'PK\x01\x02')
        data[place + 8] |= 1
        path.write_bytes(bytes(data))

    def truncated(path: Path) -> None:
        write(path)
        path.write_bytes(path.read_bytes()[:-40])

    def overlapping(path: Path) -> None:
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
            for member, data in good.items():
                archive.writestr(member, data)
            archive.writestr('kernel.npy', bytes(1 << 18))
            first = archive.infolist()[-1]
            for number in range(64):
                twin = zipfile.ZipInfo(f'{number}.npy')
                for field in ('header_offset', 'compress_size', 'file_size', 'CRC', 'compress_type'):
                    setattr(twin, field, getattr(first, field))
                archive.filelist.append(twin)
                archive.NameToInfo[twin.filename] = twin
            archive._didModify = True
    return {
        'zip-slip': lambda path: write(path, '../../slipped.npy'), 'absolute': lambda path: write(path,
                                                                                                  '/tmp/slipped.npy'),
        'backslash': lambda path: write(path, '..\\slipped.npy'),
        'symlink': lambda path: write(path, 'link.npy', b'/etc/passwd', stat.S_IFLNK | 0o777),
        'twice': lambda path: write(path, twice=True), 'encrypted': encrypted, 'truncated': truncated,
        'bomb': lambda path: write(path, 'bomb.npy', bytes(size), packed=zipfile.ZIP_DEFLATED),
        'bzip2 bomb': lambda path: write(path, 'bomb.npy', bytes(size), packed=zipfile.ZIP_BZIP2),
        'overlapping bomb': overlapping}


def npy(array: np.ndarray, shape: str | None = None) -> bytes:
    """The bytes of a ``.npy``, with another shape written into its header."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    data = buffer.getvalue()
    if shape is None:
        return data
    length = 10 + int.from_bytes(data[8:10], 'little')
    header = f"{{'descr': '{array.dtype.str}', 'fortran_order': False, 'shape': {shape}, }}".ljust(length - 11) + '\n'
    return data[:10] + header.encode() + data[length:]


def _png(width: int, height: int, chunks: tuple = ()) -> bytes:
    size = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    parts = [(b'IHDR', size), *chunks, (b'IDAT', zlib.compress(bytes(300))), (b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(d)) + n + d + struct.pack('>I', zlib.crc32(n + d)) for n, d in parts)


def _tiff(width: int, height: int, more: tuple = (), next_ifd: int = 0) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1),
            (278, 4, height), (279, 4, 100), *more]
    entries = b''.join(struct.pack('<HHII', tag, kind, 1, value) for tag, kind, value in sorted(tags))
    return b'II*\x00\x08\x00\x00\x00' + struct.pack('<H', len(tags)) + entries + struct.pack('<I',
                                                                                             next_ifd) + bytes(100)


@functools.cache
def images() -> dict[str, tuple[str, bytes]]:
    """Image files of at most a few kB that announce far too much, or lie: suffix and bytes."""
    side = 100000
    jpeg = b'\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0\x00\x11\x08' \
        + struct.pack('>HH', 65535, 65535) + b'\x03\x01\x11\x00\x02\x11\x01\x03\x11\x01' \
        + b'\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00' + bytes(50) + b'\xff\xd9'
    bmp = b'BM' + struct.pack('<IHHI', 1000, 0, 0, 54) + struct.pack('<IiiHHIIiiII', 40, side, side, 1, 24, 0, 0, 0, 0,
                                                                     0, 0)
    text = zlib.compress(bytes(1 << 26))
    return {
        'png 1e5 x 1e5': ('.png', _png(side, side)), 'png 2^31 x 1': ('.png', _png((1 << 31) - 1, 1)),
        'png 1 x 2^31': ('.png', _png(1, (1 << 31) - 1)), 'png 0 x 0': ('.png', _png(0, 0)),
        'png 3e4 x 3e4': ('.png', _png(30000, 30000)), 'png without data': ('.png', _png(100, 100)),
        'png text bomb': ('.png', _png(side, side, ((b'zTXt', b'a\x00\x00' + text), ))),
        'png profile bomb': ('.png', _png(side, side, ((b'iCCP', b'a\x00\x00' + text), ))),
        'jpeg 65535 x 65535': ('.jpg', jpeg), 'jpeg cut in its header': ('.jpg', jpeg[:30]),
        'tiff 1e5 x 1e5': ('.tif', _tiff(side, side)), 'tiff 2^32 x 1': ('.tif', _tiff((1 << 32) - 1, 1)),
        'tiff tile bomb': ('.tif', _tiff(side, side, ((322, 4, side), (323, 4, side)))),
        'tiff in a circle': ('.tif', _tiff(side, side, (), 8)), 'bmp 1e5 x 1e5': ('.bmp', bmp),
        'ppm 1e5 x 1e5': ('.ppm', b'P6\n100000 100000\n255\n' + bytes(20)),
        'gif 65535 x 65535': ('.gif',
                              b'GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02L\x01\x00;'),
        'webp 16383 x 16383': ('.webp', b'RIFF\x1e\x00\x00\x00WEBPVP8L\x11\x00\x00\x00/\xff\xff\xff\x0f' + bytes(13)),
        'jpeg 2000 1e5 x 1e5': ('.jp2', b'\xff\x4f\xff\x51' + struct.pack('>HHIIIIIIIIH', 41, 0, side, side, 0, 0, side,
                                                                           side, 0, 0, 1) + b'\x07\x01\x01'),
        'html': ('.jpg', b'<html>404</html>'), 'empty': ('.jpg', b''), 'a pickle': ('.png',
                                                                                    whole(Call('os.system', 'true'))),
        'zeros': ('.png', bytes(1000)), 'svg': ('.png', b'<svg width="100000" height="100000"/>'),
        'sun raster': ('.sr', b'\x59\xa6\x6a\x95' + struct.pack('>IIIIIII', side, side, 24, 0, 1, 0, 0)),
        'hdr': ('.hdr', b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 100000 +X 100000\n'),
        'exr': ('.exr', b'\x76\x2f\x31\x01' + bytes(100)), 'pfm': ('.pfm', b'PF\n100000 100000\n-1.0\n'),
    }
