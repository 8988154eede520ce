"""Ground floor: records, errors, time, atomic files.

May import: numpy and the standard library. Never comes in: any other room, torch, cv2, PIL, typer, rich.
"""
