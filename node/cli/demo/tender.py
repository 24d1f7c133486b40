"""The tender that is run, as its file in `deploy/three-centres/tenders` says."""
