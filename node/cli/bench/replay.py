"""replay.tenders: real tenders through a whole network, by `yuanping replay` itself.

Its floor is no program but the target set for this machine, 5 tenders a second on two cores: least
work that carries a tender would be another implementation of everything. Founding the network and
entering the experts count, as they do in the command's own figure; a larger file dilutes them.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.bench.measure import Pair, Work
from node.cli.bench.setting import LeftOut
from node.cli.language import say
from node.cli.output import Output
from node.cli.replay.command import JOBS, TOGETHER
from node.core.errors import NodeError

if TYPE_CHECKING:
    from node.cli.bench.setting import Setting

TARGET = 5.0
"""Tenders a second."""
DEFAULT_DATA = "../shared/data"
FILE = "tsuchiura_2007_2011.csv"


def tenders(setting: Setting) -> Pair:
    """Carry the first tenders of the file. Raises LeftOut where the data is not there."""
    csv = Path(os.environ.get("YUANPING_DATA", DEFAULT_DATA)) / FILE
    if not csv.is_file():
        raise LeftOut(
            say(f"没有 {csv}（设置 YUANPING_DATA）", f"no {csv}; set YUANPING_DATA to its folder")
        )
    limit = setting.amount(2 * TOGETHER, 6)

    def value() -> Work:
        return lambda: replay(csv, limit, setting.folder / "replay")

    return Pair(value, TARGET)


def replay(csv: Path, limit: int, out: Path) -> int:
    """Run the command as it is by default; how many tenders were verified.

    Raises NodeError if not all went well.
    """
    from node.cli.replay.run import Wanted, run_replay

    told = io.StringIO()
    wanted = Wanted(csv, None, limit, JOBS, TOGETHER, out, resume=False)
    status = run_replay(wanted, Output(as_json=True, out=told))
    end = json.loads(told.getvalue().splitlines()[-1])
    if status != 0:
        raise NodeError(f"the replay did not go well: {end}")
    return int(end["verified"])
