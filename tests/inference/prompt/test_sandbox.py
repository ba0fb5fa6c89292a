import sys
import time

import pytest

from inference.errors import EngineError
from inference.prompt.chat_template import ChatTemplate
from inference.prompt.sandbox import MAX_SOURCE_CHARS
from inference.runner.messages import ChatMessage

USER = ChatMessage("user", "hello")

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages.__class__ }}",
    "{{ raise_exception.__globals__ }}",
    "{{ strftime_now.__code__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ messages.append(1) }}",
    "{{ messages[0].update({'a': 1}) }}",
    "{{ (messages | map(attribute='__class__') | first).mro() }}",
]

GREEDY = [
    "{{ 'a' * 10 ** 12 }}",
    "{{ 10 ** 12 * [1] }}",
    "{{ 99 ** (99 ** 5) }}",
    "{% set n = namespace(x=3) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}",
    "{% set n = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{% set n = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 1000000000) }}",
    "{{ 'a'.ljust(10 ** 12) }}",
    "{{ 'a' | center(10 ** 12) }}",
    "{{ 'a\nb' | indent(10 ** 12) }}",
    "{{ range(10 ** 9) | list }}",
    "{% for i in range(90000) %}{{ 'a' * 10000 }}{% endfor %}",
]

ENDLESS = [
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
    "{% for i in range(99999) if range(99999) | select('odd') | list | length == 0 %}x{% endfor %}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "{{ lipsum(n=99999) }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_sandbox_template_cannot_reach_into_python(source: str) -> None:
    """What is not allowed is an error, or nothing at all where a template may ask for what is not there."""
    try:
        text = ChatTemplate(source).render([USER])
    except EngineError:
        return
    assert text == ""


@pytest.mark.parametrize("source", GREEDY)
def test_sandbox_template_cannot_take_much_memory(source: str) -> None:
    template = ChatTemplate(source, seconds=2)

    with pytest.raises(EngineError):
        template.render([USER])


@pytest.mark.parametrize("source", ENDLESS)
def test_sandbox_endless_template_is_stopped_in_time(source: str) -> None:
    template = ChatTemplate(source, seconds=0.2)
    trace, started = sys.gettrace(), time.monotonic()

    with pytest.raises(EngineError, match=r"did not finish|too much text"):
        template.render([USER])

    assert time.monotonic() - started < 5
    assert sys.gettrace() == trace


def test_sandbox_too_long_source_is_refused() -> None:
    template = ChatTemplate("x" * (MAX_SOURCE_CHARS + 1))

    with pytest.raises(EngineError, match=str(MAX_SOURCE_CHARS)):
        template.render([USER])


def test_sandbox_stopped_template_works_for_the_next_request() -> None:
    source = "{% if messages[0].content == 'hang' %}" + ENDLESS[0] + "{% endif %}ok"
    template = ChatTemplate(source, seconds=0.2)
    with pytest.raises(EngineError):
        template.render([ChatMessage("user", "hang")])

    assert template.render([USER]) == "ok"
