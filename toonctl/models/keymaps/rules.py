"""Rules that rename published tensors to ours and back; a checkpoint's rules are data, not code.

A name with fields, such as `blocks.{n}.self_attn.{p:q|k|v}.{w}`, stands for every key of that form: `{n}` is
a number, `{w}` is `weight` or `bias`, `{p:PATTERN}` whatever the regular expression PATTERN matches. Both
sides of a rule use the same fields, whose patterns stand on the published side, so it reads both ways.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from toonctl.core.errors import CheckpointError

_PATTERNS = {"n": r"\d+", "w": "weight|bias"}
_FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One form of published key and what it is called here.

    `ours` may be several names: the published tensor is fused and its first axis falls into equal parts, in
    that order. `layout` is an einops pattern from the published axes to ours, where these differ.
    """

    published: str
    ours: str | tuple[str, ...]
    layout: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """Our names, one for each part."""
        return (self.ours,) if isinstance(self.ours, str) else self.ours


@dataclass(frozen=True, slots=True)
class KeyMap:
    """The rules of one published checkpoint. The first rule whose form fits a key decides.

    A key no rule fits keeps its name. `dropped` are forms of published keys that no network here uses.
    """

    name: str
    rules: tuple[Rule, ...]
    dropped: tuple[str, ...] = ()

    def our_names(self, key: str) -> tuple[str, ...]:
        """Our names of the published tensor `key`: several when it is fused, none when it is not used."""
        if any(_form(pattern).fullmatch(key) for pattern in self.dropped):
            return ()
        rule, fields = self._find(key)
        return tuple(_fill(part, fields) for part in rule.parts) if rule else (key,)

    def to_ours(self, key: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Our names and tensors of one published tensor; works on the meta device as well."""
        names = self.our_names(key)
        if not names:
            return
        rule, _ = self._find(key)
        pieces = tensor.chunk(len(names)) if len(names) > 1 else (tensor,)
        if len(pieces) != len(names):
            what = f"`{key}` of {self.name} does not fall into {len(names)} parts: {tuple(tensor.shape)}"
            raise CheckpointError(what, self.name, "install matching weights")
        for name, piece in zip(names, pieces, strict=True):
            yield name, _lay_out(piece, rule.layout, self.name, key) if rule and rule.layout else piece

    def to_published(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under their published names and layouts, fused where these are.

        Raises: KeyError when only some parts of a fused tensor are there.
        """
        published: dict[str, Tensor] = {}
        for key, tensor in tensors.items():
            rule, fields = self._find_back(key)
            if rule is None:
                published[key] = tensor
                continue
            pieces = [tensors[_fill(part, fields)] for part in rule.parts]
            if rule.layout:
                before, after = rule.layout.split("->")
                pieces = [_lay_out(piece, f"{after}->{before}", self.name, key) for piece in pieces]
            fused = torch.cat(pieces) if len(pieces) > 1 else pieces[0]
            published[_fill(rule.published, fields)] = fused
        return published

    def published_name(self, key: str) -> str:
        """What our tensor `key` is called in the published file."""
        rule, fields = self._find_back(key)
        return _fill(rule.published, fields) if rule else key

    def _find(self, key: str) -> tuple[Rule | None, Mapping[str, str]]:
        for rule in self.rules:
            if found := _form(rule.published).fullmatch(key):
                return rule, found.groupdict()
        return None, {}

    def _find_back(self, key: str) -> tuple[Rule | None, Mapping[str, str]]:
        for rule in self.rules:
            for part in rule.parts:
                if found := _form(part, rule.published).fullmatch(key):
                    return rule, found.groupdict()
        return None, {}


@cache
def _form(name: str, published: str = "") -> re.Pattern[str]:
    """The regular expression of a name with fields, whose patterns may stand in `published` instead."""
    patterns = _PATTERNS | {field[1]: field[2] for field in _FIELD.finditer(published) if field[2]}
    expression, end = "", 0
    for field in _FIELD.finditer(name):
        pattern = field[2] or patterns[field[1]]
        expression += f"{re.escape(name[end : field.start()])}(?P<{field[1]}>{pattern})"
        end = field.end()
    return re.compile(expression + re.escape(name[end:]))


def _fill(pattern: str, fields: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda field: fields[field[1]], pattern)


def _lay_out(tensor: Tensor, layout: str, name: str, key: str) -> Tensor:
    from einops import EinopsError, rearrange  # here only: most maps lay nothing out, and it loads slowly

    try:
        return rearrange(tensor, layout)
    except EinopsError as error:
        what = f"`{key}` of {name} has the shape {tuple(tensor.shape)}, not that of `{layout}`"
        raise CheckpointError(what, name, "install matching weights") from error
