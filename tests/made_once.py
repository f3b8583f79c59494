"""What each test's application would make anew, made once in a process: templates and routes.

Each web test has an application of its own, and compiling its templates and the builders of its
addresses takes longer than the test. What is compiled depends on their sources alone, so that
nothing of one test reaches another.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing.rules import Rule


class _Compiled(BytecodeCache):
    """Compiled templates; Jinja names each by its source."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        made = self._made.get((bucket.key, bucket.checksum))
        if made is not None:
            bucket.bytecode_from_string(made)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._made[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


_compile = Rule._compile_builder


def _when_used(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    """Return what builds a rule's addresses and compiles itself when the first is built."""
    made: list[Callable[..., tuple[str, str]]] = []

    def build(bound: Rule, /, *values: Any, **named: Any) -> tuple[str, str]:
        if not made:
            made.append(_compile(rule, append_unknown))
        return made[0](bound, *values, **named)

    return build


def install() -> None:
    """Let every application of this process share what was compiled."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Compiled()}
    Rule._compile_builder = _when_used
