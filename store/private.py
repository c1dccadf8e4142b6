"""Files and folders that nobody but their owner may read."""

import os
import stat
from pathlib import Path

FOLDER = 0o700
FILE = 0o600


def private_folder(folder: Path) -> Path:
    """Make a folder and those above it for their owner only; blocks.

    One that is there stays as it is: it may be somebody's on purpose.
    """
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(mode=FOLDER, exist_ok=True)
    return folder


def private_file(file: Path) -> Path:
    """Make a file for its owner only, or make one that is there such a file; blocks.

    SQLite gives its logs the mode of the database, so it is called before that is opened.
    """
    handle = os.open(file, os.O_CREAT | os.O_WRONLY, FILE)
    try:
        if stat.S_IMODE(os.fstat(handle).st_mode) & ~FILE:
            os.fchmod(handle, FILE)
    finally:
        os.close(handle)
    return file
