#!/usr/bin/env python3
"""Times encdec's tokenizer beside PyPI's tokenizers and sentencepiece, in one thread.

    compare.py PROGRAM [--large FOLDER] [--rounds 7] [--only NAME...]

Run in a virtual environment with transformers, sentencepiece and tokenizers. PROGRAM is
build/bin/encdec_bench_tokenizers; FOLDER was made by large.py. The text is this project's:
the sentences of tests/data/en-fr-1000.tsv, and the lines of every script that
tests/tokenizers/corpus.py draws. Times are processor time, the least of three times
ROUNDS, the two programs in turn; the libraries work on all lines in one call. `same` is
the share of lines that have the same ids. A ratio is their time over encdec's.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

os.environ["TOKENIZERS_PARALLELISM"] = "false"
warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ROOT / "tests" / "tokenizers"
sys.path.insert(0, str(FOLDERS))

import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402

import corpus  # noqa: E402


class SentencePiece:
    name = "sentencepiece"

    def __init__(self, path, number):
        """`number` makes a folder's ids of the model's."""
        self.model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.number = number

    def encode(self, lines):
        return self.model.encode(lines, num_threads=1)

    def ids(self, made):
        return [self.number(one) for one in made]

    def decode(self, made):
        return self.model.decode(made, num_threads=1)


class Tokenizers:
    name = "tokenizers"

    def __init__(self, path):
        self.model = tokenizers.Tokenizer.from_file(str(path))

    def encode(self, lines):
        return self.model.encode_batch_fast(lines)

    def ids(self, made):
        return [one.ids for one in made]

    def decode(self, made):
        return self.model.decode_batch(made)


class Transformers:
    name = "transformers"

    def __init__(self, folder):
        import transformers
        self.model = transformers.ByT5Tokenizer.from_pretrained(folder)

    def encode(self, lines):
        return self.model(lines).input_ids

    def ids(self, made):
        return made

    def decode(self, made):
        return self.model.batch_decode(made, skip_special_tokens=True)


def marian(folder):
    names = json.loads((folder / "vocab.json").read_text("utf-8"))
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    number = [names.get(model.id_to_piece(i), names["<unk>"]) for i in range(model.get_piece_size())]
    return SentencePiece(folder / "source.spm", lambda ids: [number[i] for i in ids] + [names["</s>"]])


def nllb(folder):
    """fairseq's numbers, between the default source language, which the same vocabulary as
    tokenizer.json numbers, and </s>."""
    english = Tokenizers(FOLDERS / "nllb-json5" / "tokenizer.json").model.token_to_id("eng_Latn")
    return SentencePiece(folder / "sentencepiece.bpe.model",
                         lambda ids: [english, *(i + 1 if i else 3 for i in ids), 2])


def cases(large):
    example = ROOT / "examples" / "models" / "en-fr"
    yield "unigram, 8,000", example, marian(example)
    yield "unigram", FOLDERS / "t5-spm", SentencePiece(FOLDERS / "t5-spm" / "spiece.model",
                                                      lambda ids: [*ids, 1])
    for name, kind in (("t5-json5", "unigram"), ("nllb-json5", "SentencePiece's BPE"), ("bart-json5", "byte-level BPE")):
        yield kind, FOLDERS / name, Tokenizers(FOLDERS / name / "tokenizer.json")
    yield "SentencePiece's BPE", FOLDERS / "nllb-spm", nllb(FOLDERS / "nllb-spm")
    if large:
        yield "BPE, 256,000", pathlib.Path(large), Tokenizers(pathlib.Path(large) / "tokenizer.json")
    yield "bytes", FOLDERS / "byt5", Transformers(FOLDERS / "byt5")


def least_ms(rounds, work):
    least = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        made = work()
        least = min(least, (time.process_time() - begin) * 1e3)
    return least, made


def compare(program, folder, judge, path, lines, rounds):
    """(their time / ours) of encoding and decoding, and the share of equal lines."""
    ours, theirs = [], []
    for _ in range(3):
        out = subprocess.run([program, str(folder), str(path), str(rounds)], check=True, stdout=subprocess.PIPE)
        ours.append(json.loads(out.stdout))
        encode, made = least_ms(rounds, lambda: judge.encode(lines))
        ids = judge.ids(made)
        plain = made if judge.name == "sentencepiece" else ids
        theirs.append((encode, least_ms(rounds, lambda: judge.decode(plain))[0]))
    same = sum(a == b for a, b in zip(ours[0]["ids"], ids, strict=True)) / len(lines)
    pairs = []
    for i, key in enumerate(("encode_ms", "decode_ms")):
        pairs.append((min(one[key] for one in ours), min(one[i] for one in theirs)))
    return pairs, same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--large", metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=[])
    args = parser.parse_args()
    rows = (ROOT / "tests" / "data" / "en-fr-1000.tsv").read_text("utf-8").splitlines()
    texts = {"sentences": [column for row in rows for column in row.split("\t") if column],
             "scripts": [line for line in corpus.corpus() if "\n" not in line]}
    print("| kind | folder | beside | text | encode, ms | theirs | ratio | decode, ms | theirs | ratio | same |")
    print("|" + "---|" * 11)
    slower = 0
    for kind, folder, judge in cases(args.large):
        if args.only and folder.name not in args.only:
            continue
        for name, lines in texts.items():
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
                file.write("".join(line + "\n" for line in lines))
                file.flush()
                pairs, same = compare(args.program, folder, judge, file.name, lines, args.rounds)
            cells = [f"{ours:.2f} | {theirs:.2f} | {theirs / ours:.2f}" for ours, theirs in pairs]
            slower += sum(theirs < ours for ours, theirs in pairs)
            print(f"| {kind} | {folder.name} | {judge.name} | {name} | {' | '.join(cells)} | {same:.1%} |", flush=True)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
