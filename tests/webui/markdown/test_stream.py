"""Block by block equals all at once, whatever the text and wherever it is cut."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.webui.markdown.allowed import parse_allowed
from tests.webui.markdown.page import Page
from webui.markdown import BlockStream, BlockView, render

LINES = """
plain text
  two spaces in
    four spaces in
\ttab in
# heading
## heading ##
setext
===
---
***
- item
-
* other item
1. first
2. second
10) tenth
  - nested
    - nested deeper
      continued
- [ ] to do
- ```
  ```
> quote
>> quote in quote
> - item in quote
>
> ```
lazy
```
```python
````
~~~
~~~ text
   ```
def f(x): return "a" # b
| a | b |
|---|:-:|
| 1 | `2|` |
a | b
--|--
$$
$$x$$
$$x
x$$
\\[
\\]
\\[ y \\]
$a_1$ and \\(b\\)
**bold** _it_ ~~s~~ `code`
**unclosed
`unclosed
[link](https://a.example) <https://b.example>
![image](https://a.example/x.png)
<div>
</div>
<!--
&amp; &copy; \\*
hard break  \nend\\
中文，标点。𝒳😀
a\u202eb\x00c
""".strip("\n").split("\n")

lines = st.one_of(st.sampled_from(LINES), st.just(""), st.text(alphabet="ab \t`*_#>-+1.|$\\[]()!~=:\n😀é", max_size=12))
documents = st.builds(
    lambda parts, ending, last: ending.join([*parts, last]),
    st.lists(lines, max_size=14),
    st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    lines,
)
sizes = st.lists(st.integers(1, 40), min_size=1, max_size=12)
quick = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def has_definitions(text: str) -> bool:
    return "]:" in text


def pieces(text: str, lengths: list[int]) -> list[str]:
    cut, position = [], 0
    while position < len(text):
        length = lengths[len(cut) % len(lengths)]
        cut.append(text[position : position + length])
        position += length
    return cut


def streamed(text: str, lengths: list[int]) -> BlockStream:
    stream = BlockStream()
    for piece in pieces(text, lengths):
        stream.append(piece)
    stream.finish()
    return stream


@given(documents, sizes)
@quick
@example("a\n$$x\n# b\ny$$\n", [1])
@example("- a\n\n  $$x\n\n# b\n", [1])
@example("a | b\r\n--|--\r\n1 | 2\r\n\r\nx", [1])
@example("```\na\n``", [1])
@example("- ```\n  a\n\n  b\n  ```\n\nx\n", [2])
@example("> a\nlazy\n===\n", [1])
@example("    a\n\n\n    b\n\nc", [1])
def test_blocks_equal_the_whole(text: str, lengths: list[int]) -> None:
    stream = streamed(text, lengths)

    assert stream.text == text
    assert [(first.end, second.start) for first, second in pairwise(stream.closed) if first.end != second.start] == []
    assert (stream.closed[0].start, stream.closed[-1].end) == (0, len(text)) if text else not stream.closed
    assert stream.open_start == len(text)
    if not has_definitions(text):
        assert "".join(block.html for block in stream.closed) == render(text)
        for block in stream.closed:
            assert block.html == render(text[block.start : block.end])


@given(documents, sizes, st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(0, 200))
@quick
def test_frames_replayed_give_the_final_html(text: str, lengths: list[int], strides: list[int], start: int) -> None:
    stream = BlockStream()
    readers = [(BlockView(stream, stream=number), Page(), stride) for number, stride in enumerate(strides)]
    late: tuple[BlockView, Page] | None = None
    for turn, piece in enumerate(pieces(text, lengths)):
        stream.append(piece)
        if late is None and len(stream.text) >= start:
            late = BlockView(stream, stream=9, offset=stream.open_start), Page()
            late[1].blocks, late[1].offset = stream.closed_html()
        for view, page, stride in readers:
            if turn % stride == 0:
                page.take(view.frames())
                assert view.is_caught_up
                page.assert_shows(stream.render_open())
                parse_allowed(page.html)
    stream.finish()
    everyone = [(view, page) for view, page, _ in readers] + ([late] if late else [])

    for view, page in everyone:
        page.take(view.frames())
        assert view.is_caught_up and view.frames() == []
        assert (page.blocks, page.html, page.offset) == (*stream.closed_html()[:1], "", len(text))


@given(documents, sizes, st.integers(0, 300))
@quick
def test_a_reader_joins_at_any_closed_block(text: str, lengths: list[int], choice: int) -> None:
    stream = streamed(text, lengths)
    before, offset = stream.closed_html(choice)
    page = Page()
    page.blocks, page.offset = before, offset

    page.take(BlockView(stream, stream=1, offset=offset).frames())

    assert offset <= choice
    assert page.blocks == stream.closed_html()[0]


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("# a\n", 4),
        ("a\n", 0),
        ("a\n\n", 3),
        ("a\n===\n", 6),
        ("---\n", 4),
        ("- a\n\n", 0),
        ("- a\n\nb\n", 5),
        ("```\na\n", 0),
        ("```\na\n```\n", 10),
        ("```\na\n\n# b\n", 0),
        ("> a\n\n", 5),
        ("a | b\n--|--\n1 | 2\n\n", 19),
        ("$$\nx\n$$\n", 8),
        ("a\n$$x\n# b\n", 0),
        ("    a\n\n", 0),
        ("[a]: https://a.example\n\n", 24),
        ("a\r\n\r\n", 5),
        ("a\n\n\r", 3),
    ],
)
def test_block_closes_as_soon_as_nothing_can_change_it(text: str, closed: int) -> None:
    stream = BlockStream()
    for character in text:
        stream.append(character)

    assert stream.open_start == closed


def test_earlier_link_definition_serves_later_blocks() -> None:
    stream = streamed("[a]: https://a.example\n\nsee [a]\n\nend\n", [3])

    assert stream.closed_html()[0] == render("[a]: https://a.example\n\nsee [a]\n\nend\n")


def test_closed_html_up_to_an_offset_is_whole_blocks() -> None:
    stream = BlockStream("a\n\nb\n\nc")

    assert [stream.closed_html(upto) for upto in (0, 2, 3, 5, 6, None)] == [
        ("", 0),
        ("", 0),
        ("<p>a</p>\n", 3),
        ("<p>a</p>\n", 3),
        ("<p>a</p>\n<p>b</p>\n", 6),
        ("<p>a</p>\n<p>b</p>\n", 6),
    ]
