"""The line of every key, whatever form of TOML it is written in."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toonctl.spec.keylines import KeyPath, key_lines

TEXT = '''\
top = 1 # one
"quoted key" = [1,
  { inner = "]" , deep.er = 2 },
  "#",
]

[table]
a.b.c = """
[not.a.table]
x = 1 \\""" ""\"""
'single' = \'\'\'
y = 2\'\'\'
date = 1979-05-27 07:32:00
[table.sub."x.y"]
z = { p = 1, q = [ { r = 1 } ] }
[[list]]
k = 1
[[list]]
k = 2
[list.inner]
m = -1.5e3
[[list.more]]
n = 1
[[list.more]]
n = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("quoted key",), 2),
        (("quoted key", 1, "inner"), 3),
        (("quoted key", 1, "deep", "er"), 3),
        (("quoted key", 2), 4),
        (("table",), 7),
        (("table", "a", "b"), 8),
        (("table", "a", "b", "c"), 8),
        (("table", "single"), 11),
        (("table", "date"), 13),
        (("table", "sub", "x.y"), 14),
        (("table", "sub", "x.y", "z", "q", 0, "r"), 15),
        (("list",), 16),
        (("list", 0), 16),
        (("list", 0, "k"), 17),
        (("list", 1), 18),
        (("list", 1, "k"), 19),
        (("list", 1, "inner", "m"), 21),
        (("list", 1, "more", 0, "n"), 23),
        (("list", 1, "more", 1, "n"), 25),
        (("list", 1, "absent"), 18),
        (("nothing",), 1),
    ],
)
def test_key_has_its_line(path: KeyPath, line: int) -> None:
    tomllib.loads(TEXT)
    assert key_lines(TEXT).line_of(path) == line


@given(
    st.dictionaries(
        st.text("ab_-9", min_size=1, max_size=4),
        st.one_of(
            st.integers(),
            st.booleans(),
            st.text("x]}#,='\\\"\n", max_size=6),
            st.lists(st.integers(), max_size=3),
        ),
        max_size=6,
    )
)
def test_any_document_keeps_the_order_of_its_keys(values: dict[str, object]) -> None:
    def spelled(value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, str):
            return '"""' + value.replace("\\", "\\\\").replace('"', '\\"') + '"""'
        return str(value)

    lines: dict[str, int] = {}
    text = ""
    for key, value in values.items():
        lines[key] = text.count("\n") + 1
        text += f"{key} = {spelled(value)}\n"
    assert set(tomllib.loads(text)) == set(values)
    found = key_lines(text)
    assert {key: found.line_of((key,)) for key in values} == lines
