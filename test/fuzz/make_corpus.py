#!/usr/bin/env python3
"""Write the seeds of test/fuzz/corpus: run from the top of the source tree, after `make`.

    python3 test/fuzz/make_corpus.py

The seeds are the small golden models and tokenizers, whole and damaged in one place. What the fuzzers found later lies
beside them under the name of its SHA-1.
"""
import os
import struct
import subprocess
import tempfile

TINY = "test/golden/tiny/relu_cls"
CORPUS = "test/fuzz/corpus"
TOKENIZERS = "test/golden/tokenizers"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(fuzzer, name, content):
    os.makedirs(os.path.join(CORPUS, fuzzer), exist_ok=True)
    with open(os.path.join(CORPUS, fuzzer, name), "wb") as file:
        file.write(content)


def models():
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["./usercluster-model", "import", TINY, "--name", "tiny", "--model-dir", directory], check=True,
                       stdout=subprocess.DEVNULL)
        whole = read(os.path.join(directory, "tiny.ucm"))
    write("model_fuzz", "whole", whole)
    write("model_fuzz", "header", whole[:256])
    write("model_fuzz", "half", whole[:len(whole) // 2])


def imports():
    weights = read(TINY + "/model.safetensors")
    length = struct.unpack("<Q", weights[:8])[0]
    write("import_fuzz", "weights", b"\0" + weights)
    write("import_fuzz", "weights_header", b"\0" + weights[:8 + length])
    write("import_fuzz", "weights_long_header", b"\0" + struct.pack("<Q", 2**63) + weights[8:8 + length])
    for number, name in enumerate(["tokenizer.json", "config.json", "1_Pooling/config.json", "modules.json", "tokenizer_config.json"], 1):
        write("import_fuzz", name.replace("/", "_"), bytes([number]) + read(os.path.join(TINY, name)))
    write("import_fuzz", "vocab", b"\6" + read(TOKENIZERS + "/vocab_default/vocab.txt"))
    for name in ("added_normalized", "albert", "spaces_punctuation"):
        write("import_fuzz", "tokenizer_" + name, b"\1" + read(f"{TOKENIZERS}/{name}/tokenizer.json"))


def texts():
    samples = ["The caf\u00e9 na\u00efve e\u0301\u0323 \u1100\u1161\u11a8 \ufdfa", "<x><X NEW word <l> <r>  ne [SEP] \u2581a ``''", "\u0130 \ud55c\uae00 \u4e2d\u6587 \U0001f468\u200d\U0001f469  \u00a0\t."]
    for number, name in enumerate(sorted(os.listdir(TOKENIZERS))):
        write("tokenize_fuzz", name, bytes([number]) + samples[number % len(samples)].encode())
    write("tokenize_fuzz", "not_utf8", b"\0ab\xff\xc3(\xed\xa0\x80")


def sections():
    write("section_fuzz", "whole", b"\0")
    for number in range(len(os.listdir(TOKENIZERS))):
        # One byte in the header, in turn at each place that four bytes apart give.
        write("section_fuzz", "header_%d" % number, bytes([number, 0x80, 0, 8 + 4 * number, 0xFF]))
        write("section_fuzz", "inside_%d" % number, bytes([number, 0, 4 + number, number, 0xFE]))


def words():
    write("words_fuzz", "scripts", "I don't like e-mails, 3.14! 我喜欢看电影，特别是科幻片。カタカナひらがな ภาษาไทย 한국어를 \U0001f44d\U0001f3fd\u200d".encode())
    write("words_fuzz", "sentences", "Mr. X (e.g. Y.) said: “No?!”\r\n他说：“好。”然后走了…… \u2029 1. 2. 3. a.b.c.".encode())
    write("words_fuzz", "not_utf8", b"ab\xff\xc3(. \xed\xa0\x80 x\xf0\x9f. \xe4\xb8\x80\xe4\xb8")
    write("words_fuzz", "one_word", b"a" * 40000)
    write("words_fuzz", "one_run", "我喜欢看电影".encode() * 2500)
    write("words_fuzz", "marks", "e".encode() + "\u0301".encode() * 20000)


models()
imports()
sections()
texts()
words()
