"""Prompts as the text encoders of Wan and CLIP saw them in training."""

import html

import ftfy


def cleaned(text: str) -> str:
    """The text with broken encodings mended and HTML entities resolved, twice as published; single blanks."""
    return " ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split())
