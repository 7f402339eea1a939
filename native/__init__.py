"""The kernel: compiled from *.pyx. Importing it checks that it was compiled."""

try:
    from . import fold as fold
except ImportError as error:
    raise ImportError(
        "vafa's compiled modules are missing: run `pip install .`, or in a checkout "
        f"`python setup.py build_ext --inplace` ({error})"
    ) from error
