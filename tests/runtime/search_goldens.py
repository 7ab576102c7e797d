#!/usr/bin/env python3
"""The oracle of groups of beams and forced words: Transformers 4's own searches.

    search_goldens.py --refresh    rewrites search_goldens.json (commit it)
    search_goldens.py --check      fails if search_goldens.json would change

Needs torch and transformers 4.49, the last minor version with both searches in it; run it with
the Python of an environment that has them.

The model is a table: the row of a sequence is a hash of its tokens, and the numbers come from
a linear congruential generator, so that TableModel.h has the same. `generate` searches it as
it would any model. A golden holds the options and the sequences found with their scores. An
end token stands in a sequence where the search has put it.
"""
import argparse
import json
import math
import os
import random
import sys
import warnings

import numpy
import torch
import transformers
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.generation.beam_constraints import (ConstraintListState,
                                                      DisjunctiveConstraint, PhrasalConstraint)
from transformers.generation.beam_search import BeamSearchScorer, ConstrainedBeamSearchScorer
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "search_goldens.json")
SOURCES, VOCABULARY, ROWS, FACTOR, STEPS = 3, 12, 61, 31, 10
START, EOS = 0, 1  # the start token is the pad, which no model generates
GROUPED, FORCED = 150, 200


class Encoder(torch.nn.Module):
    """Hands the source's one id on."""
    main_input_name = "input_ids"

    def forward(self, input_ids, **_):
        return BaseModelOutput(input_ids[..., None].float())


class Table(PreTrainedModel, GenerationMixin):
    """Logits from a table of (source, hash of the tokens)."""
    config_class = PretrainedConfig
    main_input_name = "input_ids"

    def __init__(self, seed):
        super().__init__(PretrainedConfig(is_encoder_decoder=True, vocab_size=VOCABULARY,
                                          pad_token_id=START, eos_token_id=EOS,
                                          decoder_start_token_id=START))
        self.encoder = Encoder()
        self.anchor = torch.nn.Parameter(torch.zeros(1))
        rows = []
        for _ in range(SOURCES * ROWS):
            row = []
            for _ in range(VOCABULARY):
                seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
                row.append((seed >> 40) / 2**24 * 8 - 4)
            total = math.log(sum(math.exp(x) for x in row))
            rows.append([x - total for x in row])
        self.table = torch.tensor(numpy.array(rows, dtype=numpy.float32))

    def get_encoder(self):
        return self.encoder

    def prepare_inputs_for_generation(self, input_ids, encoder_outputs=None, **_):
        return {"decoder_input_ids": input_ids, "encoder_outputs": encoder_outputs}

    def forward(self, decoder_input_ids=None, encoder_outputs=None, **_):
        places = []
        for source, tokens in zip(encoder_outputs[0][:, 0, 0].tolist(),
                                  decoder_input_ids.tolist()):
            row = 0
            for token in tokens[1:]:
                row = (row * FACTOR + 1 + token) % ROWS
            places.append(int(source) * ROWS + row)
        return Seq2SeqLMOutput(logits=self.table[places][:, None])


def common(draw):
    options = {"length_penalty": draw.choice([1.0, 1.0, 0.0, 0.6, 2.0, -0.5]),
               "early_stopping": draw.choice([False, False, True, "never"]),
               "max_length": draw.randint(3, STEPS + 1),
               "bad_words_ids": [[START]]}
    if draw.random() < 0.3:
        options["no_repeat_ngram_size"] = draw.randint(2, 3)
    if draw.random() < 0.2:
        options["repetition_penalty"] = 1.3
    if draw.random() < 0.2:
        options["min_length"] = draw.randint(1, options["max_length"] - 1)
    return options


def grouped(draw):
    beams, groups = draw.choice([(2, 2), (4, 2), (4, 4), (6, 2), (6, 3), (9, 3), (8, 2)])
    return {**common(draw), "num_beams": beams, "num_beam_groups": groups,
            "diversity_penalty": draw.choice([0.1, 0.5, 1.0, 3.0]),
            "num_return_sequences": draw.randint(1, beams)}


def phrase(draw, first=None):
    return ([first] if first else []) + [draw.randint(2, VOCABULARY - 1)
                                         for _ in range(draw.randint(0 if first else 1, 2))]


def forced(draw):
    beams = draw.randint(2, 5)
    words = []
    for _ in range(draw.randint(1, 3)):
        if draw.random() < 0.6:
            words.append(phrase(draw))
        else:  # alternatives that begin alike would meet a list that 4.49 shares by mistake
            firsts = draw.sample(range(2, VOCABULARY), draw.randint(2, 3))
            words.append([phrase(draw, first) for first in firsts])
    options = {**common(draw), "num_beams": beams, "force_words_ids": words,
               "num_return_sequences": draw.randint(1, beams)}
    # A ban of a word's token would make 4.49 follow it with a score of -inf.
    options.pop("no_repeat_ngram_size", None)
    return options


def keep_scores(scorer, kept):
    """`generate` gives scores only with beam indices, which fail where a word is missing."""
    finalize = scorer.finalize

    def kept_finalize(self, *arguments, **named):
        made = finalize(self, *arguments, **named)
        kept[:] = made["sequence_scores"].tolist()
        return made

    scorer.finalize = kept_finalize


SCORES = []
keep_scores(BeamSearchScorer, SCORES)
keep_scores(ConstrainedBeamSearchScorer, SCORES)


def has_words(ids, words):
    """Whether the search takes the sequence for complete."""
    state = ConstraintListState([
        (DisjunctiveConstraint if isinstance(one[0], list) else PhrasalConstraint)(one)
        for one in words])
    state.reset(ids)
    return state.completed


def search(model, source, options):
    config = GenerationConfig(**options, decoder_start_token_id=START, pad_token_id=START,
                              eos_token_id=EOS, use_cache=False)
    made = model.generate(torch.tensor([[source]]), generation_config=config)
    found = []
    for ids, score in zip(made.tolist(), SCORES):
        ids = ids[1:]
        while ids and ids[-1] == START:
            ids.pop()
        if score > -math.inf:  # what no processor bans
            found.append({"ids": ids, "score": round(score, 5)})
            if "force_words_ids" in options:
                found[-1]["complete"] = has_words(ids, options["force_words_ids"])
    return found


def make():
    warnings.filterwarnings("ignore")
    draw = random.Random(5)
    cases = []
    for kind, count in ((grouped, GROUPED), (forced, FORCED)):
        for _ in range(count):
            seed, source, options = draw.randrange(1000), draw.randrange(SOURCES), kind(draw)
            found = search(Table(seed), source, options)
            cases.append({"seed": seed, "source": source, "options": options, "found": found})
    shape = {"vocabulary": VOCABULARY, "rows": ROWS, "steps": STEPS, "start": START, "eos": EOS}
    return (json.dumps({"transformers": transformers.__version__, **shape})[:-1] +
            ', "cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    made = make()
    if arguments.refresh:
        with open(PATH, "w") as file:
            file.write(made)
    elif open(PATH).read() != made:
        sys.exit("search_goldens.json would change; run search_goldens.py --refresh")


if __name__ == "__main__":
    main()
