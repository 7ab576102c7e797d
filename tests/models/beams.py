"""The oracle of beam search: Transformers' own answer, and the margins of its decisions.
For the margins the search is done once more here, plainly, in float64; where all
margins are wide, it must find Transformers' hypotheses."""
import math
import random

import make_checkpoint
import reference

MARGIN = 1e-4
LOWEST = -1e9


class Margin:
    """The least gap that any decision rested on, relative to the scores."""

    def __init__(self):
        self.least = math.inf

    def between(self, a, b):
        if math.isfinite(a) and math.isfinite(b) and min(a, b) > LOWEST / 2:
            self.least = min(self.least, abs(a - b) / max(1, abs(a)))

    def around(self, ordered, *ranks):
        """Notes the gaps between neighbours of a descending list at `ranks`."""
        for rank in ranks:
            if 0 < rank < len(ordered):
                self.between(ordered[rank - 1], ordered[rank])


def log_probs(model, encoded, mask, ids):
    """log_softmax of the next token of each hypothesis, [K][V]."""
    import torch
    count = len(ids)
    with torch.no_grad():
        out = model(encoder_outputs=(encoded.expand(count, -1, -1),),
                    attention_mask=mask.expand(count, -1), decoder_input_ids=torch.tensor(ids),
                    use_cache=False)
    return torch.log_softmax(out.logits[:, -1].double(), -1)


def repeating(ids, text, size):
    """The tokens that would end an n-gram of `size` of `text` after `ids`."""
    if not size or len(ids) + 1 < size:
        return []
    begun = ids[len(ids) + 1 - size:]
    return [text[i + size - 1] for i in range(len(text) - size + 1)
            if text[i:i + size - 1] == begun]


def process(scores, config, source, running, limit):
    """Applies Transformers' processors to the log-probabilities after each of `running`."""
    length = len(running[0])
    for row, ids in zip(scores, running):
        row[repeating(ids, ids, config.no_repeat_ngram_size)] = -math.inf
        row[repeating(ids, source, config.encoder_no_repeat_ngram_size)] = -math.inf
    eos = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    for words in config.bad_words_ids or []:
        if len(words) == 1 and words != [eos[0]] and words[0] not in eos:
            scores[:, words[0]] = -math.inf
    least = max(config.min_length or 0, (config.min_new_tokens or 0) + 1)
    if length < least:
        scores[:, eos] = -math.inf
    for token, at in ((config.forced_bos_token_id, 1), (config.forced_eos_token_id, limit - 1)):
        if token is not None and length == at:
            scores[:] = -math.inf
            scores[:, token] = 0
    return scores


def search(model, source, options):
    """(hypotheses best first as (ids, score), Margin)."""
    import torch
    config, margin = model.generation_config, Margin()
    eos = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    beams, penalty = options["num_beams"], options["length_penalty"]
    considered = max(2, 1 + len(eos)) * beams
    limit = (config.max_new_tokens + 1 if config.max_new_tokens
             else config.max_length or 21)
    mask = torch.ones(1, len(source), dtype=torch.long)
    with torch.no_grad():
        encoded = model.get_encoder()(torch.tensor([source]), attention_mask=mask)[0]
    running = [([config.decoder_start_token_id], 0.0)]
    finished, length = [], 1
    while True:
        ids = [ids for ids, _ in running]
        scores = process(log_probs(model, encoded, mask, ids), config, source, ids, limit)
        scores = scores + torch.tensor([[score] for _, score in running], dtype=torch.double)
        best = torch.topk(scores.flatten(), min(considered + 1, scores.numel()))
        ordered = best.values.tolist()
        margin.around(ordered, *range(1, considered + 1))
        candidates = [(running[i // scores.shape[1]][0] + [i % scores.shape[1]], score)
                      for i, score in zip(best.indices.tolist(), ordered)
                      if math.isfinite(score)][:considered]
        stops = [ids[-1] in eos or length + 1 >= limit for ids, _ in candidates]
        running = [c for c, stop in zip(candidates, stops) if not stop][:beams]
        added = [(ids, score / length ** penalty)
                 for (ids, score), stop in list(zip(candidates, stops))[:beams] if stop]
        if not (options["early_stopping"] is True and len(finished) == beams):
            finished = sorted(finished + added, key=lambda f: -f[1])
            margin.around([score for _, score in finished], beams)
            finished = finished[:beams]
        length += 1
        if not running:
            break
        if len(finished) == beams:
            if options["early_stopping"] is True:
                break
            longest = options["early_stopping"] == "never" and penalty > 0
            reach = running[0][1] / (limit - 1 if longest else length - 1) ** penalty
            margin.between(reach, finished[-1][1])
            if reach <= finished[-1][1]:
                break
    margin.around([score for _, score in finished], *range(1, len(finished)))
    return [(ids[1:], score) for ids, score in finished], margin


def transformers_beams(model, source, options):
    import torch
    with torch.no_grad():
        out = model.generate(torch.tensor([source]), do_sample=False, return_dict_in_generate=True,
                             output_scores=True, use_cache=reference.can_cache(model),
                             num_return_sequences=options["num_beams"],
                             attention_mask=torch.ones(1, len(source), dtype=torch.long), **options)
    eos = model.generation_config.eos_token_id
    eos = eos if isinstance(eos, list) else [eos]
    rows = []
    for sequence, score in zip(out.sequences.tolist(), out.sequences_scores.tolist()):
        ids = sequence[1:]
        end = next((i + 1 for i, token in enumerate(ids) if token in eos), len(ids))
        rows.append((ids[:end], score))
    return rows


def option_sets(seed, ends):
    """`ends` is how many tokens end a sentence: a step finds at most 64 candidates, of which
    each beam needs one more than there are ends."""
    draw = random.Random(make_checkpoint.fnv(f"{seed}/beams"))
    return [{"num_beams": min(beams, 64 // (1 + ends)),
             "length_penalty": draw.choice([0.0, 0.6, 1.0, 1.0, 1.7, -0.5]),
             "early_stopping": draw.choice([False, True, "never"])}
            for beams in (2, 4, draw.choice([5, 5, 3, 8]))]


def cases(model, seed, sources):
    """Each option set on two of the sources; `source` counts them."""
    eos, made = model.generation_config.eos_token_id, []
    for i, options in enumerate(option_sets(seed, len(eos) if isinstance(eos, list) else 1)):
        for index in (2 * i, 2 * i + 1):
            found = transformers_beams(model, sources[index], options)
            again, margin = search(model, sources[index], options)
            decided = margin.least >= MARGIN
            if decided and [ids for ids, _ in found] != [ids for ids, _ in again]:
                raise SystemExit(f"this search and Transformers' differ: seed {seed}, {options}, "
                                 f"{sources[index]}\n{found}\n{again}")
            made.append({"source": index, "options": options, "decided": decided,
                         "hypotheses": [{"ids": ids, "score": round(score, 6)}
                                        for ids, score in found]})
    return made
