#!/usr/bin/env python3
"""Makes the tokenizer folders beside this script: one for each form that a checkpoint of
a supported family comes in.

Run in a virtual environment with transformers, sentencepiece and tokenizers:
    train.py            remakes all folders
    train.py NAME...    remakes some
The vocabularies are trained on corpus.py's text; the files are then written by the
reference's own classes (save_pretrained: the forms of Transformers 5) and converters (the
forms of Transformers 4), as far as it still has them.
"""
import importlib
import io
import json
import logging
import pathlib
import shutil
import sys
import tempfile
import types
import warnings

import sentencepiece
import tokenizers
import transformers

import corpus

slow = importlib.import_module("transformers.convert_slow_tokenizer")
HERE = pathlib.Path(__file__).resolve().parent
# A part of NFKC, so that not every folder holds SentencePiece's 240 kB of it.
RULES = [("Ａ", "A"), ("ﬁ", "fi"), ("ﬃ", "ffi"), ("①", "1"), ("½", "1⁄2"), ("e\u0301", "\u00e9"),
         ("ｶﾞ", "\u30ac"), ("ｱ", "ア"), ("\u3000", " "), ("\u00a0", " "), ("\t", " "), ("\n", " "),
         ("\u200b", " "), ("\u00ad", ""), ("\u200e", ""), ("ﷺ", "صلى الله عليه وسلم"),
         ("\u212b", "\u00c5"), ("²", "2"), ("\u2009", " "), ("\ufeff", " "), ("\u0344", "\u0308\u0301")]


def train(kind, size, rules="few", **options):
    """A SentencePiece model's bytes. `rules`: nfkc, few (the table above) or none."""
    common = dict(model_type=kind, vocab_size=size, character_coverage=1.0, num_threads=1,
                  hard_vocab_limit=False, minloglevel=2, max_sentence_length=100000)
    if rules == "nfkc":
        common["normalization_rule_name"] = "nmt_nfkc"
    elif rules == "none":
        common["normalization_rule_name"] = "identity"
    else:
        table = HERE / "rules.tsv.tmp"
        table.write_text("".join(
            " ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n"
            for a, b in RULES))
        common["normalization_rule_tsv"] = str(table)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus.corpus()), model_writer=model, **(common | options))
    if rules != "few":
        return model.getvalue()
    table.unlink()
    proto = slow.import_protobuf().ModelProto.FromString(model.getvalue())
    proto.normalizer_spec.ClearField("normalization_rule_tsv")  # a path of this machine
    return proto.SerializeToString()


def retype(model, types_):
    """The model with the types of some pieces changed."""
    proto = slow.import_protobuf().ModelProto.FromString(model)
    for piece in proto.pieces:
        if piece.piece in types_:
            piece.type = types_[piece.piece]
    return proto.SerializeToString()


_models = {}


def model(name):
    """The trained models, each made once."""
    def t5(kind="unigram", **options):
        return train(kind, 1500, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, **options)

    def fairseq(kind, size=1400, **options):
        return train(kind, size, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, **options)

    makers = {
        "t5": t5,
        "t5-nfkc": lambda: t5(rules="nfkc"),
        "mt5": lambda: t5(byte_fallback=True,
                          user_defined_symbols=[f"▁<extra_id_{i}>" for i in range(99, -1, -1)]),
        "madlad": lambda: train("unigram", 1600, unk_id=0, bos_id=1, eos_id=2, pad_id=-1,
                                byte_fallback=True, remove_extra_whitespaces=False,
                                user_defined_symbols=["\n", "<2en>", "<2fr>", "<2de>", "<2zh>", "<2hi>"]),
        "umt5": lambda: train("unigram", 1600, pad_id=0, eos_id=1, bos_id=2, unk_id=3, byte_fallback=True,
                              user_defined_symbols=[f"<extra_id_{i}>" for i in range(10)]),
        "mbart": lambda: fairseq("unigram"),
        "nllb": lambda: fairseq("bpe", 1700),
        "m2m100": lambda: fairseq("bpe", 1500),
        "small100": lambda: fairseq("unigram", byte_fallback=True),
        "pegasus": lambda: train("unigram", 1500, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
        "plbart": lambda: fairseq("bpe", 1600, rules="none", user_defined_symbols=["NEW_LINE", "INDENT"]),
        "barthez": lambda: retype(train("unigram", 1400, bos_id=0, pad_id=1, eos_id=2, unk_id=3,
                                        user_defined_symbols=["<mask>"]), {"de": 5}),
    }
    if name not in _models:
        _models[name] = makers[name]()
    return _models[name]


def byte_level(size, specials):
    """vocab and merges of a byte-level BPE, specials first."""
    trained = tokenizers.Tokenizer(tokenizers.models.BPE())
    trained.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, show_progress=False,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    trained.train_from_iterator(corpus.corpus(), trainer)
    found = json.loads(trained.to_str())["model"]
    return found["vocab"], [tuple(m) for m in found["merges"]]


def dump(folder, name, value):
    """Compact JSON, so that the folders stay small."""
    (folder / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")


def compact(folder):
    for path in folder.glob("*.json"):
        dump(folder, path.name, json.loads(path.read_text("utf-8")))


def added(content, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False,
            "single_word": False, "special": True} | flags


def typed(content, **flags):
    """An added token as older tokenizer_config.json have it."""
    token = added(content, **flags)
    del token["special"]
    return {"__type": "AddedToken"} | token


def as_v4(folder):
    """Rewrites tokenizer.json as the tokenizers library of Transformers 4 wrote it."""
    value = json.loads((folder / "tokenizer.json").read_text("utf-8"))

    def walk(node):
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        node = {key: walk(item) for key, item in node.items()}
        if node.get("type") == "Metaspace":
            return {"type": "Metaspace", "replacement": node["replacement"], "add_prefix_space": True}
        if node.get("type") == "ByteLevel":
            node.pop("use_regex", None)
        if node.get("type") == "BPE":
            node["merges"] = [" ".join(pair) for pair in node["merges"]]
            node.pop("ignore_merges", None)
            node.pop("byte_fallback", None)
        if node.get("type") == "Unigram":
            node.pop("byte_fallback", None)
        return node
    dump(folder, "tokenizer.json", walk(value))


def save_v4(folder, converter, **original):
    """tokenizer.json by a converter of the reference, then in version 4's form. `original`
    stands for the attributes of the slow tokenizer that the converter asks for."""
    converter(types.SimpleNamespace(**original)).converted().save(str(folder / "tokenizer.json"))
    as_v4(folder)


def config_v4(folder, cls, decoder, extra=(), **more):
    """tokenizer_config.json and special_tokens_map.json as Transformers 4.40 wrote them."""
    named = {key: value for key, value in more.items() if key.endswith("_token")}
    dump(folder, "tokenizer_config.json",
         {"added_tokens_decoder": {str(i): token for i, token in decoder.items()},
          "additional_special_tokens": list(extra), "clean_up_tokenization_spaces": True,
          "model_max_length": 1000000000000000019884624838656, "tokenizer_class": cls} | more
         | {key: token["content"] for key, token in named.items() if isinstance(token, dict)})
    dump(folder, "special_tokens_map.json", named | ({"additional_special_tokens": list(extra)} if extra else {}))


def save_v5(folder, cls, source, **options):
    """What Transformers 5 writes after loading `source`."""
    tokenizer = cls.from_pretrained(source, **options)
    tokenizer.save_pretrained(folder)
    compact(folder)


SENTINELS = [f"<extra_id_{i}>" for i in range(100)]
MADE = {}


def makes(function):
    MADE[function.__name__.replace("_", "-")] = function
    return function


@makes
def t5_nfkc(folder):
    (folder / "spiece.model").write_bytes(model("t5-nfkc"))
    dump(folder, "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer"})


@makes
def t5_spm(folder):
    (folder / "spiece.model").write_bytes(model("t5"))
    dump(folder, "tokenizer_config.json",
         {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "extra_ids": 100,
          "additional_special_tokens": SENTINELS, "tokenizer_class": "T5Tokenizer"})
    dump(folder, "special_tokens_map.json",
         {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
          "additional_special_tokens": SENTINELS})


@makes
def t5_json4(folder):
    size = len(slow.import_protobuf().ModelProto.FromString(model("t5")).pieces)
    decoder = {0: added("<pad>"), 1: added("</s>"), 2: added("<unk>")}
    decoder |= {size + i: added(f"<extra_id_{99 - i}>") for i in range(100)}
    with_file(folder, "t5", lambda path: save_v4(
        folder, slow.T5Converter, vocab_file=path, _extra_ids=100,
        convert_tokens_to_ids=lambda token: 1))
    value = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    value["added_tokens"] = [{"id": i} | token for i, token in decoder.items()]
    dump(folder, "tokenizer.json", value)
    config_v4(folder, "T5TokenizerFast", decoder, SENTINELS, eos_token="</s>", unk_token="<unk>",
              pad_token="<pad>", extra_ids=100)


def with_file(folder, name, use):
    """Calls use(path) with the model in a file that is gone afterwards."""
    path = folder / "model.tmp"
    path.write_bytes(model(name))
    use(str(path))
    path.unlink()


@makes
def t5_json5(folder):
    save_v5(folder, transformers.T5Tokenizer, HERE / "t5-spm")


@makes
def madlad(folder):
    (folder / "spiece.model").write_bytes(model("madlad"))
    config_v4(folder, "T5Tokenizer", {0: added("<unk>"), 1: added("<s>"), 2: added("</s>")},
              eos_token="</s>", unk_token="<unk>", pad_token="<s>", bos_token="<s>", extra_ids=0)


@makes
def mt5(folder):
    (folder / "spiece.model").write_bytes(model("mt5"))
    dump(folder, "tokenizer_config.json",
         {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "extra_ids": 0,
          "additional_special_tokens": None, "tokenizer_class": "T5Tokenizer"})
    dump(folder, "special_tokens_map.json", {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"})


@makes
def mt5_json5(folder):
    save_v5(folder, transformers.T5Tokenizer, HERE / "mt5", extra_ids=0, additional_special_tokens=["<extra_id_0>"])


@makes
def umt5_spm(folder):
    (folder / "spiece.model").write_bytes(model("umt5"))
    config_v4(folder, "T5Tokenizer", {0: added("<pad>"), 1: added("</s>"), 2: added("<s>"), 3: added("<unk>")},
              [f"<extra_id_{i}>" for i in range(10)], eos_token="</s>", unk_token="<unk>",
              pad_token="<pad>", bos_token="<s>", extra_ids=0)
    dump(folder, "config.json", {"model_type": "umt5"})


@makes
def umt5_json(folder):
    class WithBytes(slow.T5Converter):
        handle_byte_fallback = True

    with_file(folder, "umt5", lambda path: save_v4(
        folder, WithBytes, vocab_file=path, _extra_ids=0, convert_tokens_to_ids=lambda token: 1))
    value = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    value["model"]["byte_fallback"] = True
    names = ["<pad>", "</s>", "<s>", "<unk>"] + [f"<extra_id_{i}>" for i in range(10)]
    value["added_tokens"] = [{"id": i} | added(token) for i, token in enumerate(names)]
    dump(folder, "tokenizer.json", value)
    config_v4(folder, "T5TokenizerFast", {i: added(token) for i, token in enumerate(names)}, names[4:],
              eos_token="</s>", unk_token="<unk>", pad_token="<pad>", bos_token="<s>", extra_ids=0)
    dump(folder, "config.json", {"model_type": "umt5"})


@makes
def umt5_json5(folder):
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(HERE / "umt5-spm", scratch, dirs_exist_ok=True)
        # The reference looks for a model without a class of its own by this name.
        (pathlib.Path(scratch) / "spiece.model").rename(pathlib.Path(scratch) / "tokenizer.model")
        save_v5(folder, transformers.TokenizersBackend, scratch)
    dump(folder, "config.json", {"model_type": "umt5"})


@makes
def byt5(folder):
    sentinels = [f"<extra_id_{i}>" for i in range(125)]
    dump(folder, "tokenizer_config.json",
         {"eos_token": typed("</s>", normalized=True), "unk_token": typed("<unk>", normalized=True),
          "pad_token": typed("<pad>", normalized=True), "extra_ids": 125,
          "additional_special_tokens": sentinels, "tokenizer_class": "ByT5Tokenizer"})
    dump(folder, "special_tokens_map.json",
         {"eos_token": added("</s>", normalized=True), "unk_token": added("<unk>", normalized=True),
          "pad_token": added("<pad>", normalized=True), "additional_special_tokens": sentinels})


def byte_level_files(folder, specials, size=900):
    vocab, merges = byte_level(size, specials)
    dump(folder, "vocab.json", vocab)
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in merges), "utf-8")
    return vocab, merges


BART = ["<s>", "<pad>", "</s>", "<unk>"]


def bart_names():
    mask = added("<mask>", lstrip=True, normalized=True)
    return dict(bos_token="<s>", eos_token="</s>", sep_token="</s>", cls_token="<s>", unk_token="<unk>",
                pad_token="<pad>", mask_token=mask)


@makes
def bart_files(folder):
    vocab, _ = byte_level_files(folder, BART)
    vocab["<mask>"] = len(vocab)  # the last, as in the trained ones
    dump(folder, "vocab.json", vocab)
    dump(folder, "tokenizer_config.json", {"model_max_length": 1024, "tokenizer_class": "BartTokenizer"})


@makes
def bart_json4(folder):
    vocab, merges = byte_level(900, BART)
    vocab["<mask>"] = len(vocab)
    names = bart_names()
    save_v4(folder, slow.RobertaConverter, encoder=vocab, bpe_ranks=dict.fromkeys(merges),
            add_prefix_space=False, sep_token="</s>", sep_token_id=2, cls_token="<s>", cls_token_id=0)
    decoder = {i: added(token, normalized=True) for i, token in enumerate(BART)} | {vocab["<mask>"]: names["mask_token"]}
    value = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    value["added_tokens"] = [{"id": i} | token for i, token in decoder.items()]
    dump(folder, "tokenizer.json", value)
    config_v4(folder, "BartTokenizerFast", decoder, errors="replace", add_prefix_space=False,
              trim_offsets=True, **names)


@makes
def bart_json5(folder):
    save_v5(folder, transformers.BartTokenizer, HERE / "bart-files")


@makes
def codet5(folder):
    vocab, _ = byte_level_files(folder, ["<pad>", "<s>", "</s>", "<unk>", "<mask>"], 1000)
    extras = {f"<extra_id_{99 - i}>": len(vocab) + i for i in range(100)}
    dump(folder, "added_tokens.json", extras)
    flags = dict(lstrip=True, normalized=True)
    names = {key: typed(token, normalized=True) for key, token in
             [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"),
              ("sep_token", "</s>"), ("pad_token", "<pad>"), ("cls_token", "<s>")]}
    names["mask_token"] = typed("<mask>", **flags)
    extra = [typed(token, **flags) for token in extras]
    dump(folder, "tokenizer_config.json",
         names | {"errors": "replace", "add_prefix_space": False, "trim_offsets": True,
                  "additional_special_tokens": extra, "tokenizer_class": "RobertaTokenizer"})
    dump(folder, "special_tokens_map.json", names | {"additional_special_tokens": extra})
    dump(folder, "config.json", {"model_type": "t5"})


@makes
def blenderbot_files(folder):
    vocab, _ = byte_level_files(folder, BART)
    vocab["<mask>"] = len(vocab)
    dump(folder, "vocab.json", vocab)
    dump(folder, "tokenizer_config.json",
         {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
          "unk_token": "<unk>", "pad_token": "<pad>", "add_prefix_space": True,
          "mask_token": typed("<mask>", lstrip=True), "tokenizer_class": "BlenderbotTokenizer"})


@makes
def blenderbot_json4(folder):
    vocab, merges = byte_level(900, BART)
    vocab["<mask>"] = len(vocab)
    names = bart_names()
    save_v4(folder, slow.BlenderbotConverter, encoder=vocab, bpe_ranks=dict.fromkeys(merges),
            add_prefix_space=True, eos_token="</s>", eos_token_id=2)
    decoder = {i: added(token, normalized=True) for i, token in enumerate(BART)} | {vocab["<mask>"]: names["mask_token"]}
    value = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    value["added_tokens"] = [{"id": i} | token for i, token in decoder.items()]
    dump(folder, "tokenizer.json", value)
    config_v4(folder, "BlenderbotTokenizerFast", decoder, add_prefix_space=True, **names)


@makes
def mbart_spm(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(model("mbart"))
    dump(folder, "tokenizer_config.json", {"model_max_length": 1024, "tokenizer_class": "MBartTokenizer"})


def fairseq_json4(folder, name, converter, cls, codes, src, **more):
    """A tokenizer.json of version 4 with language codes among its added tokens."""
    class OfVersion4(converter):
        def tokenizer(self, proto):
            if proto.trainer_spec.model_type == 1:
                return super().tokenizer(proto)
            scores = self.vocab(proto)
            ids = {piece: i for i, (piece, _) in enumerate(scores)}
            merges = slow.generate_merges(ids, dict(scores))
            return tokenizers.Tokenizer(tokenizers.models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True))

    with_file(folder, name, lambda path: save_v4(
        folder, OfVersion4, vocab_file=path,
        convert_tokens_to_ids=lambda token: {"</s>": 2}.get(token, 4)))
    value = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocab = value["model"]["vocab"]
    ids = {piece[0]: i for i, piece in enumerate(vocab)} if isinstance(vocab, list) else dict(vocab)
    for code in [*codes, "<mask>"]:
        ids.setdefault(code, len(ids))
    decoder = {i: added(token) for i, token in enumerate(BART)}
    decoder |= {ids[code]: added(code) for code in codes}
    decoder[ids["<mask>"]] = added("<mask>", lstrip=True, normalized=True)
    value["added_tokens"] = [{"id": i} | decoder[i] for i in sorted(decoder)]
    for token in value["post_processor"]["special_tokens"].values():
        token["ids"] = [ids[token["id"]]]
    dump(folder, "tokenizer.json", value)
    config_v4(folder, cls, decoder, codes, src_lang=src, tgt_lang=None, **bart_names(), **more)


@makes
def mbart_json4(folder):
    from transformers.models.mbart.tokenization_mbart import FAIRSEQ_LANGUAGE_CODES as codes
    fairseq_json4(folder, "mbart", slow.MBartConverter, "MBartTokenizerFast", codes, "en_XX")


@makes
def mbart_json5(folder):
    save_v5(folder, transformers.MBartTokenizer, HERE / "mbart-spm", src_lang="en_XX", tgt_lang="ro_RO")


@makes
def mbart50_spm(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(model("mbart"))
    dump(folder, "tokenizer_config.json",
         {"src_lang": None, "tgt_lang": None, "tokenizer_class": "MBart50Tokenizer",
          "additional_special_tokens": transformers.models.mbart50.tokenization_mbart50.FAIRSEQ_LANGUAGE_CODES})


@makes
def mbart50_json5(folder):
    save_v5(folder, transformers.MBart50Tokenizer, HERE / "mbart50-spm", src_lang="de_DE")


@makes
def nllb_spm(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(model("nllb"))
    dump(folder, "tokenizer_config.json", {"model_max_length": 1024, "tokenizer_class": "NllbTokenizer"})


@makes
def nllb_json4(folder):
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as codes
    fairseq_json4(folder, "nllb", slow.NllbConverter, "NllbTokenizerFast", codes, "eng_Latn", legacy_behaviour=False)


@makes
def nllb_json5(folder):
    save_v5(folder, transformers.NllbTokenizer, HERE / "nllb-json4", src_lang="fra_Latn")


def vocab_of(spm):
    """vocab.json as fairseq's dictionary has it: its own specials, then the pieces."""
    pieces = [piece.piece for piece in slow.import_protobuf().ModelProto.FromString(spm).pieces]
    names = BART + [piece for piece in pieces if piece not in BART]
    return {name: i for i, name in enumerate(names[:-3])}  # some pieces have no id


@makes
def m2m100(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(model("m2m100"))
    dump(folder, "vocab.json", vocab_of(model("m2m100")))
    codes = transformers.models.m2m_100.tokenization_m2m_100.FAIRSEQ_LANGUAGE_CODES["m2m100"]
    names = dict(bos_token="<s>", eos_token="</s>", sep_token="</s>", unk_token="<unk>", pad_token="<pad>")
    extra = [f"__{code}__" for code in codes]
    dump(folder, "tokenizer_config.json",
         names | {"src_lang": None, "tgt_lang": None, "language_codes": "m2m100", "num_madeup_words": 8,
                  "additional_special_tokens": extra, "tokenizer_class": "M2M100Tokenizer"})
    dump(folder, "special_tokens_map.json", names | {"additional_special_tokens": extra})


@makes
def m2m100_bare(folder):
    """As m2m100, but the settings do not name the languages."""
    (folder / "sentencepiece.bpe.model").write_bytes(model("small100"))
    dump(folder, "vocab.json", vocab_of(model("small100")))
    dump(folder, "tokenizer_config.json",
         {"extra_special_tokens": [], "tokenizer_class": "M2M100Tokenizer"})


@makes
def small100(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(model("small100"))
    dump(folder, "vocab.json", vocab_of(model("small100")))
    dump(folder, "tokenizer_config.json",
         {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "unk_token": "<unk>",
          "pad_token": "<pad>", "tgt_lang": "fr", "num_madeup_words": 8, "language_codes": "m2m100",
          "tokenizer_class": "SMALL100Tokenizer"})


@makes
def pegasus_spm(folder):
    (folder / "spiece.model").write_bytes(model("pegasus"))
    dump(folder, "tokenizer_config.json", {"model_max_length": 512, "tokenizer_class": "PegasusTokenizer"})
    dump(folder, "special_tokens_map.json", {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"})


@makes
def pegasus_json4(folder):
    names = dict(pad_token="<pad>", eos_token="</s>", unk_token="<unk>", mask_token="<mask_2>")
    with_file(folder, "pegasus", lambda path: save_v4(
        folder, slow.PegasusConverter, vocab_file=path, offset=103, mask_token_sent="<mask_1>",
        mask_token_id=3, eos_token_id=1, **names))
    value = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    extra = ["<mask_1>"] + [f"<unk_{i}>" for i in range(2, 103)]
    ids = {piece[0]: i for i, piece in enumerate(value["model"]["vocab"])}
    decoder = {ids[token]: added(token) for token in ["<pad>", "</s>", "<unk>", "<mask_2>", *extra]}
    value["added_tokens"] = [{"id": i} | decoder[i] for i in sorted(decoder)]
    dump(folder, "tokenizer.json", value)
    config_v4(folder, "PegasusTokenizerFast", decoder, extra, offset=103, mask_token_sent="<mask_1>", **names)


@makes
def pegasus_json5(folder):
    save_v5(folder, transformers.PegasusTokenizer, HERE / "pegasus-json4")


@makes
def plbart(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(model("plbart"))
    dump(folder, "tokenizer_config.json",
         {"language_codes": "base", "src_lang": "python", "tgt_lang": "en_XX", "tokenizer_class": "PLBartTokenizer"})


@makes
def plbart_multi(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(model("plbart"))
    dump(folder, "tokenizer_config.json", {"language_codes": "multi", "tokenizer_class": "PLBartTokenizer"})


@makes
def barthez_spm(folder):
    (folder / "sentencepiece.bpe.model").write_bytes(model("barthez"))
    dump(folder, "tokenizer_config.json", bart_names() | {"mask_token": "<mask>", "tokenizer_class": "BarthezTokenizer"})


@makes
def barthez_json4(folder):
    with_file(folder, "barthez", lambda path: save_v4(
        folder, slow.BarthezConverter, vocab_file=path,
        convert_tokens_to_ids=lambda token: {"<s>": 0, "</s>": 2}[token]))
    decoder = {i: added(token) for i, token in enumerate(BART)} | {4: added("<mask>", lstrip=True)}
    value = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    value["added_tokens"] = [{"id": i} | decoder[i] for i in sorted(decoder)]
    dump(folder, "tokenizer.json", value)
    config_v4(folder, "BarthezTokenizerFast", decoder, **bart_names())


@makes
def barthez_json5(folder):
    save_v5(folder, transformers.BarthezTokenizer, HERE / "barthez-json4")


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers.logging.set_verbosity_error()
    for name in sys.argv[1:] or MADE:
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        MADE[name](folder)
        print(f"{name}: {sum(path.stat().st_size for path in folder.iterdir())} bytes")


if __name__ == "__main__":
    main()
