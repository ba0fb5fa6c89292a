"""What rendered HTML may hold, written down a second time, independently of the sanitiser's own list."""

import re

from bs4 import BeautifulSoup, Comment, Tag

ELEMENT_NAMES = """
p br hr h3 h4 h5 h6 blockquote ul ol li div section figure figcaption pre a em strong s code span sup button
table thead tbody tr th td math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover
mmultiscripts mprescripts none mtable mtr mtd mlabeledtr mpadded mphantom mstyle menclose mfenced
"""
ELEMENTS = set(ELEMENT_NAMES.split())
ATTRIBUTES = {
    "a": {"href", "title", "id", "target", "rel", "class"},
    "button": {"type", "class", "data-src", "data-alt"},
    "div": {"class", "tabindex"},
    "pre": {"tabindex"},
    "ol": {"start", "class"},
    "li": {"id", "class"},
    "section": {"class", "aria-label"},
    "span": {"class", "role", "aria-label"},
}
CLASS_NAMES = """
footnote-back copy remote-image formula-source table-scroll formula footnote-note raw-text code task tasks footnotes
task-box done footnote-label footnote-reference align-left align-center align-right
"""
OWN_CLASSES = set(CLASS_NAMES.split())
ADDRESS = re.compile(r"(?:https?://|mailto:|#md-fn)", re.IGNORECASE)
FORBIDDEN_MATH_ATTRIBUTES = {"href", "xlink:href", "style", "class", "id", "actiontype", "src", "mathcolor", "mathbackground"}


def parse_allowed(html: str) -> BeautifulSoup:
    """Parse HTML and assert that it holds only what a page may show; return it for further questions."""
    soup = BeautifulSoup(html, "html.parser")
    assert not soup.find_all(string=lambda string: isinstance(string, Comment))
    for element in soup.find_all(True):
        _assert_allowed(element)
    return soup


def _assert_allowed(element: Tag) -> None:
    assert element.name in ELEMENTS, element
    is_math = element.name == "math" or element.find_parent("math") is not None
    for name, value in element.attrs.items():
        assert not name.startswith("on") and name not in {"style", "src", "srcset", "action", "formaction", "name"}, element
        if is_math:
            assert name not in FORBIDDEN_MATH_ATTRIBUTES, element
        elif element.name not in {"figure", "code", "sup", "td", "th", "ul"}:
            assert name in ATTRIBUTES.get(element.name, set()), element
        else:
            assert name == "class", element
        if name in {"href", "data-src"}:
            assert ADDRESS.match(str(value)), element
        if name == "id":
            assert str(value).startswith("md-fn"), element
    for name in element.get_attribute_list("class"):
        assert name is None or name in OWN_CLASSES or re.fullmatch(r"[a-z][a-z0-9]{0,3}", name), element
