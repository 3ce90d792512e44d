#!/usr/bin/env python3
"""Write gradients.json beside each tiny model: what PyTorch makes of the contrastive loss over three pairs of its texts.

In double, without dropout, cosine times 5, each first text against all second ones. Tensors have the names of a compiled
model. Made with sentence-transformers 6.2.0, torch 2.13.0:

    python3 make_gradients.py test/golden/tiny
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from sentence_transformers import SentenceTransformer

SCALE = 5.0
TEXTS = 6


def named_gradients(model, layers):
    own = {name: p.grad for name, p in model.named_parameters()}

    def find(end):
        found = [g for name, g in own.items() if name.endswith(end)]
        return found[0] if found else None

    out = {
        "embeddings.word": find("embeddings.word_embeddings.weight"),
        "embeddings.position": find("embeddings.position_embeddings.weight"),
        "embeddings.token_type": find("embeddings.token_type_embeddings.weight")[0],
        "embeddings.norm.weight": find("embeddings.LayerNorm.weight"),
        "embeddings.norm.bias": find("embeddings.LayerNorm.bias"),
        "dense.weight": find("linear.weight"),
        "dense.bias": find("linear.bias"),
    }
    for i in range(layers):
        for part in ("weight", "bias"):
            at = f"encoder.layer.{i}."
            out[f"layer.{i}.qkv.{part}"] = torch.cat([find(f"{at}attention.self.{n}.{part}") for n in ("query", "key", "value")])
            out[f"layer.{i}.attention.{part}"] = find(f"{at}attention.output.dense.{part}")
            out[f"layer.{i}.attention.norm.{part}"] = find(f"{at}attention.output.LayerNorm.{part}")
            out[f"layer.{i}.up.{part}"] = find(f"{at}intermediate.dense.{part}")
            out[f"layer.{i}.down.{part}"] = own_of(own, at, "output.dense", part)
            out[f"layer.{i}.output.norm.{part}"] = own_of(own, at, "output.LayerNorm", part)
    return {name: [float(f"{x:.8g}") for x in g.flatten().tolist()] for name, g in out.items() if g is not None}


def own_of(own, at, what, part):
    return [g for name, g in own.items() if name.endswith(f"{at}{what}.{part}")][0]


def main(root):
    for name in sorted(os.listdir(root)):
        directory = os.path.join(root, name)
        model = SentenceTransformer(directory, device="cpu").double().eval()
        with open(os.path.join(directory, "expected.json"), encoding="utf-8") as file:
            texts = [item["text"] for item in json.load(file)][:TEXTS]
        # each alone: no padding
        vectors = []
        for text in texts:
            vectors.append(model(model.tokenize([text]))["sentence_embedding"][0])
        vectors = torch.nn.functional.normalize(torch.stack(vectors), dim=1)
        half = TEXTS // 2
        scores = SCALE * vectors[:half] @ vectors[half:].T
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(half))
        loss.backward()
        result = {"loss": loss.item(), "tensors": named_gradients(model, 2)}
        with open(os.path.join(directory, "gradients.json"), "w", encoding="utf-8") as file:
            json.dump(result, file)
            file.write("\n")
        print(name, loss.item())


main(sys.argv[1])
