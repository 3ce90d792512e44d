"""What scripts/make-words-model computes: which words the model has (choose), and their vectors and weights (weigh).

usage: words_model.py choose|weigh DIRECTORY TOOL BASE.ucm
"""
import collections
import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile

import numpy as np

CHINESE_WORDS, ENGLISH_WORDS = 36000, 20000
COMMON = 5e-4  # share of all words at which a word counts one half
WHITENING = 0.9  # power of the singular values that directions are divided by
FREQUENT = 0.7  # power of its share with which a word counts there
CHARACTERS = 0.3  # share of a Chinese word's characters in its vector
RARE = 1e-7  # share of a word that no list has

action, directory, tool, base = sys.argv[1:]
han = re.compile("^[\u3400-\u9fff\U00020000-\U0002ffff]+$")


def split(texts):
    """The words of each text as the model will see them."""
    lines = "".join(" ".join(text.split()) + "\n" for text in texts)
    done = subprocess.run([tool, "split"], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [[word for word in line.split("\t") if word] for line in done.stdout.decode().split("\n")[:-1]]


def shares(counts):
    total = sum(counts.values())
    return {word: count / total for word, count in counts.items()}


def jieba():
    """Chinese words with their counts and parts of speech (jieba, MIT)."""
    with tarfile.open(f"{directory}/jieba-0.42.1.tar.gz") as archive:
        text = archive.extractfile("jieba-0.42.1/jieba/dict.txt").read().decode()
    rows = [line.split(" ") for line in text.splitlines()]
    return [(word, int(count), part) for word, count, part in rows]


def english():
    """English words with their counts (symspellpy, MIT)."""
    with zipfile.ZipFile(f"{directory}/symspellpy-6.10.1-py3-none-any.whl") as archive:
        text = archive.read("symspellpy/frequency_dictionary_en_82_765.txt").decode("utf-8-sig")
    return {word: int(count) for word, count in map(str.split, text.splitlines()) if re.match("^[a-z']+$", word)}


def dialogues():
    """What people wrote to each other about films, music, travel, restaurants (KdConv and CrossWOZ, Apache-2.0)."""
    kdconv, crosswoz = [], []
    for topic in ("film", "music", "travel"):
        for part in ("dev", "test"):
            with open(f"{directory}/kdconv_{topic}_{part}.json", encoding="utf-8") as file:
                kdconv += [m["message"] for dialogue in json.load(file) for m in dialogue["messages"]]
    for part in ("val", "test"):
        with zipfile.ZipFile(f"{directory}/crosswoz_{part}.zip") as archive:
            found = json.load(io.TextIOWrapper(archive.open(f"{part}.json"), encoding="utf-8"))
        crosswoz += [m["content"] for dialogue in found.values() for m in dialogue["messages"]]
    return kdconv, crosswoz


def part_weight(part):
    """Nouns and names say what a text is about; verbs and adjectives less; the rest is grammar, manner, number."""
    if part[0] == "n" or part in ("vn", "an"):
        return 1.0
    if part[0] in "va" or part in ("z", "i"):
        return 0.7
    return 0.5 if part[0] in "drucpymfqtxeoh" else 1.0


def choose():
    counts = collections.Counter()
    listed = jieba()
    for (_, count, _), pieces in zip(listed, split([word for word, _, _ in listed])):
        for piece in pieces:
            counts[piece] += count
    common = shares(counts)
    spoken = collections.Counter()
    for texts in dialogues():
        for word, share in shares(collections.Counter(w for words in split(texts) for w in words)).items():
            spoken[word] += share / 2
    chinese = [word for word, count in counts.most_common() if han.match(word) and count >= 3][:CHINESE_WORDS]
    known = set(chinese)
    chinese += [w for w, s in spoken.most_common() if han.match(w) and w not in known and s >= 1e-5]
    listed_english = english()
    common_english = shares(listed_english)
    rows = [(word, max(common.get(word, RARE), spoken.get(word, 0) / 2)) for word in chinese]
    rows += [(word, common_english[word]) for word in list(listed_english)[:ENGLISH_WORDS]]
    with open(f"{directory}/words.txt", "w", encoding="utf-8") as out:
        out.writelines(word + "\n" for word, _ in rows)
    with open(f"{directory}/shares.json", "w", encoding="utf-8") as out:
        json.dump([share for _, share in rows], out)


def weigh():
    with open(f"{directory}/words.txt", encoding="utf-8") as file:
        words = file.read().splitlines()
    with open(f"{directory}/shares.json", encoding="utf-8") as file:
        share = np.array(json.load(file))
    with open(f"{directory}/vectors.txt", encoding="utf-8") as file:
        vectors = np.array([np.array(line.strip()[1:-1].split(","), dtype=np.float32) for line in file], dtype=np.float64)
    chinese = np.array([bool(han.match(word)) for word in words])
    # Each language around its own mean, so that what is said decides which texts are near and not the language.
    # Words are taken as often as texts have them, or nearly so (Yokoi et al. 2024), since most of a list is rare words.
    often = share**FREQUENT
    for rows in (chinese, ~chinese):
        vectors[rows] -= np.average(vectors[rows], axis=0, weights=often[rows])
    values, directions = np.linalg.eigh(vectors.T @ (vectors * often[:, None]))
    scales = np.sqrt(values)
    vectors = vectors @ (directions * (scales.mean() / scales) ** WHITENING) @ directions.T
    # Words that share characters often share some of their meaning.
    index = {word: i for i, word in enumerate(words)}
    own = vectors.copy()
    for i in np.flatnonzero(chinese):
        found = [index[c] for c in words[i] if c in index] if len(words[i]) > 1 else []
        if found:
            vectors[i] += CHARACTERS * own[found].sum(0) / len(words[i])
    part = {word: part for word, _, part in jieba()}
    parts = [part_weight(part.get(word, "n")) if chinese[i] else 1.0 for i, word in enumerate(words)]
    weights = COMMON / (COMMON + share) * parts
    found = subprocess.run([tool, "info", base], stdout=subprocess.PIPE, check=True).stdout.decode()
    fingerprint = re.search("^fingerprint +([0-9a-f]+)$", found, re.M).group(1)
    print("prompt: ", "licence: MIT; general-zh-en.LICENSE names the sources", "distilled.base: multilingual-e5-small-q4",
          f"distilled.fingerprint: {fingerprint}", "", sep="\n")
    for word, weight, vector in zip(words, weights, vectors):
        numbers = " ".join(f"{v:.5g}" for v in vector)
        print(word, f"{weight:.6g}", numbers, sep="\t")
        # A Chinese word that is not listed is told by its characters: src/text/pieces.h has the mark.
        if len(word) == 1 and han.match(word):
            print("##" + word, f"{weight:.6g}", numbers, sep="\t")


{"choose": choose, "weigh": weigh}[action]()
