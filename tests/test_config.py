"""`config/default.toml` is the documentation of every setting, complete and nothing else."""

import dataclasses
import re
import tomllib

from dispatch.settings import SECTIONS, shipped

FILE = shipped("config") / "default.toml"


def test_every_setting_has_a_default_and_every_default_a_setting():
    in_file = {
        (section, key)
        for section, keys in tomllib.loads(FILE.read_text(encoding="utf-8")).items()
        for key in keys
    }
    in_program = {
        (section, field.name)
        for section, kind in SECTIONS.items()
        for field in dataclasses.fields(kind)
    }
    assert in_file == in_program


def test_a_comment_says_what_every_setting_means():
    unexplained, explained = [], False
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("["):
            explained = False
        elif line.startswith("#"):
            explained = True
        elif re.match(r"\w+ = ", line) and not explained:
            unexplained.append(line)
    assert unexplained == []
