#!/usr/bin/env python3
"""Write the small tokenizers below test/golden/tokenizers and the ids that the reference gives for seeded texts.

    python3 make_tokenizers.py test/golden/tokenizers               what the unit test replays
    python3 make_tokenizers.py DIRECTORY --texts 3000 --seed 7      more texts, for a comparison by hand
    python3 make_tokenizers.py DIRECTORY --every                    "aXb" for every code point X

Each directory has one normalizer, pre-tokenizer, model or kind of added token that models of the BERT family use. Two small
models make what happens inside visible: one that spells unknown text as bytes shows the normalised text, and one that
merges all unknown characters of a word shows where words begin. tokenizers 0.23.3, transformers 5 for the vocab.txt ones.
"""
import argparse
import json
import os
import random

os.environ["HF_HUB_OFFLINE"] = "1"
import tokenizers
from transformers import BertTokenizer

MARK = "\u2581"
LETTERS = "abcdefghijklmnopqrstuvwxyzABE0123456789.,!-'\"" + MARK + " _\u00e9\u4e2d"


def spelling(*more):
    """Unigram that spells in bytes what it does not know."""
    vocab = [["<unk>", 0.0], ["ab", -2.0], [MARK, -2.5], [MARK + "a", -3.0], [" ", -2.25]] + [[text, -4.0] for text in more]
    vocab += [["<0x%02X>" % byte, 0.0] for byte in range(256)]
    return {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": True}


def merging(*more):
    """Unigram that makes one token of neighbouring unknown characters."""
    vocab = [["<unk>", 0.0]] + [[c, -3.0 - i / 64] for i, c in enumerate(LETTERS)]
    vocab += [["ab", -2.0], [MARK + "a", -3.0], ["the", -4.5], ["\u00e9a", -5.0]] + [[text, -4.0] for text in more]
    return {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": False}


def wordpiece(limit=12, *more):
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(LETTERS) + ["##" + c for c in LETTERS]
    tokens += ["ab", "##ab", "abc", "the", "##ing", "##\u00e9", "\u00df", "##\u4e2d"] + list(more)
    return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": limit,
            "vocab": {token: i for i, token in enumerate(dict.fromkeys(tokens))}}


def sequence(kind, *parts):
    return {"type": "Sequence", kind: list(parts)}


def normalizers(*parts):
    return sequence("normalizers", *parts)


def pre_tokenizers(*parts):
    return sequence("pretokenizers", *parts)


def n(name, **settings):
    return {"type": name, **settings}


def replace(pattern, content, regex=False):
    return n("Replace", pattern={"Regex" if regex else "String": pattern}, content=content)


def bert(clean=True, chinese=True, strip=None, lower=True):
    return n("BertNormalizer", clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower)


def metaspace(scheme="always", split=True):
    return n("Metaspace", replacement=MARK, prepend_scheme=scheme, split=split)


def added(first, *tokens):
    """(content, settings) with ids from `first` on."""
    return [dict(dict(id=first + i, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False,
                      special=False), **settings) for i, (content, settings) in enumerate(tokens)]


def mixed_tokens(first):
    return added(first, ("<x>", dict(special=True)), ("<X", dict(normalized=True)), ("NEW", dict(normalized=True)),
                 ("word", dict(single_word=True)), ("W\u00c9", dict(single_word=True, normalized=True)),
                 ("<l>", dict(lstrip=True)), ("<r>", dict(rstrip=True)), ("<b>", dict(lstrip=True, rstrip=True, normalized=True)),
                 ("ne", dict(normalized=True, rstrip=True)), ("<x><x>", dict()))


SPACES = replace(" {2,}", " ", regex=True)
LENGTH = len(spelling()["vocab"])
CONFIGS = {
    "nfc": dict(normalizer=n("NFC"), model=spelling()),
    "nfd": dict(normalizer=n("NFD"), model=spelling()),
    "nfkc": dict(normalizer=n("NFKC"), model=spelling()),
    "nfkd": dict(normalizer=n("NFKD"), model=spelling()),
    "accents": dict(normalizer=normalizers(n("NFKD"), n("StripAccents"), n("Lowercase")), model=spelling()),
    "accents_only": dict(normalizer=n("StripAccents"), model=spelling()),
    "lowercase_nfc": dict(normalizer=normalizers(n("Lowercase"), n("NFC")), model=spelling()),
    "strip": dict(normalizer=n("Strip", strip_left=True, strip_right=True), pre_tokenizer=metaspace("first"), model=spelling()),
    "strip_right": dict(normalizer=n("Strip", strip_left=False, strip_right=True), model=spelling()),
    "nmt": dict(normalizer=normalizers(n("Nmt"), n("NFKC"), SPACES), model=spelling()),
    "prepend": dict(normalizer=normalizers(n("Prepend", prepend=MARK), replace(" ", MARK)), model=spelling()),
    "albert": dict(normalizer=normalizers(replace("``", '"'), replace("''", '"'), n("NFKD"), n("StripAccents"), n("Lowercase"), SPACES),
                   pre_tokenizer=pre_tokenizers(n("WhitespaceSplit"), metaspace()), model=spelling()),
    "replace_spaces": dict(normalizer=normalizers(replace("\\s+", " ", regex=True), replace("a+", "b", regex=True)), model=spelling()),
    "bert_plain": dict(normalizer=bert(False, False, False, False), pre_tokenizer=n("BertPreTokenizer"), model=merging()),
    "bert_accents": dict(normalizer=bert(True, True, True, False), pre_tokenizer=n("BertPreTokenizer"), model=spelling()),
    "bert_lower": dict(normalizer=bert(True, True, False, True), pre_tokenizer=n("BertPreTokenizer"), model=spelling()),
    "bert_wordpiece": dict(normalizer=bert(), pre_tokenizer=n("BertPreTokenizer"), model=wordpiece(),
                           added_tokens=mixed_tokens(len(wordpiece()["vocab"]))),
    "words": dict(pre_tokenizer=n("Whitespace"), model=merging()),
    "words_wordpiece": dict(normalizer=n("NFC"), pre_tokenizer=n("Whitespace"), model=wordpiece(6)),
    "spaces": dict(pre_tokenizer=n("WhitespaceSplit"), model=merging()),
    "spaces_punctuation": dict(pre_tokenizer=pre_tokenizers(n("WhitespaceSplit"), n("Punctuation", behavior="Isolated")), model=merging()),
    "metaspace_first": dict(pre_tokenizer=pre_tokenizers(n("WhitespaceSplit"), metaspace("first")), model=merging()),
    "metaspace_never": dict(pre_tokenizer=metaspace("never"), model=merging()),
    "metaspace_whole": dict(pre_tokenizer=metaspace("always", False), model=merging()),
    "metaspace_punctuation": dict(pre_tokenizer=pre_tokenizers(metaspace(), n("Punctuation", behavior="Isolated")), model=merging()),
    "no_steps": dict(model=merging()),
    "added_raw": dict(model=merging(), added_tokens=mixed_tokens(len(merging()["vocab"]))),
    "added_normalized": dict(normalizer=normalizers(n("NFKC"), n("Lowercase"), SPACES), pre_tokenizer=metaspace("first"), model=spelling(),
                             added_tokens=mixed_tokens(LENGTH)),
    "added_prepend": dict(normalizer=normalizers(n("Prepend", prepend=MARK), replace(" ", MARK)), model=spelling(),
                          added_tokens=mixed_tokens(LENGTH)),
}

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "", "cat", "##s", "\u4e2d", "caf\u00e9", "cafe", "The", "the", "a", "##b",
         "\u00e9", "e", ".", "E", "\u2028x", "##e", "##\u4e2d", "b"]
VOCABS = {
    "vocab_default": {},
    "vocab_cased": dict(do_lower_case=False, tokenizer_class="BertTokenizer"),
    "vocab_options": dict(do_lower_case=True, strip_accents=False, tokenize_chinese_chars=False, sep_token={"__type": "AddedToken", "content": "[SEP]", "special": True}),
}

SPICE = ["ab", "aab", "the", "``", "''", "  ", "   ", " ", "\t", "\u3000", MARK, "<x>", "<x><x>", "<X", "NEW", "new", "word", " word ", "W\u00c9",
         "w\u00e9", "we\u0301", "<l>", "  <l>", "<r>  ", " <b> ", "<B>", "ne", "[SEP]", "[MASK]", "<unk>", "\ufb01", "\u0130", "\uac00", "\u1100\u1161",
         "\u1161\u11a8", "\u11a7", "e\u0301", "a\u0323\u0302", "\u1ea5", "\u0344", "\u2126", "\u212b", "\u09c7\u09be", "\u0cc6\u0cc2\u0cd5", "cat", "caf\u00e9", "cafe\u0301",
         "\u200d", "\ufeff", "\ufffd", "\u2028", "\u0085", "\u00a0", "\u4e2d", "\u00df", "\u1e9e", "<0x41>", "\u0345", "\u05b0\u05bc", "\ufdfa", "\u03a3", "abcabcabcabcabc"]


def texts(count, seed):
    r = random.Random(seed)
    ranges = [(0x20, 0x7f)] * 4 + [(0xa0, 0x250), (0x250, 0x3000), (0x300, 0x370), (0x900, 0xe00), (0x1100, 0x1200), (0x1e00, 0x2000),
                                   (0x2000, 0x2100), (0x3000, 0xd800), (0xe000, 0x10000), (0xfb00, 0xfe00), (0x1f000, 0x1fb00),
                                   (0x10000, 0x110000), (0x1d000, 0x1d200), (0x11000, 0x11a00), (1, 0x20)]
    found = ["", " ", "a", "  a", "a  ", "\u0301", "\u3000\u3000"]
    while len(found) < count:
        parts = []
        for _ in range(r.randint(1, 14)):
            parts.append(r.choice(SPICE) if r.random() < 0.45 else chr(r.randrange(*r.choice(ranges))))
        found.append("".join(parts))
    return found[:count]


def every():
    return ["a" + chr(c) + "b" for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]


def write(directory, name, value):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "w", encoding="utf-8", newline="\n") as file:
        file.write(value if isinstance(value, str) else json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def expected(tokenizer, wanted):
    return "[\n" + ",\n".join(json.dumps([text, tokenizer(text)], separators=(",", ":")) for text in wanted) + "\n]\n"


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("directory")
    arguments.add_argument("--texts", type=int, default=48)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--every", action="store_true")
    options = arguments.parse_args()
    wanted = every() if options.every else texts(options.texts, options.seed)
    for name, config in CONFIGS.items():
        directory = os.path.join(options.directory, name)
        content = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
                   "post_processor": None, "decoder": None, **config}
        write(directory, "tokenizer.json", content)
        tokenizer = tokenizers.Tokenizer.from_file(os.path.join(directory, "tokenizer.json"))
        write(directory, "expected.json", expected(lambda text: tokenizer.encode(text).ids, wanted))
    for name, config in VOCABS.items():
        directory = os.path.join(options.directory, name)
        write(directory, "vocab.txt", "".join(token + "\n" for token in VOCAB))
        write(directory, "tokenizer_config.json", config)
        tokenizer = BertTokenizer.from_pretrained(directory)
        write(directory, "expected.json", expected(lambda text: tokenizer(text)["input_ids"], wanted))


main()
