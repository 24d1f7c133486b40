"""Stand-ins for what a node needs from outside, deterministic and in memory."""
