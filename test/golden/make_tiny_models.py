#!/usr/bin/env python3
"""Write the tiny BERT models below test/golden/tiny and what sentence-transformers makes of them.

Each is a complete sentence-transformers directory with random weights and one deviation or two from the usual model:
activation, pooling, a dense layer, float16 weights, a cased tokenizer, a declared prompt. Made with sentence-transformers
6.2.0, transformers as it depends on, torch 2.13.0, tokenizers 0.23.3:

    python3 make_tiny_models.py test/golden/tiny
"""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel

TEXTS = [
    "a cat sat on the mat",
    "The Cat Sat ON The Mat!",
    "我喜欢看电影，特别是科幻片。",
    "mixed 电影 and books, 2 of them",
    "unknownletters ß ж 😀 done",
    "",
    "one two three four five six seven eight nine ten " * 12,
]

WORDS = ("a b c d e f g h i j k l m n o p q r s t u v w x y z A B T S O M C N the cat sat on mat The Cat Sat ON Mat mixed and "
         "books of them one two three four five six seven eight nine ten ##s ##a ##t ##n ##e ##r ##ing ##k ##o ##w ##l ##h "
         "0 1 2 3 . , ! ? 我 喜 欢 看 电 影 特 别 是 科 幻 片 ， 。").split()

MODELS = {
    "gelu_mean": dict(act="gelu", pooling="mean", normalize=True, lower=True),
    "relu_cls": dict(act="relu", pooling="cls", normalize=False, lower=True, heads=2),
    "gelu_new_max_dense_cased": dict(act="gelu_new", pooling="max", normalize=True, lower=False, dense=24),
    "silu_f16_prompt": dict(act="silu", pooling="mean", normalize=True, lower=True, f16=True, prompt="find: "),
}


def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=1)


def write_model(root, name, spec, seed):
    torch.manual_seed(seed)
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
    hidden = 16
    config = BertConfig(vocab_size=len(vocab), hidden_size=hidden, num_hidden_layers=2, num_attention_heads=spec.get("heads", 4),
                        intermediate_size=40, max_position_embeddings=64, hidden_act=spec["act"], type_vocab_size=2,
                        initializer_range=0.5, layer_norm_eps=1e-6)
    model = BertModel(config)
    for parameter_name, parameter in model.named_parameters():
        if parameter_name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
    tensors = {k: v.contiguous() for k, v in model.state_dict().items()}
    if spec.get("f16"):
        tensors = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    directory = os.path.join(root, name)
    os.makedirs(directory, exist_ok=True)
    save_file(tensors, os.path.join(directory, "model.safetensors"), metadata={"format": "pt"})
    os.chmod(os.path.join(directory, "model.safetensors"), 0o644)

    settings = config.to_dict()
    settings.update(architectures=["BertModel"], torch_dtype="float32")
    write_json(os.path.join(directory, "config.json"), settings)
    special = [dict(id=i, content=t, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
               for i, t in enumerate(vocab[:5])]
    write_json(os.path.join(directory, "tokenizer.json"), {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": spec["lower"]},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                      {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
                           "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                    {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
                                    {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
                           "special_tokens": {t: {"id": t, "ids": [vocab.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {t: i for i, t in enumerate(vocab)}}})
    names = dict(cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]")
    write_json(os.path.join(directory, "tokenizer_config.json"),
               dict(tokenizer_class="PreTrainedTokenizerFast", model_max_length=64, **names))
    write_json(os.path.join(directory, "sentence_bert_config.json"), dict(max_seq_length=48, do_lower_case=False))
    write_json(os.path.join(directory, "1_Pooling", "config.json"), {
        "word_embedding_dimension": hidden, "pooling_mode_cls_token": spec["pooling"] == "cls",
        "pooling_mode_mean_tokens": spec["pooling"] == "mean", "pooling_mode_max_tokens": spec["pooling"] == "max",
        "pooling_mode_mean_sqrt_len_tokens": False})
    modules = ["Transformer", "Pooling"]
    paths = ["", "1_Pooling"]
    if "dense" in spec:
        modules.append("Dense"), paths.append("2_Dense")
        write_json(os.path.join(directory, "2_Dense", "config.json"), {
            "in_features": hidden, "out_features": spec["dense"], "bias": True,
            "activation_function": "torch.nn.modules.activation.Tanh"})
        save_file({"linear.weight": torch.randn(spec["dense"], hidden) * 0.3, "linear.bias": torch.randn(spec["dense"]) * 0.3},
                  os.path.join(directory, "2_Dense", "model.safetensors"))
        os.chmod(os.path.join(directory, "2_Dense", "model.safetensors"), 0o644)
    if spec["normalize"]:
        modules.append("Normalize"), paths.append(f"{len(paths)}_Normalize")
    write_json(os.path.join(directory, "modules.json"), [
        dict(idx=i, name=str(i), path=p, type=f"sentence_transformers.models.{m}") for i, (m, p) in enumerate(zip(modules, paths))])
    for path in paths[2:]:
        os.makedirs(os.path.join(directory, path), exist_ok=True)
    if "prompt" in spec:
        write_json(os.path.join(directory, "config_sentence_transformers.json"), {
            "prompts": {"find": spec["prompt"]}, "default_prompt_name": "find", "similarity_fn_name": "cosine"})

    reference = SentenceTransformer(directory, device="cpu")
    reference.eval()
    items = []
    for text in TEXTS:
        with torch.no_grad():
            vector = reference.encode([text], batch_size=1, convert_to_numpy=True)[0]
        items.append(dict(text=text, embedding=[float("%.7g" % x) for x in vector]))
    write_json(os.path.join(directory, "expected.json"), items)
    print(name, len(vector))


for number, (name, spec) in enumerate(MODELS.items()):
    write_model(sys.argv[1], name, spec, 100 + number)
