"""Writes src/text/unicode_tables.inc from what the reference tokenizer does with every code point.

usage: python test/golden/make_unicode_tables.py > src/text/unicode_tables.inc     (tokenizers 0.23.3)

The reference is built from libraries that follow different versions of Unicode. Nothing is taken from a Unicode file here:
each property is observed by handing all code points, alone and in telling contexts, to the reference's own normalizers and
pre-tokenizers. Combining classes and composition pairs are guessed from Python's unicodedata and then proved the same way.
"""
import base64
import struct
import sys
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

ALL = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CHARS = [chr(c) for c in ALL]

# Flags, in the order of the UC_CHAR_ constants in unicode.h.
OTHER, MARK, PUNCTUATION, COMBINING, WORD, SPACE, CANONICAL, COMPATIBLE, SECOND = (1 << bit for bit in range(9))
G = {name: number for number, name in enumerate(
    "other control cr lf extend zwj spacing prepend l v t lv lvt regional pictographic".split())}
CONJUNCT = {name: number for number, name in enumerate("none consonant linker extend".split())}


def each(normalizer, texts):
    """The normalized form of every text, in one call: a line feed parts them for every normalizer used here."""
    out = []
    for start in range(0, len(texts), 50000):
        part = texts[start:start + 50000]
        lines = normalizer.normalize_str("\n".join(part)).split("\n")
        assert len(lines) == len(part)
        out += lines
    return out


def without_newline(texts):
    return ["" if text == "\n" else text for text in texts]


def bert(**on):
    settings = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**settings, **on})


def charsmap(mapping):
    """A precompiled character map; states with equal futures share their units, so all code points fit in a few blocks."""
    root = {}
    values, blob = {}, b""
    for text, replacement in mapping:
        if replacement not in values:
            values[replacement] = len(blob)
            blob += replacement.encode() + b"\0"
        node = root
        for byte in text.encode():
            node = node.setdefault(byte, {})
        node[-1] = values[replacement]
    blocks = {}

    def block(node):
        key = tuple(sorted((label, block(child) if label >= 0 else (child, False)) for label, child in node.items()))
        return blocks.setdefault(key, len(blocks) + 1), -1 in node

    top, _ = block(root)
    units = [0] * (256 * (len(blocks) + 1))
    for key, number in blocks.items():
        for label, (target, leaf) in key:
            at = 256 * number + (label if label >= 0 else 0)
            units[at] = target | 1 << 31 if label < 0 else label | leaf << 8 | (at ^ 256 * target) << 10
    units[0] = 256 * top << 10
    trie = struct.pack("<%dI" % len(units), *units)
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + blob).decode()


def precompiled(mapping):
    import json
    tokenizer = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "pre_tokenizer": None,
                 "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap(mapping)}, "post_processor": None,
                 "decoder": None, "model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}
    return tokenizers.Tokenizer.from_str(json.dumps(tokenizer)).normalizer


def flags_of_all():
    flags = [0] * 0x110000

    def mark(flag, wanted):
        for code, yes in zip(ALL, wanted):
            if yes:
                flags[code] |= flag

    lines = without_newline(CHARS)
    mark(SPACE, [char.isspace() and len(pre_tokenizers.WhitespaceSplit().pre_tokenize_str(char)) == 0 for char in CHARS])
    clean = bert(clean_text=True)
    cleaned = [clean.normalize_str("a" + char + "a") for char in CHARS]
    mark(OTHER, [text == "aa" and code not in (0, 0xFFFD) for code, text in zip(ALL, cleaned)])
    for code, text in zip(ALL, cleaned):
        assert text in ("aa", "a a", "a" + chr(code) + "a")
        assert (text == "a a") == bool((flags[code] & SPACE and text != "aa") or code == 0x20), hex(code)
    nfd = each(normalizers.NFD(), lines)
    nfkd = each(normalizers.NFKD(), lines)
    mark(CANONICAL, [a != b for a, b in zip(nfd, lines)])
    mark(COMPATIBLE, [a != b for a, b in zip(nfkd, nfd)])
    mark(MARK, [line and not text for line, text in zip(lines, each(bert(strip_accents=True), lines))])
    mark(COMBINING, [line and not text for line, text in zip(lines, each(normalizers.StripAccents(), lines))])
    split = pre_tokenizers.BertPreTokenizer()
    mark(PUNCTUATION, [len(split.pre_tokenize_str("a" + char + "a")) == 3 for char in CHARS])
    split = pre_tokenizers.Whitespace()
    mark(WORD, [split.pre_tokenize_str("a" + char) == [("a" + char, (0, 2))] for char in CHARS])
    return flags, dict(zip(ALL, nfd))


def combining_classes(flags):
    """The canonical combining class of each code point, proved against one mark of every class."""
    nfd = normalizers.NFD()
    candidates = [c for c in ALL if not flags[c] & CANONICAL and c != 0x0A]
    # Of a mark of the lowest class and one of the highest, one changes places with any other mark; no starter moves.
    low, high = "\u0334", "\u0345"
    movable = [code for code, after, before in zip(candidates, each(nfd, [high + chr(c) for c in candidates]),
                                                   each(nfd, [chr(c) + low for c in candidates]))
               if after != high + chr(code) or before != chr(code) + low]
    marks = {}
    for code in movable:
        marks.setdefault(unicodedata.combining(chr(code)), chr(code))
    found = {}
    for code in movable:
        matching = [number for number, name in marks.items()
                    if nfd.normalize_str(name + chr(code)) == name + chr(code)
                    and nfd.normalize_str(chr(code) + name) == chr(code) + name]
        assert len(matching) == 1, (hex(code), matching)
        found[code] = matching[0]
    return found


def mark_second(flags, nfd):
    """Code points that some composition takes as its second half."""
    nfc = normalizers.NFC()
    for code in ALL:
        if flags[code] & CANONICAL and not 0xAC00 <= code < 0xD7A4 and nfc.normalize_str(nfd[code]) == chr(code):
            halves = unicodedata.decomposition(chr(code)).split()
            assert len(halves) == 2
            flags[int(halves[1], 16)] |= SECOND
    for code in list(range(0x1161, 0x1176)) + list(range(0x11A8, 0x11C3)):
        flags[code] |= SECOND


def grapheme_classes():
    """Seen through a character map that gives every code point a letter: a joined cluster below six bytes shrinks to the
    letter of its first code point, a longer one keeps a letter for each."""
    names = {"a": "q", "\u0300": "r", "\n": "\n"}
    probe = precompiled([(char, names.get(char, "p")) for char in CHARS if char != "\0"])
    # "a" serves as the probe, so it cannot be asked about; it is an ordinary letter.
    codes = [code for code in ALL if code not in (0, 0x0A, 0x0D, ord("a"))]

    def ask(pattern, ending):
        answers = each(probe, [pattern.replace("X", chr(code)) for code in codes])
        return {code for code, answer in zip(codes, answers) if answer.endswith(ending)}

    every = set(codes)
    short = {code for code in codes if code < 0x10000}
    joins_left = ask("aX", "q")
    prepend = ask("Xa", "p")
    control = {code for code in codes if code not in joins_left and
               probe.normalize_str(chr(code) + "\u0300\u0301") == "pr"}
    extend = ask("\U0001F600X\u200D\u2600\u0300", "r") & joins_left
    zwj = {code for code in codes if code in joins_left and
           probe.normalize_str("\U0001F600" + chr(code) + "\u2600\u0300").endswith("r")}
    picture = (ask("\U0001F600\u200DX\u0300", "r") & short) | {
        code for code in every - short if probe.normalize_str("\u00A9\u200D" + chr(code)) == "ppp"}
    picture -= joins_left
    before = {name: ask("X" + mark + "\u0300", "r") for name, mark in (("l", "\u1100"), ("v", "\u1161"), ("t", "\u11A8"))}
    after = {name: ask(mark + "X\u0300", "r") & short for name, mark in (("l", "\u1100"), ("v", "\u1161"))}
    consonant = ask("X\u094D\u0915\u0300", "r")
    linker = ask("\u0915X\u0915\u0300", "r") & joins_left
    conjunct_extend = ask("\u0915\u094DX\u0915\u0300", "r") & joins_left

    shape, conjunct = [0] * 0x110000, [0] * 0x110000
    for code in codes:
        name = "other"
        if code in control:
            name = "control"
        elif code in zwj:
            name = "zwj"
        elif code in extend:
            name = "extend"
        elif code in joins_left:
            name = "spacing"
        elif code in prepend:
            name = "prepend"
        elif code in before["l"]:
            name = "l"
        elif code in before["v"]:
            name = "lv" if code in after["l"] and code not in after["v"] else "v"
        elif code in before["t"]:
            name = "lvt" if code in after["l"] else "t"
        elif 0x1F1E6 <= code <= 0x1F1FF:
            name = "regional"
        elif code in picture:
            name = "pictographic"
        shape[code] = G[name]
        if code in linker:
            conjunct[code] = CONJUNCT["linker"]
        elif code in consonant:
            conjunct[code] = CONJUNCT["consonant"]
        elif code in conjunct_extend:
            conjunct[code] = CONJUNCT["extend"]
    shape[0], shape[0x0A], shape[0x0D] = G["control"], G["lf"], G["cr"]
    return shape, conjunct


def lowercase_runs():
    """Runs of code points, a step apart, that the reference lowers by one distance."""
    lower = each(normalizers.Lowercase(), without_newline(CHARS))
    pairs = [(code, ord(low) - code) for code, low in zip(ALL, lower) if len(low) == 1 and ord(low) != code]
    several = [code for code, low in zip(ALL, lower) if len(low) > 1]
    assert several == [0x130], several
    runs = []
    for code, distance in pairs:
        if runs and runs[-1][3] == distance:
            first, last, step, _ = runs[-1]
            gap = code - last
            if gap <= 2 and (first == last or gap == step):
                runs[-1] = (first, code, gap, distance)
                continue
        runs.append((code, code, 1, distance))
    return runs


def three_levels(values):
    """Tables of 16 values, of 32 such tables, and the top: equal ones are kept once."""
    def shrink(items, size):
        seen = {}
        index = [seen.setdefault(tuple(items[at:at + size]), len(seen)) for at in range(0, len(items), size)]
        return [item for block in seen for item in block], index
    low, index = shrink(values, 16)
    middle, top = shrink(index, 32)
    return low, middle, top


def write_array(declaration, numbers):
    print(declaration + " = {")
    line = ""
    for number in numbers:
        piece = "%d," % number
        if len(line) + len(piece) > 116:
            print("\t" + line)
            line = ""
        line += piece
    print("\t" + line + "\n};\n")


def main():
    sys.setrecursionlimit(10000)
    flags, nfd = flags_of_all()
    classes = combining_classes(flags)
    mark_second(flags, nfd)
    shape, conjunct = grapheme_classes()
    records = {}
    values = [records.setdefault((flags[c], classes.get(c, 0), shape[c], conjunct[c]), len(records)) for c in range(0x110000)]
    assert len(records) <= 256, len(records)
    low, middle, top = three_levels(values)
    print("/*\n * unicode_tables.inc\n *\t  Written by test/golden/make_unicode_tables.py from tokenizers %s. Do not edit.\n */"
          % tokenizers.__version__)
    print("\nstatic const UcCharProperties char_records[] = {")
    for record in records:
        print("\t{0x%03x, %d, %d, %d}," % record)
    print("};\n")
    assert max(low) < 256 and max(top) < 256
    write_array("static const uint8_t char_low[]", low)
    write_array("static const uint16_t char_middle[]", middle)
    write_array("static const uint8_t char_top[%d]" % len(top), top)
    print("static const struct LowercaseRun\n{\n\tuint32_t\tfirst;\n\tuint32_t\tlast;\n\tuint32_t\tstep;\n\tint32_t\t\tdistance;\n"
          "}\t\t\tlowercase_runs[] = {")
    for run in lowercase_runs():
        print("\t{0x%x, 0x%x, %d, %d}," % run)
    print("};")


main()
