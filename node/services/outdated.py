"""Quorum forms that no longer count: cosigned under a quorum that had ended.

It happens to a node that did not hear of a change of members in time (its chain was away): its
checkpoints went on to get the old quorum. What they cover gets the next checkpoint's quorum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import LogError
from node.core.log.eras import check_in_eras

if TYPE_CHECKING:
    from node.services.members import Members
    from node.services.ports import Store


def forget_outdated(store: Store, members: Members) -> int:
    """Drop them from all logs that we hold, newest first; gives how many. Blocking."""
    dropped = 0
    for member in members.by_id.values():
        eras = members.eras(member.id)
        while (newest := store.newest(member.origin)) is not None:
            try:
                check_in_eras(newest.quorum or "", eras)
            except LogError:
                store.drop_quorum(member.origin, newest.size)
                dropped += 1
                continue
            break
    return dropped
