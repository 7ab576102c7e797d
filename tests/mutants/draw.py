"""Draws small changes of C++ source: one operator, constant, call or operand at a time.

A change is (offset, old text, new text, what it is). Only code is changed: comments, strings,
characters and preprocessor lines are left out by a lexer that knows no more of C++.
"""
import random
import re

# What takes no part; in this order, so that a quote within a comment begins no string.
SKIPPED = re.compile(
    r"//[^\n]*|/\*.*?\*/|R\"\(.*?\)\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'|^[ \t]*#[^\n]*",
    re.S | re.M)

# Binary operators stand between spaces in this source, templates' brackets do not.
OPERATORS = {"+": "-", "-": "+", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=",
             "!=": "==", "&&": "||", "||": "&&", "*": "+", "/": "*", "%": "/"}
WORDS = {"min": "max", "max": "min", "true": "false", "false": "true", "first": "last",
         "last": "first", "any_of": "all_of", "all_of": "any_of"}


def blanked(text):
    """`text` with everything but code replaced by spaces; offsets stay."""
    return SKIPPED.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def changes(text):
    """All changes of `text`, in the order of their places."""
    code = blanked(text)
    found = []

    def add(match, new, what, group=0):
        begin, end = match.span(group)
        found.append((begin, text[begin:end], new, what))

    for match in re.finditer(r"(?<= )([-+<>=!&|*/%]{1,2})(?= )", code):
        if match.group() in OPERATORS:
            add(match, OPERATORS[match.group()], "operator")
    for match in re.finditer(r"\b(" + "|".join(WORDS) + r")\b(?!\s*[{:])", code):
        add(match, WORDS[match.group()], "word")
    for match in re.finditer(r"(?<=[ (])!(?=[\w(])", code):
        add(match, "", "negation")
    for match in re.finditer(r"(?<![\w.<])\d+(?![\w.>])", code):
        add(match, str(int(match.group()) + 1), "constant")
    for match in re.finditer(r"(?<=\()([\w.]+), ([\w.]+)(?=[,)])", code):
        a, b = match.groups()
        if a != b:
            add(match, f"{b}, {a}", "operands")
    # A statement of one line that calls a function for what it does.
    for match in re.finditer(r"^ +((?:\w+[.]|\w+->)*\w+\([^;{}\n]*\);)$", code, re.M):
        if not match.group(1).startswith(("return", "if", "for", "while")):
            add(match, ";", "statement", 1)
    return sorted(found)


def draw(sources, count, seed):
    """`count` different changes of `sources` (path: text); each file has an equal chance.

    The same seed draws the same from the same sources. Returns (path, change)s.
    """
    rng = random.Random(seed)
    paths = sorted(path for path, text in sources.items() if changes(text))
    drawn = []
    while len(drawn) < count:
        path = rng.choice(paths)
        one = (path, rng.choice(changes(sources[path])))
        if one not in drawn:
            drawn.append(one)
    return drawn


def applied(text, change):
    begin, old, new, _ = change
    assert text[begin:begin + len(old)] == old
    return text[:begin] + new + text[begin + len(old):]
