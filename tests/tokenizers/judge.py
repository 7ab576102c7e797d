"""What the reference makes of a text, for each tokenizer folder beside this file.

Folders are judged by the reference's own class, except where Transformers loses what a
model was trained with: there PyPI's sentencepiece judges on the folder's model. In both
cases text that spells a control token (</s>, <pad>, ...) stays text unless special tokens
are asked for; the reference has no such switch, so its control tokens get names that no
text spells.
"""
import functools
import json
import pathlib
import re

import sentencepiece
import tokenizers
import transformers

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "examples" / "models" / "en-fr"
CLASSES = {"t5": "T5Tokenizer", "mt5": "T5Tokenizer", "madlad": "T5Tokenizer", "umt5": "TokenizersBackend",
           "byt5": "ByT5Tokenizer", "bart": "BartTokenizer", "codet5": "RobertaTokenizer",
           "blenderbot": "BlenderbotTokenizer", "mbart": "MBartTokenizer", "mbart50": "MBart50Tokenizer",
           "nllb": "NllbTokenizer", "m2m100": "M2M100Tokenizer", "pegasus": "PegasusTokenizer",
           "plbart": "PLBartTokenizer", "barthez": "BarthezTokenizer"}


def repair(raw):
    """Bytes as text: each byte that is no UTF-8 is U+FFFD."""
    text, at = "", 0
    while at < len(raw):
        try:
            return text + raw[at:].decode()
        except UnicodeDecodeError as error:
            text += raw[at:at + error.start].decode() + "\ufffd" * (error.end - error.start)
            at += error.end
    return text


def reference(folder):
    name = CLASSES[folder.name.split("-")[0]]
    cls = getattr(transformers, name, None) or transformers.TokenizersBackend
    return cls.from_pretrained(folder)


def target_ids(ref, text):
    return None if getattr(ref, "tgt_lang", "") is None else ref(text_target=text).input_ids


class Fast:
    """A class that the tokenizers library backs."""

    def __init__(self, folder, change=None):
        self.ref, self.changed = reference(folder), change is not None
        written = json.loads(self.ref._tokenizer.to_str())
        if change:
            change(written)
        self.backend = tokenizers.Tokenizer.from_str(json.dumps(written))
        self.size = len(self.ref)
        always = [token for token in written["added_tokens"]
                  if not token["special"] or self.is_always(token["content"])]
        control = {token["content"] for token in written["added_tokens"]} - {t["content"] for t in always}
        self.tokens = sorted(control) + [t["content"] for t in always][:40]
        written["added_tokens"] = always
        # A token that is added keeps its id only if the model has it.
        hidden = {name: f"\ufdd0{i}\ufdd1" for i, name in enumerate(sorted(control))}
        model = written["model"]
        if isinstance(model["vocab"], list):
            model["vocab"] = [[hidden.get(piece, piece), score] for piece, score in model["vocab"]]
        else:
            model["vocab"] = {hidden.get(piece, piece): i for piece, i in model["vocab"].items()}
            if model.get("unk_token") in hidden:
                model["unk_token"] = hidden[model["unk_token"]]
        self.plain = tokenizers.Tokenizer.from_str(json.dumps(written))
        self.always_ids = {t["content"]: t["id"] for t in always}

    def is_always(self, token):
        return bool(re.fullmatch(r"<extra_id_\d+>|[a-z]{2}_[A-Z]{2}|[a-z]{3}_[A-Z][a-z]{3}", token))

    def encode(self, text, special=False):
        return self.encoding(text, special).ids

    def encoding(self, text, special=False):
        return (self.backend if special else self.plain).encode(text)

    def target(self, text):
        """On the target's side, control tokens parsed; None: the folder names no language."""
        return self.encode(text, True) if self.changed else target_ids(self.ref, text)

    def places(self, text):
        """Whether the library's offsets are right: they are shifted behind a character that
        its normalizer deletes at the start of a part."""
        normalizer = self.backend.normalizer
        return not normalizer or all(normalizer.normalize_str(f"a{c}a") != "aa" for c in text)

    def offsets(self, text):
        """Bytes of `text` for each id; None for one that stands for no text."""
        starts = [0]
        for c in text:
            starts.append(starts[-1] + len(c.encode()))
        encoding = self.encoding(text)
        return [None if mask else [starts[a], starts[b]]
                for (a, b), mask in zip(encoding.offsets, encoding.special_tokens_mask)]

    def decode(self, ids):
        text = self.backend.decode(ids, skip_special_tokens=True)
        cleans = self.ref.clean_up_tokenization_spaces and type(self.backend.model).__name__ != "BPE"
        return self.ref.clean_up_tokenization(text) if cleans else text


class Pieces:
    """A SentencePiece model whose pieces `number` numbers, with tokens around the text and
    tokens that are cut out of it. `tail` finishes decoded text."""

    def __init__(self, path, number, prefix=(), suffix=(), always=None, control=None, size=0, tail=lambda text: text):
        self.sp = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.number, self.prefix, self.suffix = number, list(prefix), list(suffix)
        self.always, self.control, self.size, self.tail = always or {}, control or {}, size, tail
        self.tokens = list(self.control) + list(self.always)[:40]
        self.names = {}
        for i in range(self.sp.get_piece_size()):
            self.names.setdefault(number(self.sp.id_to_piece(i), i), i)

    def places(self, text):
        return True

    def parts(self, text, special):
        names = self.always | (self.control if special else {})
        if not names:
            return [text]
        pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        return re.split(f"({pattern})", text)

    def walk(self, text, special=False):
        """(id, begin, end) of the text, in bytes."""
        names, at, parts = self.always | (self.control if special else {}), 0, self.parts(text, special)
        for i, part in enumerate(parts):
            if i + 1 < len(parts) and i % 2 == 0 and parts[i + 1] == "<mask>":
                yield from self.pieces(part.rstrip(), at)  # the mask takes the space before it
                at += len(part.encode())
                continue
            size = len(part.encode())
            if i % 2:
                yield names[part], at, at + size
            else:
                yield from self.pieces(part, at)
            at += size

    def pieces(self, part, at):
        for piece in self.sp.encode(part, return_type="proto").pieces if part else []:
            yield self.number(piece.piece, piece.id), at + piece.begin, at + piece.end

    def encode(self, text, special=False):
        return self.prefix + [i for i, _, _ in self.walk(text, special)] + self.suffix

    def target(self, text):
        return None if self.prefix else self.encode(text, True)

    def offsets(self, text):
        inner = [[a, b] for _, a, b in self.walk(text)]
        return [None] * len(self.prefix) + inner + [None] * len(self.suffix)

    def decode(self, ids):
        skipped = set(self.always.values()) | set(self.control.values())
        pieces = [self.sp.id_to_piece(self.names[i]) for i in ids if i not in skipped and i in self.names]
        return self.tail(self.sp.decode(pieces))


class Python:
    """A class in Python over a SentencePiece model or over bytes."""

    def __init__(self, folder, always):
        self.ref = reference(folder)
        self.size = len(self.ref)
        empty = self.ref("").input_ids
        eos = empty.index(self.ref.eos_token_id)
        self.prefix, self.suffix = empty[:eos], empty[eos:]
        names = set(self.ref._added_tokens_encoder) | set(self.ref.all_special_tokens)
        # A token that the model has no id for is none.
        unk = self.ref.unk_token
        names = {name for name in names if name == unk or self.ref.convert_tokens_to_ids(name) != self.ref.unk_token_id}
        self.names = names
        self.always = [name for name in names if re.fullmatch(always, name)]
        self.tokens = sorted(names - set(self.always)) + sorted(self.always)

    def encode(self, text, special=False):
        names = self.names if special else self.always
        if special and names == set(self.ref._added_tokens_encoder) | set(self.ref.all_special_tokens):
            return self.ref(text).input_ids
        ids, convert = [], self.ref.convert_tokens_to_ids
        pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        for i, part in enumerate(re.split(f"({pattern})", text) if names else [text]):
            ids += [convert(part)] if i % 2 else [self.ref._convert_token_to_id(t) for t in self.ref._tokenize(part)]
        return self.prefix + ids + self.suffix

    def target(self, text):
        return target_ids(self.ref, text)

    offsets = None

    def decode(self, ids):
        return self.ref.decode(ids, skip_special_tokens=True)


def bytes_on(written):
    """T5's pipeline with the bytes that its vocabulary has."""
    written["model"]["byte_fallback"] = True
    written["decoder"] = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, written["decoder"]]}


def wrapped(prefix, suffix):
    def change(written):
        items = [{"SpecialToken": {"id": t, "type_id": 0}} for t, _ in prefix] + [{"Sequence": {"id": "A", "type_id": 0}}]
        items += [{"SpecialToken": {"id": t, "type_id": 0}} for t, _ in suffix]
        written["post_processor"] = {
            "type": "TemplateProcessing", "single": items, "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in [*prefix, *suffix]}}
    return change


def spm_pieces(path):
    sp = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [sp.id_to_piece(i) for i in range(sp.get_piece_size())]


def cleaned(text):
    """Transformers' clean_up_tokenization."""
    for old, new in [(" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
                     (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")]:
        text = text.replace(old, new)
    return text


def own_ids(folder, eos, control, tail=lambda text: text, always=None):
    """A model whose pieces have their SentencePiece numbers."""
    path = folder / "spiece.model"
    return Pieces(path, lambda piece, i: i, suffix=[eos], control=control, always=always, tail=tail,
                  size=len(spm_pieces(path)))


def numbered(folder, languages, pattern, prefix):
    """vocab.json's ids, languages behind them."""
    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    always = {pattern.format(code): len(vocab) + i for i, code in enumerate(languages)}
    control = {name: vocab[name] for name in ["<s>", "<pad>", "</s>", "<unk>"]}
    return Pieces(folder / "sentencepiece.bpe.model",
                  lambda piece, i: vocab[piece] if piece in vocab and piece not in control else vocab["<unk>"],
                  prefix=[always[p] for p in prefix], suffix=[vocab["</s>"]], always=always, control=control,
                  size=len(vocab) + len(languages), tail=str.strip)


def nllb_trained(folder):
    languages = transformers.models.nllb.tokenization_nllb.FAIRSEQ_LANGUAGE_CODES
    path = folder / "sentencepiece.bpe.model"
    count = len(spm_pieces(path))
    always = {code: count + 1 + i for i, code in enumerate(languages)}
    control = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": count + 1 + len(languages)}
    return Pieces(path, lambda piece, i: i + 1 if i > 2 else 3, prefix=[always["eng_Latn"]], suffix=[2],
                  always=always, control=control, size=count + 2 + len(languages))


M2M = transformers.models.m2m_100.tokenization_m2m_100.FAIRSEQ_LANGUAGE_CODES["m2m100"]
S, E = [("<s>", 0)], [("</s>", 2)]
# Folders whose default is not the reference's own, with their judge.
TRAINED = {
    "madlad": lambda f: own_ids(f, 2, {"<unk>": 0, "<s>": 1, "</s>": 2}, cleaned),
    "mt5": lambda f: own_ids(f, 1, {"<pad>": 0, "</s>": 1, "<unk>": 2}),
    "mt5-json5": lambda f: Fast(f, bytes_on),
    "umt5-spm": lambda f: own_ids(f, 1, {"<pad>": 0, "</s>": 1, "<s>": 2, "<unk>": 3}, cleaned,
                                  {f"<extra_id_{i}>": 4 + i for i in range(10)}),
    "umt5-json5": lambda f: Fast(f, wrapped([], [("</s>", 1)])),
    "nllb-spm": nllb_trained,
    "m2m100-bare": lambda f: numbered(f, M2M, "__{}__", ["__en__"]),
    "small100": lambda f: numbered(f, M2M, "__{}__", ["__fr__"]),
    "blenderbot-files": lambda f: Fast(f, wrapped([], E)),
    "barthez-spm": lambda f: Fast(f, wrapped(S, E)),
}
ONLY_TRAINED = {"umt5-spm", "small100"}  # folders that the reference does not load
ALWAYS = {"byt5": r"<extra_id_\d+>", "m2m100": r"__.*__", "plbart": r"__.*__"}


@functools.cache
def judge(name, way):
    """The judge of a folder for the way "trained" or "transformers"; None: there is none,
    or it is the same as the other way's."""
    folder = HERE / name
    if way == "trained" and name in TRAINED:
        return TRAINED[name](folder)
    if (way == "transformers") != (name in TRAINED) or name in ONLY_TRAINED:
        return None
    pattern = ALWAYS.get(name.split("-")[0])
    if name == "m2m100-bare":
        pattern = "(?!)"  # the reference reads its languages as text
    return Python(folder, pattern) if pattern else Fast(folder)


def names():
    return sorted(path.name for path in HERE.iterdir() if (path / "tokenizer_config.json").exists())
