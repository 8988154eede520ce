"""Benchmarks: scripts that run the real command and print one Markdown table; no tests, nothing timed in CI.

May import: core, regions, metrics, formats, models, and as a command all of toonctl. Never comes in:
`toonctl.training` (its drawings are what the matcher has seen), and other rooms than these.
"""
