from mmxas.compat import StackError
from mmxas.errors import UsageError


def test_it_is_no_error_that_a_library_raises_or_catches():
    """What the package catches as a wrong value or a missing file must not swallow a mistake of the user."""
    assert not issubclass(UsageError, ValueError | OSError | KeyError | StackError)
