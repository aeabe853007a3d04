"""Removes a directory with the data of servers."""

import concurrent.futures
import os
import pathlib
import shutil

AT_ONCE = 8


def remove_tree(root: pathlib.Path) -> None:
    """As far as it can. Files go several at a time: a file system may take milliseconds for each, and a PostgreSQL alone has a thousand."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for folder, _, files in os.walk(root):
            pool.map(os.unlink, [os.path.join(folder, name) for name in files])
    shutil.rmtree(root, ignore_errors=True)
