"""A node killed before every write of publishing, pulling, erasing, purging and restoring: how many points
were tried, and how many records were lost. The work itself is `tests.crashes`, which forks and so wants a
process of its own."""

import json
import subprocess
import sys
from typing import Any


def run(most: int | None = None) -> dict[str, Any]:
    """Kill the node.

    Args:
        most: points of each piece of work; every one when None.

    Returns:
        `points` that there are, `tried` ones, `lost` records, what else was `wrong`, the number of `writes`
        by piece of work, and the `seconds` that it took.
    """
    command = [sys.executable, "-m", "tests.crashes", str(most or 0)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:])), indent=1))
