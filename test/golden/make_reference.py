#!/usr/bin/env python3
"""Write again what the reference says about the texts of a golden file: the texts stay, everything else is computed.

    python3 make_reference.py vectors test/golden/minilm.json MODEL_DIRECTORY
    python3 make_reference.py tokens test/golden/tokens_minilm.json MODEL_DIRECTORY

"vectors" asks sentence-transformers, one text a call, for ids (cut at the model's limit) and embedding; "tokens" asks
tokenizers for the ids of the whole text. To add a text, append {"name": …, "text": …} to "items" (or {"text": …} to the
list) and run it. Versions are in the file's "meta" and in README.md.
"""
import hashlib
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
from tokenizers import Tokenizer


def dump(value):
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def whole_tokenizer(directory):
    """The tokenizer without the padding and the cut that its file may ask for."""
    tokenizer = Tokenizer.from_file(os.path.join(directory, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def tokens(content, directory):
    tokenizer = whole_tokenizer(directory)
    items = [dict(text=item["text"], ids=tokenizer.encode(item["text"]).ids) for item in content]
    return "[\n" + ",\n".join(map(dump, items)) + "\n]\n"


def vectors(content, directory):
    import sentence_transformers
    import tokenizers
    import torch
    import transformers

    tokenizer = whole_tokenizer(directory)
    model = sentence_transformers.SentenceTransformer(directory, device="cpu")
    model.eval()
    items = []
    for item in content["items"]:
        ids = tokenizer.encode(item["text"]).ids
        with torch.no_grad():
            vector = model.encode([item["text"]], batch_size=1, normalize_embeddings=True, convert_to_numpy=True)[0]
        cut = ids if len(ids) <= model.max_seq_length else ids[:model.max_seq_length - 1] + ids[-1:]
        items.append(dict(name=item["name"], text=item["text"], n_tokens_untruncated=len(ids), ids=cut,
                          embedding=[float("%.6g" % x) for x in vector]))
    meta = dict(content["meta"], max_seq_length=model.max_seq_length, dim=len(items[0]["embedding"]),
                model_safetensors_sha256=sha256(os.path.join(directory, "model.safetensors")),
                tokenizer_json_sha256=sha256(os.path.join(directory, "tokenizer.json")),
                versions=dict(sentence_transformers=sentence_transformers.__version__, transformers=transformers.__version__,
                              tokenizers=tokenizers.__version__, torch=torch.__version__))
    return '{"meta": ' + json.dumps(meta) + ',\n"items": [\n' + ",\n".join(map(dump, items)) + "\n]}\n"


def main():
    kind, path, directory = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    text = {"tokens": tokens, "vectors": vectors}[kind](content, directory)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


main()
