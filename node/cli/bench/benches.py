"""The table of all benches. Reading it imports none of them.

To add one: write `node/cli/bench/<file>.py` with a function that takes a `Setting` and gives a
`Pair`, its floor's code beside it, and add its line here. The goals are those of the project's
plan; a bench without one there says in its module why its goal is what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bench:
    """One bench: where it is (`module:function`), its goal, its floor, and both in words.

    `runs` is how often value and floor are measured at most.
    """

    target: str
    goal: str
    floor: str
    how: str
    zh: str
    en: str
    runs: int = 5


BENCHES: Mapping[str, Bench] = {
    "log.accept_stream": Bench(
        "node.cli.bench.accept:stream",
        "0.40",
        "ed25519.verify",
        "libsodium checks the signatures of such records, on one thread for each core",
        "成批接收记录（双向 TLS，全部检查，落盘）",
        "records accepted in batches: mutual TLS, all checks, on the disk",
    ),
    "log.accept_one": Bench(
        "node.cli.bench.accept:one",
        "0.80",
        "grpc.empty",
        "empty unary calls to a server process of the same TLS and gRPC, as many at once",
        "逐条接收记录（64 个并发调用）",
        "records accepted one a call, 64 calls at once",
    ),
    "log.append": Bench(
        "node.cli.bench.append:append",
        "0.40",
        "tiles.fsync",
        "the same records written as C2SP tiles and bundles, each file and folder synced",
        "追加到日志：记录入库并签发检查点",
        "records appended to the log: rows committed, checkpoint signed and stored",
    ),
    "log.proofs": Bench(
        "node.cli.bench.proofs:proofs",
        "0.50",
        "sha256.path",
        "one SHA-256 over 65 bytes for each hash of a proof: what checking it costs at least",
        "包含证明",
        "inclusion proofs made",
    ),
    "verify.bundle": Bench(
        "node.cli.bench.bundle:bundle",
        "0.50",
        "signatures+sha256",
        "each signature of the file checked by its library alone, each byte of it hashed once",
        "离线验证一个完整项目的证据文件",
        "evidence files of a whole tender verified offline",
    ),
    "replay.tenders": Bench(
        "node.cli.bench.replay:tenders",
        "1.00",
        "target",
        "the target set for this machine: 5 tenders a second",
        "整个网络每秒完成的真实项目",
        "real tenders carried through a whole network",
        runs=1,
    ),
    "chain.anchor": Bench(
        "node.cli.bench.anchor:anchor",
        "0.50",
        "rpc.raw",
        "transactions signed beforehand, sent as they are by plain JSON-RPC to the same chain",
        "把检查点写到链上",
        "checkpoints anchored on the chain, one after the other",
    ),
}
"""Name -> bench, in the order in which they are run."""
