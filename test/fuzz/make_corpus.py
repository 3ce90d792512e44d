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


def cleaning():
    samples = [
        "<p>I love <b>this</b> film!</p><script>var x='<b>';</script> &lt;b&gt; &amp;lt; &#xD800; &#x80; &notin; "
        "&copy=2 <!-- c --> <Inception> <a href='x>y' title=\"q\">l</a><br/>",
        "\u770bhttp://t.cn/abc\u771f\u597d bob@x.com.cn @\u5c0f\u660e \uff20wide #\u4e09\u4f53 \u7b2c\u4e8c\u90e8"
        "# #OOTD# #tag ##a 5#\u697c www.x.com/a_(b)). wwwww.x.com http:////x",
        "\u597d\u597d\u597d\u597d\u597d\u597d sooooo \u54c8\u54c8\u54c8\u54c8 1000000 \u0e2b\u0e2b\u0e2b\u0e2b"
        "\u0e2b \u0939\u093e\u0939\u093e\u0939\u093e\u0939\u093e",
        "\U0001f600\U0001f600\U0001f600\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e8\U0001f1f3"
        "\U0001f1e8\U0001f1f3\U0001f1e8 \U0001f44d\U0001f3fd 1\ufe0f\u20e3 #\ufe0f\u20e3 \u2764\ufe0f \xa9\ufe0f "
        "\u2122 \u2122\ufe0f \U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f \u24c2\ufe0f "
        "\U0001f201",
        "\uff21\uff22\uff23\uff11\uff12\uff13\u3000\uff76\uff9e\uff77\uff9e\uff01\uff08\uff09\uff0c\uff06lt\uff1b"
        " \ufb01 \u2460 \u338f \u2026 \ufdfa \xe9 e\u0301 \uac00 \u1100\u1161 \u0390 \xdf \u0130 \u03a3\u03c2 "
        "\u017f",
        "a\u200bb\u200c\u200d \u0646\u0627\u0645\u0647\u200c\u0627\u06cc \u0915\u094d\u200d\u0937 \u0930\u200d"
        "\u200c \u202eabc\u202c \ufeff\xad\x01\x02\x0d\x0a\x0b\u2028\u2029 \u3164 \ue000 \ufffe",
        "\u96fb\u8166\u8edf\u9ad4\u767c\u5c55 \u8457\u540d \u4e7e\u5764 \u5934\u53d1 \u5934\u9aee \u306e\u306e"
        "\u96fb\u6c17 \u5243\u53d1 \u55ae\u5e79",
        "don't well-known 3.14 1,000 $100 iPhone15 4K 15\u5143 \u0663\u0664 C++ C# [x] \u300a\u4e09\u4f53\u300b",
        "<a <b =\" > <!-- <!doc <?x <script <style></STYLE > <o:p> <x-y> </ > <//b> <iframe>",
        "a@@b.co a@b..co @@bob @a.b @a@b.c a\u0345\u0301\u0323 \u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301"
        "\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301"
        "\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
    ]
    # Switches by the number of their choice, repeats and language; all dropped, keywords, names and folds.
    switches = [bytes([1] * 14 + [0x63]), bytes([11] * 14 + [0xA3]), bytes([1, 1, 4, 7, 4, 1, 1, 1, 2, 3, 8, 1, 9, 11, 0x43]), bytes(14) + b"\x60"]
    for number, text in enumerate(samples):
        for kind, chosen in enumerate(switches):
            write("clean_fuzz", "text_%d_%d" % (number, kind), chosen + text.encode())
    write("clean_fuzz", "not_utf8", bytes(15) + b"ab\xff\xc3(\xed\xa0\x80")


def keywords():
    reviews = ["a我喜欢看电影，特别是科幻片。", "a科幻电影 science fiction films", "aScience fiction", "b旅行 to New York", "bNew York, new york trains",
               "bI like travelling to New York", "c音乐", "c听音乐 2024 \u00e0 l'h\u00f4tel", "cdon\u2019t カタカナ ภาษาไทย 한국어를"]
    write("keywords_fuzz", "reviews", "\n".join(reviews * 3).encode())
    write("keywords_fuzz", "phrases", b"a w x y z\n" * 5 + b"b x y\n" * 4 + b"c z-w y\n" * 3)
    write("keywords_fuzz", "not_utf8", b"a\xff\xc3( word\n\xed\xa0\x80 letter\n\n\nb word letter")


models()
imports()
sections()
texts()
words()
cleaning()
keywords()
