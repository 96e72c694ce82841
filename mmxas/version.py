"""The version of mmxas."""
__version__ = '0.1.0'
version_info = tuple(int(part) for part in __version__.split('.'))

__all__ = ['__version__', 'version_info']
