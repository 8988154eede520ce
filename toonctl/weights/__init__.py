"""Small trained weights that ship with toonctl, each with a card beside it that says how it was made.

May import: nothing. Never comes in: code.
"""
