#!/usr/bin/env python3
"""Write what PyTorch makes of a real model in training: one gradient of every tensor, or the losses of 20 steps of AdamW.

    python3 make_training.py gradient test/golden/minilm.json MODEL_DIRECTORY test/golden/training_minilm.json
    python3 make_training.py curve test/golden/minilm.json MODEL_DIRECTORY test/golden/training_minilm.json --batch 8 --layers 6

Each replaces its own part of the file. For e5: e5_small_q4deq.json, training_e5.json, --batch 4 --layers 11.

All in double, from the float32 weights of MODEL_DIRECTORY, without dropout, each text alone (no padding). The loss is the
contrastive one: cosine times SCALE, each first text of a batch against all second ones.

The gradient is of one batch over the texts of the golden file that have at most LONGEST tokens, the one after the other a
pair. What trains in the curve are the last --layers layers; all of them: the embeddings too. PyTorch's embedding gives the
row of its padding token no gradient, which here is the first token of every text of e5: that exception is turned off.

A gradient has millions of entries, so of each tensor its length, its products with PROJECTIONS vectors of random signs, its
largest entry and a few others are kept. If d is the difference of two tensors, the mean square of d's products is expected
to be d's square length. The sign of entry i in product k is bit k of signs(i) below. Of the weights after the last step
the same is kept of how far they moved.
"""
import argparse
import csv
import gzip
import hashlib
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import sentence_transformers
import torch
import transformers

SCALE = 20.0
LONGEST = 256
PROJECTIONS = 16
ENTRIES = 4
STEPS = 20
WARM_UP = 4
RATE = 2e-5
DECAY = 0.9  # far more than one would take: so that the weights show which of them decay

# Two ways to ask for the same thing.
PAIRS = [
    ("how much money is in my account", "tell me my current balance"),
    ("book a table for two tonight", "I need a dinner reservation for 2 people"),
    ("wake me up at six tomorrow", "set an alarm for 6 am"),
    ("what is the weather like in Paris", "will it rain in Paris today"),
    ("my card was stolen", "please block my credit card, I lost it"),
    ("play some jazz", "I would like to hear music by Miles Davis"),
    ("how do I say thank you in Spanish", "translate thanks into Spanish"),
    ("when does my flight leave", "departure time of my plane"),
    ("我想查一下余额", "what is my balance"),
    ("帮我订一张去上海的火车票", "book a train ticket to Shanghai"),
    ("明天早上七点叫醒我", "wake me at seven in the morning"),
    ("今天会下雨吗", "do I need an umbrella today"),
    ("我的信用卡丢了", "my credit card is gone"),
    ("放一首周杰伦的歌", "play a song by Jay Chou"),
    ("附近有什么好吃的餐馆", "good restaurants near me"),
    ("我的快递到哪里了", "where is my parcel"),
    ("怎么修改密码", "我忘了登录密码"),
    ("这部电影几点开始", "电影什么时候放映"),
    ("推荐几本科幻小说", "有什么好看的科幻书"),
    ("退货需要多长时间", "多久能收到退款"),
]


def sentence_pairs(count):
    """The shortest sentences of SIB-200 that are translations of each other."""
    by_id = {}
    with gzip.open("data/sib200_zh_en.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_id.setdefault(row["id"], {})[row["lang"]] = row["text"]
    pairs = [(both["zh"], both["en"]) for both in by_id.values()]
    return sorted(pairs, key=lambda pair: (len(pair[1]), pair))[:count]


def signs(index):
    """splitmix64 (https://prng.di.unimi.it/splitmix64.c) at place `index`."""
    z = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def number(x):
    return float(f"{x:.9g}")


def sketch(values, offset):
    """values: one part of a tensor, flat, which begins at `offset` in it."""
    values = values.detach().numpy().ravel()
    kept = np.flatnonzero(values)
    own = values[kept]
    z = signs(kept + offset)
    products = [number(np.sum(np.where((z >> np.uint64(k)) & np.uint64(1), -own, own))) for k in range(PROJECTIONS)]
    places = [int(kept[np.argmax(np.abs(own))])] + [int(p) for p in signs(np.arange(ENTRIES - 1)) % np.uint64(len(values))]
    return dict(length=number(np.linalg.norm(own)), products=products, entries=[[p, number(values[p])] for p in places])


def tensors(model, get):
    """For each tensor of a compiled model its parts: query, key and value lie in one there."""
    own = dict(model.named_parameters())
    bert = [name for name in own if name.endswith("embeddings.word_embeddings.weight")][0].removesuffix(
        "embeddings.word_embeddings.weight")
    embeddings = bert + "embeddings."
    groups = {
        "embeddings.word": [own[embeddings + "word_embeddings.weight"]],
        "embeddings.position": [own[embeddings + "position_embeddings.weight"]],
        "embeddings.token_type": [own[embeddings + "token_type_embeddings.weight"]],
        "embeddings.norm.weight": [own[embeddings + "LayerNorm.weight"]],
        "embeddings.norm.bias": [own[embeddings + "LayerNorm.bias"]],
    }
    for i in range(model[0].auto_model.config.num_hidden_layers):
        at = f"{bert}encoder.layer.{i}."
        for part in ("weight", "bias"):
            groups[f"layer.{i}.qkv.{part}"] = [own[f"{at}attention.self.{n}.{part}"] for n in ("query", "key", "value")]
            for ours, theirs in (("attention", "attention.output.dense"), ("attention.norm", "attention.output.LayerNorm"),
                                 ("up", "intermediate.dense"), ("down", "output.dense"), ("output.norm", "output.LayerNorm")):
                groups[f"layer.{i}.{ours}.{part}"] = [own[f"{at}{theirs}.{part}"]]
    out = {}
    for name, parts in groups.items():
        offset = 0
        out[name] = []
        for parameter in parts:
            values = get(parameter)
            if values is None:
                continue
            if name == "embeddings.token_type":
                values = values[0]  # the other rows are not in a compiled model
            out[name].append(sketch(values, offset))
            offset += values.numel()
    return {name: parts for name, parts in out.items() if parts}


def loss_of(model, texts):
    """texts: ids of the first texts, then of the second ones"""
    vectors = []
    for ids in texts:
        features = dict(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.int64))
        vectors.append(model(features)["sentence_embedding"][0])
    vectors = torch.nn.functional.normalize(torch.stack(vectors), dim=1)
    half = len(texts) // 2
    return torch.nn.functional.cross_entropy(SCALE * vectors[:half] @ vectors[half:].T, torch.arange(half))


def gradient(model, golden):
    places = [i for i, item in enumerate(golden["items"]) if len(item["ids"]) <= LONGEST]
    places = places[: len(places) // 2 * 2]
    places = places[::2] + places[1::2]
    loss = loss_of(model, [golden["items"][i]["ids"] for i in places])
    loss.backward()
    total = torch.linalg.vector_norm(torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]))
    word = model[0].auto_model.embeddings.word_embeddings.weight.grad
    out = dict(items=places, loss=number(loss), length=number(total), word_rows=int((word != 0).any(dim=1).sum()),
               tensors=tensors(model, lambda p: p.grad))
    model.zero_grad(set_to_none=True)
    return out


def decays(parameter):
    return parameter.dim() == 2


def rate_part(step):
    return step / WARM_UP if step < WARM_UP else (STEPS - step) / (STEPS - WARM_UP)


def curve(model, batch, layers):
    tokenizer = model.tokenizer.backend_tokenizer if hasattr(model.tokenizer, "backend_tokenizer") else model.tokenizer
    tokenizer.no_padding()
    tokenizer.no_truncation()
    sentences = sentence_pairs(len(PAIRS))
    pairs = [pair for i in range(len(PAIRS)) for pair in (PAIRS[i * 7 % len(PAIRS)], sentences[i * 7 % len(PAIRS)])]
    bert = model[0].auto_model
    trained = layers >= len(bert.encoder.layer)
    for parameter in model.parameters():
        parameter.requires_grad_(trained)
    for layer in bert.encoder.layer[-layers:]:
        for parameter in layer.parameters():
            parameter.requires_grad_(True)
    moved = [p for p in model.parameters() if p.requires_grad]
    before = {p: p.detach().clone() for p in moved}
    optimizer = torch.optim.AdamW([dict(params=[p for p in moved if decays(p)], weight_decay=DECAY),
                                   dict(params=[p for p in moved if not decays(p)], weight_decay=0.0)], lr=RATE, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate_part)
    losses, lengths = [], []
    for step in range(STEPS):
        chosen = [pairs[(step * batch + i) % len(pairs)] for i in range(batch)]
        texts = [a for a, _ in chosen] + [b for _, b in chosen]
        loss = loss_of(model, [tokenizer.encode(text).ids for text in texts])
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        lengths.append(number(torch.nn.utils.clip_grad_norm_(moved, 1.0)))
        optimizer.step()
        schedule.step()
        losses.append(number(loss))
        print(step, losses[-1], lengths[-1], file=sys.stderr)
    return dict(pairs=pairs, batch=batch, layers=layers, steps=STEPS, warm_up=WARM_UP, rate=RATE, decay=DECAY, losses=losses,
                lengths=lengths, moved=tensors(model, lambda p: p.detach() - before[p] if p in before else None))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("gradient", "curve"))
    for name in ("golden", "directory", "out"):
        parser.add_argument(name)
    parser.add_argument("--batch", type=int, help="pairs of a step of the curve")
    parser.add_argument("--layers", type=int, help="layers that it moves")
    arguments = parser.parse_args()
    with open(arguments.golden, encoding="utf-8") as file:
        golden = json.load(file)
    with open(os.path.join(arguments.directory, "model.safetensors"), "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != golden["meta"]["model_safetensors_sha256"]:
        sys.exit(f"{arguments.directory} has other weights than {arguments.golden}")
    model = sentence_transformers.SentenceTransformer(arguments.directory, device="cpu").double().eval()
    model[0].auto_model.embeddings.word_embeddings.padding_idx = None
    result = {}
    if os.path.exists(arguments.out):
        with open(arguments.out, encoding="utf-8") as file:
            result = json.load(file)
    result.update(meta=dict(model_safetensors_sha256=sha256,
                            versions=dict(sentence_transformers=sentence_transformers.__version__,
                                          transformers=transformers.__version__, torch=torch.__version__)),
                  scale=SCALE)
    if arguments.what == "gradient":
        result["gradient"] = gradient(model, golden)
    else:
        result["curve"] = curve(model, arguments.batch, arguments.layers)
    text = json.dumps(result, ensure_ascii=True, separators=(",", ":")).replace(',"', ',\n"')
    with open(arguments.out, "w", encoding="utf-8", newline="\n") as file:
        file.write(text + "\n")


main()
