"""The story of each command, a page long, one file each.

May import: every room but cli, inside the functions what is heavy. Never comes in: cli, typer, rich; torch.
"""
