"""Changing an honest file a little: single bytes, lines and cells of its text, or leaves and branches of its tree.

Everything that is random comes from the ``Random`` that is passed in, so that one number gives one file again, and
hypothesis can pass one of its own, whose choices it makes simpler.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import re
import zipfile
import zlib
from random import Random
from typing import Any
from xml.etree import ElementTree

import yaml
from fuzz.odd_values import odd_key, odd_number, odd_text, odd_value
from fuzz.seeds import Seed, encoded
from fuzz.weight_values import odd_leaf

_BYTES = (
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r",
    b'"',
    b"\x80",
    b"\xed\xa0\x80",
    b"\xc2\xb2",
    b"\t",
)
_MOST_BYTES = 200_000
_YAML_TAGS = (
    *("!!binary", "!!timestamp", "!!set", "!!omap", "!!pairs", "!!int", "!!float", "!!bool", "!!null", "!!str"),
    *("!!map", "!!seq", "!!python/object/apply:os.getcwd []", "!local", "!!merge", "!!value", "&a", "*a", "!<x>"),
)
_YAML_LINES = (
    *("<<: *a", "&b b: *b", "? [1, 2]\n: 3", "? {x: 1}\n: 2", "1: 2", "null: 1", "true: 1", "2001-01-01: 1", "=: 1"),
    *("x: &x [*x]", "x: !!binary a", "x: !!binary AAAA", "x: !!timestamp 2001-99-99", "x: 2001-02-30", "x: 12:99:99"),
    *(
        "x: !!set {a, b}",
        "x: !!int a",
        "x: !!float a",
        "x: 0b2",
        "x: 0o9",
        "x: 1__0",
        "x: .inf",
        "x: .nan",
        "---",
        "...",
    ),
    *("%YAML 3.0", "x: !!bool 7", "? !!binary AAAA\n: 1", "? !!set {a}\n: 1", "<<: [1]", "<<: 1", "<<: {a: 1}", "\t"),
)


def mutated(seed: Seed, random: Random) -> bytes:
    """Return the bytes of a changed copy of a seed."""
    if seed.kind in ("json", "yaml") and random.random() < 0.06:
        content = _made(seed, random)
    elif seed.kind in ("json", "xml", "weights") and random.random() < 0.75:
        tree = copy.deepcopy(seed.data) if seed.kind != "weights" else _copied(seed.data)
        for _ in range(_few(random)):
            tree = _change_xml(tree, random) if seed.kind == "xml" else _change_tree(seed, tree, random)
        content = _encoded(seed, tree, random)
    elif seed.kind == "yaml" and random.random() < 0.7:
        content = _changed_yaml(seed.data, random).encode("utf-8", "surrogatepass")
    else:
        content = seed.content()
        for _ in range(_few(random)):
            content = random.choice(_CHANGES[seed.kind == "weights"])(content, random)
    if seed.kind != "weights" and random.random() < 0.02:
        content = _packed(content, random)
    return content[:_MOST_BYTES] if seed.kind != "weights" else content


def _few(random: Random) -> int:
    return random.choice((1, 1, 1, 2, 2, 3, 6))


def change_bytes(content: bytes, random: Random) -> bytes:
    """Flip, cut, insert, repeat or splice some bytes."""
    if not content:
        return random.choice(_BYTES)
    where, other = random.randrange(len(content)), random.randrange(len(content))
    first, last = min(where, other), max(where, other)
    kind = random.randrange(7)
    if kind == 0:
        return content[:where] + bytes([content[where] ^ (1 << random.randrange(8))]) + content[where + 1 :]
    if kind == 1:
        return content[:where] + random.choice(_BYTES) + content[where:]
    if kind == 2:
        return content[:where]
    if kind == 3:
        return content[:first] + content[last:]
    if kind == 4:
        last = min(last, first + 300)
        return content[:last] + content[first:last] * random.choice((1, 2, 30)) + content[last:]
    if kind == 5:
        length = min(random.randrange(1, 60), len(content))
        return content[:where] + content[other : other + length] + content[where + length :]
    return content[:where] + bytes([random.randrange(256)]) + content[where + 1 :]


def change_pickle(content: bytes, random: Random) -> bytes:
    """Change some bytes of the pickle in PyTorch's archive, whose checksum is right again afterwards."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return change_bytes(content, random)
    changed = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(changed, "w") as copied:
            for record in archive.infolist():
                data = archive.read(record)
                name = record.filename
                copied.writestr(name, change_bytes(data, random) if name.endswith("data.pkl") else data)
    except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, OSError, zlib.error):
        return change_bytes(content, random)
    return changed.getvalue()


_TOKEN = re.compile(r"[-+]?\d[\d.]*|[A-Za-z_][\w-]*|[^\w\s]")


def change_text(content: bytes, random: Random) -> bytes:
    """Replace, remove, repeat or swap a token or a line of a text."""
    text = content.decode("utf-8", "surrogateescape")
    kind = random.randrange(8)
    if kind < 5:
        tokens = list(_TOKEN.finditer(text))
        if not tokens:
            return odd_text(random).encode("utf-8", "surrogatepass")
        token = random.choice(tokens)
        new = (
            _as_text(odd_number(random)),
            odd_text(random),
            "",
            random.choice(tokens)[0],
            token[0] * random.choice((2, 40)),
        )[kind]
        text = text[: token.start()] + new + text[token.end() :]
    else:
        lines = text.splitlines(keepends=True) or [""]
        where, other = random.randrange(len(lines)), random.randrange(len(lines))
        if kind == 5:
            lines[where] = lines[other]
        elif kind == 6:
            lines[where : where + 1] = random.choice(([], [lines[where]] * 3, ["\n"], [odd_text(random) + "\n"]))
        else:
            lines[where], lines[other] = lines[other], lines[where]
        text = "".join(lines)
    return text.encode("utf-8", "surrogateescape" if _is_escaped(text) else "surrogatepass")


_CHANGES = {True: (change_bytes, change_pickle, change_pickle), False: (change_bytes, change_text, change_text)}
"""Whether a seed holds weights -> what may happen to its bytes."""


def _is_escaped(text: str) -> bool:
    return bool(re.search("[\udc80-\udcff]", text)) and not re.search("[\ud800-\udc7f\udd00-\udfff]", text)


def _as_text(number: float) -> str:
    return "1" + "0" * 400 if isinstance(number, int) and number > 10**300 else str(number)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every value below the top of a tree of dicts and lists."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], dict | list):
                waiting.append(node[key])
    return found


def _change_tree(seed: Seed, tree: Any, random: Random) -> Any:
    """Change a tree of dicts and lists, in place where that is possible."""
    odd = odd_leaf if seed.kind == "weights" else odd_value
    places = _places(tree)
    if not places or random.random() < 0.01:
        return odd(random)
    node, key = random.choice(places)
    kind = random.randrange(9)
    if kind < 4:
        node[key] = odd(random) if kind else odd_like(node[key], random, odd)
    elif kind == 4:
        del node[key]
    elif kind == 5:
        other, place = random.choice(places)
        with_key = place in other if isinstance(other, dict) else place < len(other)
        if with_key:
            node[key] = copy.deepcopy(other[place]) if seed.kind != "weights" else _copied(other[place])
    elif kind == 6 and isinstance(node, dict):
        value = node.pop(key)
        node[odd_key(random) if seed.kind != "weights" else random.choice((odd_key(random), 7, None, (1, 2), b"x"))] = (
            value
        )
    elif kind == 7:
        value = copy.deepcopy(node[key]) if seed.kind != "weights" else _copied(node[key])
        if isinstance(node, list):
            node.insert(key, value)
        else:
            node[f"{key}{random.choice(('', '0', '.x'))}" if isinstance(key, str) else odd_key(random)] = value
    else:
        node[key] = [node[key]] if random.random() < 0.5 else {str(key): node[key]}
    return tree


def odd_like(value: Any, random: Random, odd: Any = odd_value) -> Any:
    """Return an odd value of the type of another, which gets past a check of types."""
    if isinstance(value, bool):
        return random.choice((0, 1, "true", "False"))
    if isinstance(value, int | float):
        return random.choice((odd_number(random), -value, value * 10**6, _as_text(value), value // 3))
    if isinstance(value, str):
        return random.choice((odd_text(random), value.upper(), value[:-1], value + odd_text(random), " " + value))
    return odd(random)


def _copied(value: Any) -> Any:
    """Return a copy of dicts and lists; tensors and other leaves are shared."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _encoded(seed: Seed, tree: Any, random: Random) -> bytes:
    if seed.kind != "json":
        return encoded(seed, tree)
    escaped = random.random() < 0.8
    try:
        text = json.dumps(tree, ensure_ascii=escaped)
    except ValueError:  # an integer of more digits than Python writes
        text = json.dumps(tree, default=str) if False else '{"id": ' + "9" * 5000 + "}"
    return text.encode("utf-8", "surrogatepass")


def _change_xml(root: ElementTree.Element, random: Random) -> ElementTree.Element:
    """Change one element of a tree: an attribute, its text, its name or its place."""
    elements = list(root.iter())
    element, other = random.choice(elements), random.choice(elements)
    kind = random.randrange(9)
    if kind < 4 and element.attrib:
        name = random.choice(list(element.attrib))
        value = element.attrib[name]
        element.attrib[name] = random.choice((_xml_text(odd_text(random)), _as_text(odd_number(random)), value * 2))
        if kind == 3:
            del element.attrib[name]
    elif kind == 4 or kind < 4:
        element.text = random.choice((_xml_text(odd_text(random)), _as_text(odd_number(random)), None, other.text))
    elif kind == 5:
        element.tag = random.choice((other.tag, "x", "box", "track", "image", "attribute", "size", "task"))
    elif kind == 6 and len(element):
        element.remove(random.choice(list(element)))
    elif kind == 7 and not any(inner is element for inner in other.iter()):
        element.append(copy.deepcopy(other))
    else:
        element.attrib[random.choice(("id", "frame", "label", "name", "outside", "width", "x"))] = _xml_text(
            odd_text(random)
        )
    return root


def _xml_text(text: str) -> str:
    """Return what XML can hold; forbidden characters are the business of :func:`change_bytes`."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "?", text)


def _changed_yaml(text: str, random: Random) -> str:
    kind = random.randrange(4)
    if kind == 0:
        tree = yaml.safe_load(text)
        for _ in range(_few(random)):
            tree = _change_tree(Seed("", "yaml", None), tree, random)
        try:
            return yaml.safe_dump(tree, allow_unicode=random.random() < 0.5, sort_keys=False)
        except (yaml.YAMLError, ValueError, TypeError):
            return text
    lines = text.splitlines() or [""]
    for _ in range(_few(random)):
        where = random.randrange(len(lines))
        indent = " " * (len(lines[where]) - len(lines[where].lstrip()))
        key, colon, value = lines[where].partition(": ")
        if kind == 1 and colon:
            lines[where] = f"{key}: {random.choice(_YAML_TAGS)} {value}"
        elif kind == 2 and colon:
            lines[where] = f"{key}: {_yaml_value(random)}"
        else:
            lines.insert(where, "\n".join(indent + line for line in random.choice(_YAML_LINES).split("\n")))
    return "\n".join(lines) + "\n"


def _made(seed: Seed, random: Random) -> bytes:
    """Return a file of the words of a seed, in a structure of its own."""
    words = re.findall(r"[A-Za-z_][\w-]*", seed.content().decode("utf-8"))
    tree = _made_tree(words, random, 5)
    text = json.dumps(tree) if seed.kind == "json" else yaml.safe_dump(tree, sort_keys=False)
    return text.encode("utf-8", "surrogatepass")


def _made_tree(words: list[str], random: Random, depth: int) -> Any:
    kind = random.randrange(6) if depth else 0
    if kind < 2:
        return random.choice((random.choice(words), random.randrange(1000), random.random(), None, True, "1"))
    if kind < 4:
        return {random.choice(words): _made_tree(words, random, depth - 1) for _ in range(random.randrange(1, 6))}
    return [_made_tree(words, random, depth - 1) for _ in range(random.randrange(4))]


def _yaml_value(random: Random) -> str:
    kind = random.randrange(3)
    if kind == 0:
        return odd_text(random)
    if kind == 1:
        return _as_text(odd_number(random))
    try:
        return json.dumps(odd_value(random))
    except ValueError:
        return "9" * 5000


def _packed(content: bytes, random: Random) -> bytes:
    """Return content in an archive, perhaps a damaged one."""
    if random.random() < 0.5:
        packed = gzip.compress(content, mtime=0)
    else:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(
                random.choice(("a.json", "a.xml", "a.csv", "../a.txt", "images/a.txt", "")) or "a", content
            )
        packed = file.getvalue()
    return change_bytes(packed, random) if random.random() < 0.7 else packed
