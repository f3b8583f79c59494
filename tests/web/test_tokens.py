"""The colours of the console keep enough contrast, in both themes.

Reads the tokens as the browser does (light-dark() over the raw palette) and computes the WCAG 2
contrast ratio of every pair that the sheets use together: 4.5 for text, 3 for shapes and edges.
"""

import re
from pathlib import Path

import pytest

import dispatch

STYLES = Path(dispatch.__file__).parent / "web" / "static" / "styles"
TOKENS = (STYLES / "tokens.css").read_text(encoding="utf-8")
PALETTE = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", TOKENS))
MEANINGS = {
    name: {"light": light, "dark": dark}
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\(var\(--([\w-]+)\), var\(--([\w-]+)\)\);", TOKENS
    )
}
GROUNDS = ("ground", "surface", "surface-raised", "surface-hover")
STATES = ("critical", "waiting", "underway", "done", "off-duty")

TEXT_PAIRS = [
    *((text, ground) for text in ("text", "text-soft", "accent", *STATES) for ground in GROUNDS),
    *((state, f"{state}-ground") for state in STATES),
    *((text, f"{state}-ground") for state in STATES for text in ("text", "text-soft")),
    ("accent", "accent-ground"),
    ("text", "accent-ground"),
    ("text-soft", "accent-ground"),
    ("on-accent-fill", "accent-fill"),
    ("on-accent-fill", "accent-fill-hover"),
    ("on-critical-fill", "critical-fill"),
]
SHAPE_PAIRS = [
    *((shape, ground) for shape in ("edge", "focus", "critical-edge") for ground in GROUNDS),
    ("focus", "accent-ground"),
    ("focus", "critical-ground"),
    ("critical-fill", "ground"),
    ("critical-fill", "surface"),
    ("accent-fill", "surface"),
]


def luminance(colour: str) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def colour(name: str, theme: str) -> str:
    return PALETTE[MEANINGS[name][theme]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_stands_out_from_its_ground(text: str, ground: str, theme: str) -> None:
    assert contrast(colour(text, theme), colour(ground, theme)) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("shape", "ground"), SHAPE_PAIRS)
def test_a_shape_stands_out_from_its_ground(shape: str, ground: str, theme: str) -> None:
    assert contrast(colour(shape, theme), colour(ground, theme)) >= 3


def test_black_on_white_has_the_contrast_that_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_the_other_sheets_use_no_colour_of_their_own() -> None:
    raw = re.compile(
        r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(|var\(--(?:" + "|".join(PALETTE) + r")\)"
    )
    for sheet in sorted(STYLES.glob("*.css")):
        if sheet.name != "tokens.css":
            assert not raw.findall(sheet.read_text(encoding="utf-8")), sheet.name


def test_every_token_that_a_sheet_uses_exists() -> None:
    known = set(
        re.findall(
            r"(--[\w-]+):",
            "".join(sheet.read_text(encoding="utf-8") for sheet in STYLES.glob("*.css")),
        )
    )
    for sheet in sorted(STYLES.glob("*.css")):
        used = set(re.findall(r"var\((--[\w-]+)", sheet.read_text(encoding="utf-8")))
        assert used <= known, sheet.name
