"""The language in which a report is written.

Messages are the English texts themselves; a language is one file of them, `languages/<code>.po`, which Babel reads.
What a file lacks is said in English. The language belongs to the report that is being written, not to the process: two
threads may write in two languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

from ablate.errors import UsageError
from ablate.told import Told

ENGLISH = "en"
FILES = Path(__file__).parent / "languages"


@dataclass(frozen=True, kw_only=True)
class Language:
    """What texts are looked up in."""

    #: As users write it: `zh`.
    code: str
    #: As HTML has it: `zh-CN`.
    tag: str
    messages: GNUTranslations


class Said(str):
    """A text in another language than English."""

    #: The same in English: names of files are made of it in every language.
    english: str

    def __new__(cls, text: str, english: str) -> Said:
        """Keep both."""
        made = super().__new__(cls, text)
        made.english = english
        return made

    def __reduce__(self) -> tuple[type[Said], tuple[str, str]]:
        """For copies."""
        return Said, (str(self), self.english)


_spoken: ContextVar[Language | None] = ContextVar("spoken", default=None)


def languages() -> tuple[str, ...]:
    """Codes of all languages, English first."""
    return (ENGLISH, *sorted(file.stem for file in FILES.glob("*.po")))


def checked(code: str) -> str:
    """The code of a language that there is.

    Raises:
        UsageError: There is no such language.
    """
    if code not in languages():
        raise UsageError(
            f"there is no language {code!r} to write a report in.", cure=f"Write one of: {', '.join(languages())}."
        )
    return code


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Say everything in a language until the end of the block.

    Raises:
        UsageError: There is no such language.
    """
    token = _spoken.set(_language(checked(code)))
    try:
        yield
    finally:
        _spoken.reset(token)


@cache
def _language(code: str) -> Language | None:
    """The language of a code; None for English, whose messages need no file."""
    if code == ENGLISH:
        return None
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (FILES / f"{code}.po").open("rb") as file:
        catalog = read_po(file)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    tag = (catalog.locale_identifier or code).replace("_", "-")
    return Language(code=code, tag=tag, messages=GNUTranslations(compiled))


def spoken() -> str:
    """The code of the language that is spoken."""
    language = _spoken.get()
    return ENGLISH if language is None else language.code


def tag() -> str:
    """The language that is spoken, as HTML's `lang` has it."""
    language = _spoken.get()
    return ENGLISH if language is None else language.tag


def is_wide() -> bool:
    """Whether the language that is spoken is written in wide letters, which many fonts lack."""
    return tag().startswith(("zh", "ja", "ko"))


def say(message: str, /, **values: object) -> str:
    """A text in the language that is spoken.

    Args:
        message: A literal in English with the names of values in braces, or a text that is `told`, which may bring
            values of its own.
        values: Their values; of those that are told themselves, their translations.
    """
    if isinstance(message, Told):
        values = {**message.values, **values}
        message = message.message
    language = _spoken.get()
    if language is None or not message:  # the empty message is a file's own head
        return message.format_map(values) if values else message
    return _filled(language.messages.gettext(message), message, values)


def say_number(number: int, one: str, many: str, /, **values: object) -> str:
    """A text about a number of things, which the message has as `{n}`: `1 run`, `2 runs`.

    Args:
        number: How many there are.
        one: The message in English for one of them, a literal.
        many: That for all other numbers.
        values: Further values.
    """
    values["n"] = f"{number:,}"
    english = one if number == 1 else many
    language = _spoken.get()
    if language is None:
        return english.format_map(values)
    return _filled(language.messages.ngettext(one, many, number), english, values)


def say_as(context: str, message: str, /) -> str:
    """A short text that other languages say differently in different places.

    Args:
        context: Where it stands, a literal.
        message: The text in English, a literal.
    """
    language = _spoken.get()
    return message if language is None else Said(language.messages.pgettext(context, message), message)


def capital(text: str, /) -> str:
    """What is said or told, at the beginning of a line."""
    said = say(text)
    made = said[:1].upper() + said[1:]
    return Said(made, said.english[:1].upper() + said.english[1:]) if isinstance(said, Said) else made


def english(text: str) -> str:
    """What a text is in English, as far as it was said as one."""
    return text.english if isinstance(text, Said) else str(text)


def _filled(message: str, source: str, values: dict[str, object]) -> Said:
    if not values:
        return Said(message, source)
    texts = {name: say(value) if isinstance(value, Told) else value for name, value in values.items()}
    plain = {name: english(value) if isinstance(value, str) else value for name, value in values.items()}
    return Said(message.format_map(texts), source.format_map(plain))
