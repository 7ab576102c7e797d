#!/usr/bin/env python3
"""The oracle of CTranslate2's options: its own searches of tiny random Marian models.

    ct2_goldens.py --refresh    rewrites ct2_goldens.json (commit it)
    ct2_goldens.py --check      fails if ct2_goldens.json would change

Needs ctranslate2, torch and transformers; run it with the Python of an environment that has
them. A model has 5 tokens, so that all its predictions for sequences of up to 4 tokens fit
into a table, which TableModel.h searches: for each source a tree of rows, each with the
log-probabilities of the tokens and the attention to the source's 3 keys in the decoder's last
layer, of its first head, as CTranslate2 takes it. Rows behind an end token are left out.
Hypotheses hold their end token, as CTranslate2's do with return_end_token.
"""
import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "ct2_goldens.json")
MAKE = os.path.join(HERE, "..", "models", "make_checkpoint.py")
VOCABULARY, EOS, PAD, LENGTH = 5, 0, 5, 5  # LENGTH: the most tokens of a hypothesis
SOURCES = [[1, 2, 0], [3, 1, 0], [4, 4, 0]]
MODELS, CASES = 1, 120


def convert(checkpoint, converted, vocabulary):
    """CTranslate2's translator of a Marian checkpoint without a tokenizer, and its tokens. It
    starts from an embedding of zeros, so the checkpoint's pad becomes that."""
    import ctranslate2
    import torch
    from ctranslate2.converters.transformers import MarianMTLoader
    from transformers import MarianMTModel
    model = MarianMTModel.from_pretrained(checkpoint, attn_implementation="eager").eval()
    with torch.no_grad():
        model.model.shared.weight[vocabulary] = 0
    model.save_pretrained(checkpoint)
    spec = MarianMTLoader().get_model_spec(model)
    tokens = ["</s>"] + ["t%d" % i for i in range(1, vocabulary)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.eos_token = spec.config.decoder_start_token = "</s>"
    spec.config.unk_token = "t1"
    spec.config.add_source_eos = False
    spec.validate()
    os.makedirs(converted)
    spec.save(converted)
    return model, ctranslate2.Translator(str(converted), device="cpu", compute_type="float32",
                                         intra_threads=1), tokens


def load(seed, folder):
    checkpoint, converted = (os.path.join(folder, name) for name in ("hf", "ct2"))
    with open(os.path.join(folder, "spec.json"), "w") as file:
        json.dump({"family": "marian", "vocab": VOCABULARY + 1, "seed": seed, "positions": 16,
                   "logit_spread": 1.5, "eos_bias": 0.5}, file)
    subprocess.check_call([sys.executable, MAKE, file.name, checkpoint])
    return convert(checkpoint, converted, VOCABULARY)


def table(model, source):
    """[(log-probabilities, attention)] by sequence, for all without an end token."""
    import torch
    longest = list(itertools.product(range(1, VOCABULARY), repeat=LENGTH - 1))
    with torch.no_grad():
        made = model(input_ids=torch.tensor([source] * len(longest)),
                     decoder_input_ids=torch.tensor([(PAD,) + one for one in longest]),
                     output_attentions=True)
    logs = made.logits[..., :VOCABULARY].log_softmax(-1)
    rows = {}
    for i, sequence in enumerate(longest):
        for n in range(LENGTH):
            rows[sequence[:n]] = ([round(x, 5) for x in logs[i, n].tolist()],
                                  [round(x, 5) for x in
                                   made.cross_attentions[-1][i, 0, n].tolist()])
    return [{"tokens": tokens, "log_probs": row[0], "attention": row[1]}
            for tokens, row in sorted(rows.items(), key=lambda x: (len(x[0]), x[0]))]


def options(draw):
    """Ours, CTranslate2's and a prefix."""
    ours, theirs, prefix = {}, {}, []
    ours["max_length"] = LENGTH + 1
    theirs["max_decoding_length"] = LENGTH
    theirs["min_decoding_length"] = 0
    beams = ours["num_beams"] = theirs["beam_size"] = draw.randint(1, 4)
    ours["length_penalty"] = theirs["length_penalty"] = draw.choice([1.0, 0.5, 2.0])
    kind = draw.choice(["patience", "coverage", "alternatives", "bias"])
    if beams > 1:
        ours["early_stopping"] = True
    returned = draw.randint(1, beams)
    if kind == "patience" and beams > 1:
        ours["patience"] = theirs["patience"] = draw.choice([0.5, 1.0, 1.5, 2.0, 3.0])
        returned = draw.randint(1, max(1, round(beams * theirs["patience"])))
    elif kind == "coverage":
        ours["coverage_penalty"] = theirs["coverage_penalty"] = draw.choice([0.2, 1.0, 3.0])
        returned = returned if beams > 1 else 1
    elif kind == "alternatives":
        # A prefix of several tokens, fed at once, loses all but its last one in CTranslate2
        # 4.8 where a model starts from an embedding of zeros.
        prefix = [draw.randint(1, VOCABULARY - 1) for _ in range(draw.randint(0, 1))]
        returned = draw.randint(1, VOCABULARY - 1)
        ours["return_alternatives"] = theirs["return_alternatives"] = True
    elif kind == "bias":
        prefix = [draw.randint(1, VOCABULARY - 1) for _ in range(draw.randint(1, 3))]
        ours["prefix_bias_beta"] = theirs["prefix_bias_beta"] = draw.choice([0.1, 0.3, 0.6])
    ours["num_return_sequences"] = theirs["num_hypotheses"] = returned
    return ours, theirs, prefix


def make():
    warnings.filterwarnings("ignore")
    draw = random.Random(7)
    models, cases = [], []
    for seed in range(MODELS):
        with tempfile.TemporaryDirectory() as folder:
            model, translator, names = load(seed + 1, folder)
            models.append([table(model, source) for source in SOURCES])
            for _ in range(CASES):
                source = draw.randrange(len(SOURCES))
                ours, theirs, prefix = options(draw)
                made = translator.translate_batch(
                    [[names[i] for i in SOURCES[source]]],
                    target_prefix=[[names[i] for i in prefix]] if prefix else None,
                    return_scores=True, return_end_token=True,
                    return_attention=True,  # without it, coverage_penalty crashes greedy search
                    **theirs)[0]
                cases.append({"model": seed, "source": source, "prefix": prefix, "options": ours,
                              "found": [{"ids": [names.index(t) for t in ids],
                                         "score": round(score, 5)}
                                        for ids, score in zip(made.hypotheses, made.scores)]})
    lines = lambda values: "[\n" + ",\n".join(map(json.dumps, values)) + "\n]"
    return '{"models": %s,\n"cases": %s}\n' % (lines(models), lines(cases))


def same(a, b):
    """Whether values are equal but for the last digit of numbers, which differs by processor."""
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) < 2e-5
    if type(a) is not type(b) or not isinstance(a, (list, dict)):
        return a == b
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(same, a, b))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    made = make()
    if arguments.refresh:
        with open(PATH, "w") as file:
            file.write(made)
    elif not same(json.load(open(PATH)), json.loads(made)):
        sys.exit("ct2_goldens.json would change; run ct2_goldens.py --refresh")


if __name__ == "__main__":
    main()
