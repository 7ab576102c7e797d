"""The oracle of beam search: Transformers' own answer, and the margins of its decisions.
For the margins the search is done once more here, plainly, in float64; where all
margins are wide, it must find Transformers' hypotheses."""
import math
import random

import make_checkpoint
import reference

MARGIN = 1e-4
LOWEST = -1e9
REFUSALS = (ValueError, TypeError, RuntimeError, IndexError, ArithmeticError, AttributeError)


class Margin:
    """The least gap that any decision rested on, relative to the scores."""

    def __init__(self):
        self.least = math.inf

    def between(self, a, b):
        if math.inf in (a, b) or math.isnan(a + b):  # after it nothing is ordered
            self.least = 0
        elif math.isfinite(a) and math.isfinite(b) and min(a, b) > LOWEST / 2:
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


class Refused(Exception):
    """Transformers does not take the options."""


class Run:
    """One generate() of Transformers: its sequences and scores, and the configuration and
    processors that it made of the model's options and the caller's. `prefix` stands behind the
    start token and is no part of what was generated; with `copies` the source stands there so
    often."""

    def __init__(self, model, source, options, prefix=(), copies=1):
        import torch
        make = model._get_logits_processor

        def keep(generation_config, *rest, **more):
            self.config = generation_config
            self.processors = make(generation_config, *rest, **more)
            return self.processors

        model._get_logits_processor = keep
        if prefix:  # generate() puts the start token before it
            options = {**options, "decoder_input_ids": torch.tensor([list(prefix)] * copies)}
        try:
            with torch.no_grad():
                out = model.generate(
                    torch.tensor([source] * copies), return_dict_in_generate=True,
                    output_scores=True,
                    attention_mask=torch.ones(copies, len(source), dtype=torch.long),
                    use_cache=reference.can_cache(model), **options)
        except REFUSALS as error:
            raise Refused(str(error)) from error
        finally:
            del model._get_logits_processor
        self.prompt = [out.sequences[0, 0].item(), *prefix]
        self.sequences = [ids[len(self.prompt):] for ids in out.sequences.tolist()]
        self.scores, self.beam_scores = out.scores, getattr(out, "sequences_scores", None)
        eos = self.config.eos_token_id
        self.eos = eos if isinstance(eos, list) else [eos]

    def ended(self):
        """[(ids up to the first end, score)]."""
        for ids, score in zip(self.sequences, self.beam_scores.tolist()):
            end = next((i + 1 for i, token in enumerate(ids) if token in self.eos), len(ids))
            yield ids[:end], score

    def lived(self, ids, score):
        """Whether the sequence is none of a beam that began with a score of LOWEST and was never
        alive. Its score is that sum over its length to the power of the penalty."""
        return score * len(ids) ** self.config.length_penalty > LOWEST / 2

    def hypotheses(self):
        """The same, of beams that were alive."""
        return [each for each in self.ended() if self.lived(*each)]

    def forced(self, at, token):
        """Whether the options force this token there."""
        length, last = len(self.prompt) + at, self.config.forced_eos_token_id
        if length == self.config.max_length - 1 and last is not None:
            return token in (last if isinstance(last, list) else [last])
        return length == 1 and token == self.config.forced_bos_token_id

    def process(self, scores, running):
        """The processors on the log-probabilities, [K][V], after each of `running`."""
        import torch
        return self.processors(torch.tensor(running), scores.float()).double()


def search(model, source, run):
    """(hypotheses best first as (ids, score), Margin) with the options of a Run."""
    import torch
    config, margin, eos = run.config, Margin(), run.eos
    beams, penalty, early = config.num_beams, config.length_penalty, config.early_stopping
    considered = max(2, 1 + len(eos)) * beams
    prompt, limit = len(run.prompt), config.max_length
    mask = torch.ones(1, len(source), dtype=torch.long)
    with torch.no_grad():
        encoded = model.get_encoder()(torch.tensor([source]), attention_mask=mask)[0]
    running = [(run.prompt, 0.0)]
    finished, length = [], prompt  # of the running ones
    while True:
        ids = [ids for ids, _ in running]
        scores = run.process(log_probs(model, encoded, mask, ids), ids)
        scores = scores + torch.tensor([[score] for _, score in running], dtype=torch.double)
        best = torch.topk(scores.flatten(), min(considered + 1, scores.numel()))
        ordered = best.values.tolist()
        margin.around(ordered, *range(1, considered + 1))
        candidates = [(running[i // scores.shape[1]][0] + [i % scores.shape[1]], score)
                      for i, score in zip(best.indices.tolist(), ordered)
                      if score > LOWEST / 2][:considered]
        stops = [ids[-1] in eos or length + 1 >= limit for ids, _ in candidates]
        running = [c for c, stop in zip(candidates, stops) if not stop][:beams]
        added = [(ids, score / (length + 1 - prompt) ** penalty)
                 for (ids, score), stop in list(zip(candidates, stops))[:beams] if stop]
        if not (early is True and len(finished) == beams):
            finished = sorted(finished + added, key=lambda f: -f[1])
            margin.around([score for _, score in finished], beams)
            finished = finished[:beams]
        length += 1
        if not running:
            break
        if len(finished) == beams:
            if early is True:
                break
            longest = early == "never" and penalty > 0
            reach = running[0][1] / ((limit if longest else length) - prompt) ** penalty
            margin.between(reach, finished[-1][1])
            if reach <= finished[-1][1]:
                break
    margin.around([score for _, score in finished], *range(1, len(finished)))
    return [(ids[prompt:], score) for ids, score in finished], margin


def judged(model, source, options, prefix=()):
    """(Transformers' hypotheses, Margin of the decisions)."""
    run = Run(model, source, {"do_sample": False, **options}, prefix)
    found = run.hypotheses()
    again, margin = search(model, source, run)
    again = again[:len(run.sequences)]
    if margin.least >= MARGIN and [ids for ids, _ in found] != [ids for ids, _ in again]:
        raise SystemExit(f"this search and Transformers' differ: {options}, {source}\n{found}\n"
                         f"{again}")
    return found, margin


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
            found, margin = judged(model, sources[index],
                                   {**options, "num_return_sequences": options["num_beams"]})
            made.append({"source": index, "options": options, "decided": margin.least >= MARGIN,
                         "hypotheses": [{"ids": ids, "score": round(score, 6)}
                                        for ids, score in found]})
    return made
