"""Loaded by pytest before Django reads its settings: every run has a data directory and a secret of its own."""

import atexit
import os
import shutil
import sys
import tempfile

data = tempfile.mkdtemp(prefix="hearth-tests-")
atexit.register(shutil.rmtree, data, ignore_errors=True)

#: The same tests against another database: see tests/webui/test_postgresql.py.
database = os.environ.get("TEST_DATABASE_URL", "")

#: COLUMNS and LINES would outdo the size that a test gives to a terminal; pytest-xdist sets them.
FOREIGN = ("DATABASE_URL", "COLUMNS", "LINES")

for name in list(os.environ):
    if name.startswith(("HEARTH_", "OLLAMA_")) or name in FOREIGN:
        del os.environ[name]
os.environ["HEARTH_DATA"] = data
os.environ["HEARTH_SECRET_KEY"] = "only-for-tests-and-nowhere-else-0123456789abcdef"
if database:
    os.environ["DATABASE_URL"] = database


def pytest_unconfigure() -> None:
    """llama-cpp-python opens /dev/null when it is imported and leaves the closing to the interpreter, which warns."""
    utils = sys.modules.get("llama_cpp._utils")
    if utils is not None:
        utils.outnull_file.close()
        utils.errnull_file.close()
