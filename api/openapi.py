"""Write the document that is committed: `python -m api.openapi > api/openapi.json`."""

from __future__ import annotations

import sys

from api.app import routes_only
from api.contract import document_of

if __name__ == "__main__":
    sys.stdout.write(document_of(routes_only()))
