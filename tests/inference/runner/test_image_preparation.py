from dataclasses import dataclass

import pytest

from inference.errors import EngineError, InvalidRequest
from inference.prompt.chat_template import ChatTemplate
from inference.runner.image_preparation import Images
from inference.runner.messages import ChatMessage
from tests.inference.pictures import png

RED, BLUE = png(), png(colour=(0, 0, 255))
#: A token that the model wants around each image.
BEGIN, END = 1001, 1002


@dataclass
class Part:
    num_tokens: int
    num_positions: int


class Reader:
    """An encoder that makes two parts of each image."""

    def __init__(self) -> None:
        self.num_read = 0

    def read(self, content: bytes) -> list[list[int] | Part]:
        self.num_read += 1
        return [[BEGIN], Part(4, 4), Part(6, 3), [END]]


def tokenize(text: str, is_first: bool) -> list[int]:
    """A token a character, after one that begins the prompt."""
    return [0] * is_first + [ord(character) for character in text]


def written(images: Images, messages: list[ChatMessage], *, template: str | None = None) -> str:
    """The prompt with `<` and `>` around each part's positions."""
    text = ChatTemplate(template or "{% for m in messages %}[{{ m.content }}]{% endfor %}").render(messages)
    prompt = images.tokens(text, messages, tokenize)
    starts, ends = {span.start for span in prompt.spans}, {span.end for span in prompt.spans}
    out = ""
    for place, token in enumerate(prompt.tokens):
        out += ">" * (place in ends) + "<" * (place in starts)
        out += {0: "^", BEGIN: "(", END: ")"}.get(token, "i" if token < 0 else chr(token))
    return out


def user(content: str, *images: bytes) -> ChatMessage:
    return ChatMessage("user", content, images=list(images))


def test_images_stand_before_the_text_of_their_message() -> None:
    images = Images(Reader(), [user("one"), user("two", RED, BLUE), user("three", RED)])

    picture = "(<iiii><iii>)"
    assert written(images, images.messages) == f"^[one][{picture}{picture}two][{picture}three]"


def test_prompt_may_begin_with_an_image() -> None:
    images = Images(Reader(), [user("x", RED)])

    assert written(images, images.messages, template="{{ messages[0].content }}") == "^(<iiii><iii>)x"


def test_image_takes_the_room_of_all_its_tokens() -> None:
    images = Images(Reader(), [user("x", RED)])

    prompt = images.tokens(images.messages[0].content, images.messages, tokenize)

    assert (len(prompt.tokens), prompt.size) == (1 + 1 + 4 + 3 + 1 + 1, 1 + 1 + 4 + 6 + 1 + 1)


def test_same_image_has_the_same_ids_and_another_has_others() -> None:
    images = Images(Reader(), [user("x", RED, BLUE, RED)])

    prompt = images.tokens(images.messages[0].content, images.messages, tokenize)
    first, _, other, _, again, _ = (prompt.tokens[span.start : span.end] for span in prompt.spans)

    assert first == again
    assert not {*first} & {*other}


def test_image_is_read_once_and_goes_with_its_message() -> None:
    reader = Reader()
    images = Images(reader, [user("one", RED), user("two", BLUE)])
    written(images, images.messages)

    assert written(images, images.messages[1:]) == "^[(<iiii><iii>)two]"
    assert reader.num_read == 2


@pytest.mark.parametrize(
    "text",
    ["<__media__>", "<image>", "[img-0]", "IMG" + "0" * 32 + "N0E", "IMGN0E", "<|vision_start|><|image_pad|>", "\0<__media__>\0"],
)
def test_text_that_looks_like_a_marker_stays_text(text: str) -> None:
    images = Images(Reader(), [user(text, RED), user(text)])

    assert written(images, images.messages) == f"^[(<iiii><iii>){text.replace(chr(0), '^')}][{text.replace(chr(0), '^')}]"


def test_marker_of_one_request_is_text_in_another() -> None:
    known = Images(Reader(), [user("", RED)]).messages[0].content
    images = Images(Reader(), [user(known, RED)])

    assert written(images, images.messages) == f"^[(<iiii><iii>){known}]"


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ m.role }}{% endfor %}",
        "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}",
        "{% for m in messages %}{{ m.content | upper }}{% endfor %}",
        "{{ messages[-1].content }}",
    ],
    ids=["none", "twice", "changed", "the last one only"],
)
def test_template_that_loses_images_is_told(template: str) -> None:
    images = Images(Reader(), [user("a", RED), user("b")])

    with pytest.raises(EngineError, match="chat template does not keep the images"):
        written(images, images.messages, template=template)


def test_prompt_that_ends_with_an_image_is_refused() -> None:
    class Bare(Reader):
        def read(self, content: bytes) -> list[list[int] | Part]:
            return [Part(4, 4)]

    images = Images(Bare(), [user("", RED)])

    with pytest.raises(InvalidRequest, match="ends with an image"):
        written(images, images.messages, template="{{ messages[0].content }}")


def test_image_of_no_use_is_named_and_not_given_to_the_encoder() -> None:
    reader = Reader()
    images = Images(reader, [user("a", RED), user("b", BLUE, RED[:50])])

    with pytest.raises(InvalidRequest, match=r"^Image 3 of the conversation cannot be used: it is a PNG file that is cut short"):
        written(images, images.messages)
    assert reader.num_read == 2
