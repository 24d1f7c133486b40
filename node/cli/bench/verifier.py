"""One verification in a process of its own, for `verify.bundle`: nothing is remembered from before.

Started as `python -m node.cli.bench.verifier EVIDENCE TRUST`. It reads both files and says `ready`;
told to go on, it verifies and says the verdict's word.
"""

from __future__ import annotations

import sys
from pathlib import Path

from node.core.evidence.trust import parse_trust
from node.core.evidence.verify import verify


def main(evidence: Path, trust: Path) -> None:
    """Wait for a line, verify once."""
    data, policy = evidence.read_bytes(), parse_trust(trust.read_bytes())
    print("ready", flush=True)
    if sys.stdin.readline():
        print(verify(data, policy).word, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
