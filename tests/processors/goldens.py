#!/usr/bin/env python3
"""The oracle of processors: what Transformers' own make of random scores.

    goldens.py --refresh    rewrites goldens.json (commit it)
    goldens.py --check      fails if goldens.json would change

Needs torch and transformers 5.24; run it with the Python of an environment that has them.

A case is a set of options, a few rows of tokens with their sources, and scores. Transformers'
`_get_logits_processor` makes the processors of the options, as `generate` would; of the
scores they return, the golden holds what differs. Scores are integers / 256; null is -inf.
Most cases have options of one processor, the others of many at once.

A sampler decides by comparing sums that are rounded. `undecided` lists the tokens about
which it decides otherwise in float64, with scores that are moved by less than 2e-6, with
thresholds moved by 1e-6 of themselves, or with the vocabulary in the opposite order, and
tokens of equal scores of which it keeps some. A comparison leaves these out; they are few.
"""
import argparse
import json
import math
import os
import random
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "goldens.json")
SINGLE, CHAINS = 44, 240  # cases of a processor, cases of many
SCALE = 256
THRESHOLDS = ("top_h", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
UNDECIDED = 0.1  # the most of a row's tokens; other cases are drawn again


def probability(draw):
    return round(draw.choice([draw.uniform(0.01, 0.2), draw.uniform(0.2, 0.8),
                              draw.uniform(0.8, 0.999)]), 6)


def ids(draw, v, most=4, least=0):
    return [draw.randrange(v) for _ in range(draw.randint(least, most))]


def word(draw, case, most=3):
    """Tokens of which all but the last often end a row."""
    begun = draw.choice(case["rows"])["tokens"][-draw.randint(1, most):]
    if draw.random() < 0.5:
        begun = []
    elif draw.random() < 0.3:
        begun = ids(draw, case["vocabulary"], most)
    return begun + [draw.randrange(case["vocabulary"])]


def words(draw, case):
    found = [word(draw, case) for _ in range(draw.randint(1, 8))]
    return found + draw.sample(found, draw.randint(0, 1))


# processor -> the options that ask for it, as a function of (draw, case)
PROCESSORS = {
    "SequenceBias": lambda d, c: {"sequence_bias": [
        [w, d.choice([round(d.uniform(-9, 9), 3), -math.inf])] for w in words(d, c)]},
    "EncoderRepetitionPenalty": lambda d, c: {
        "encoder_repetition_penalty": round(d.uniform(0.3, 3), 3)},
    "RepetitionPenalty": lambda d, c: {"repetition_penalty": round(d.uniform(0.3, 3), 3)},
    "NoRepeatNgram": lambda d, c: {"no_repeat_ngram_size": d.randint(1, 4)},
    "EncoderNoRepeatNgram": lambda d, c: {"encoder_no_repeat_ngram_size": d.randint(1, 4)},
    "BadWords": lambda d, c: {"bad_words_ids": words(d, c) + [[e] for e in c["eos"]]},
    "MinLength": lambda d, c: {"min_length": d.randint(1, c["max_length"])},
    "MinNewTokens": lambda d, c: {"min_new_tokens": d.randint(1, c["max_length"] - c["prompt"]),
                                  **d.choice([{}, {"min_length": c["max_length"]}])},
    "ForcedBos": lambda d, c: {"forced_bos_token_id": d.randrange(c["vocabulary"])},
    "ForcedEos": lambda d, c: {"forced_eos_token_id": ids(d, c["vocabulary"], 3, 1)},
    "RemoveInvalidValues": lambda d, c: {"remove_invalid_values": True},
    "ExponentialDecay": lambda d, c: {"exponential_decay_length_penalty": [
        d.randint(0, c["max_length"]), round(d.uniform(0.5, 2), 3)]},
    "SuppressTokens": lambda d, c: {"suppress_tokens": ids(d, c["vocabulary"])},
    "BeginSuppressTokens": lambda d, c: {"begin_suppress_tokens": ids(d, c["vocabulary"], 4, 1)},
    "Temperature": lambda d, c: {"temperature": round(d.uniform(0.2, 3), 3)},
    "TopH": lambda d, c: {"top_h": probability(d)},
    "TopK": lambda d, c: {"top_k": d.choice([1, 2, 3, 5, 10, 50, 400])},
    "TopP": lambda d, c: {"top_p": d.choice([0.0, probability(d), probability(d)])},
    "MinP": lambda d, c: {"min_p": d.choice([0.0, probability(d), probability(d)])},
    "TypicalP": lambda d, c: {"typical_p": probability(d)},
    "EpsilonCutoff": lambda d, c: {"epsilon_cutoff": round(10 ** d.uniform(-4, -0.3), 6)},
    "EtaCutoff": lambda d, c: {"eta_cutoff": round(10 ** d.uniform(-4, -0.3), 6)},
    "RenormalizeLogits": lambda d, c: {"renormalize_logits": True},
}
SAMPLERS = list(PROCESSORS)[list(PROCESSORS).index("Temperature"):-1]
CLASSES = {  # where Transformers' class is not called so
    "BadWords": "NoBadWords", "MinNewTokens": "MinNewTokensLength", "ForcedBos": "ForcedBOSToken",
    "ForcedEos": "ForcedEOSToken", "RemoveInvalidValues": "InfNanRemove",
    "ExponentialDecay": "ExponentialDecayLengthPenalty", "BeginSuppressTokens":
    "SuppressTokensAtBegin", "TypicalP": "Typical", "EpsilonCutoff": "Epsilon",
    "EtaCutoff": "Eta", "RenormalizeLogits": "LogitNormalization", "NoRepeatNgram": "NoRepeatNGram",
    "EncoderNoRepeatNgram": "EncoderNoRepeatNGram"}


def blank_case(draw, small):
    """Rows without scores: one source for every K rows, where K is num_beams."""
    v = draw.choice([draw.randint(5, 12), draw.randint(13, 40), draw.randint(41, small)])
    prompt = draw.choice([1, 1, 1, 2, 4])
    longest = prompt + draw.randint(1, 12)
    length = draw.choice([prompt, longest - 1, draw.randint(prompt, longest - 1)])
    beams = draw.choice([1, 1, 2])
    few = range(min(v, draw.choice([3, 6, v])))  # tokens repeat
    rows = []
    sources = [[draw.choice(few) for _ in range(draw.randint(1, 9))]]
    if draw.random() < 0.3:
        sources.append([draw.choice(few) for _ in sources[0]])
    for source in sources:
        for _ in range(beams):
            rows.append({"tokens": [draw.choice(few) for _ in range(length)], "source": source})
    eos = sorted(draw.sample(range(v), draw.choice([1, 1, 1, 2, 3])))
    eos += eos[:draw.choice([0, 0, 0, 1])]  # one may stand there twice
    return {"vocabulary": v, "prompt": prompt, "max_length": longest, "rows": rows, "eos": eos,
            "options": {"num_beams": beams} if beams > 1 else {}}


def fill_scores(draw, case, invalid):
    spread = draw.choice([0.5, 2, 5])
    grain = draw.choice([1, 1, 1, SCALE // 4])  # coarse ones have ties
    for row in case["rows"]:
        scores = [round(draw.gauss(-3, spread) * SCALE / grain) * grain
                  for _ in range(case["vocabulary"])]
        for i in range(len(scores)):
            if draw.random() < 0.08:
                scores[i] = None
            elif invalid and draw.random() < 0.1:
                scores[i] = draw.choice(["nan", "inf"])
        if all(s is None for s in scores):
            scores[0] = 0
        row["scores"] = scores


def number(score):
    return -math.inf if score is None else float(score) if isinstance(score, str) else score / SCALE


class Reference:
    def __init__(self):
        import torch
        import transformers
        transformers.logging.set_verbosity_error()
        warnings.filterwarnings("ignore")
        self.torch, self.config = torch, transformers.GenerationConfig
        self.model = transformers.MarianMTModel(transformers.MarianConfig(
            vocab_size=16, d_model=8, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=8,
            decoder_ffn_dim=8, encoder_attention_heads=1, decoder_attention_heads=1,
            pad_token_id=0, eos_token_id=0, decoder_start_token_id=0, forced_eos_token_id=None))
        self.model.generation_config = transformers.GenerationConfig()

    def processors(self, options, prompt, sources):
        """As generate() makes them: _prepare_generated_length lets min_new_tokens override
        min_length, _get_logits_processor does the rest."""
        config, _ = self.model._prepare_generation_config(
            self.config(decoder_start_token_id=0, **options))
        self.model._prepare_special_tokens(config, device="cpu")
        config = self.model._prepare_generated_length(
            config, has_default_max_length=False, has_default_min_length=True,
            model_input_name="input_ids", input_ids_length=prompt, inputs_tensor=sources)
        return self.model._get_logits_processor(config, prompt, sources, device="cpu")

    def process(self, case, dtype, shift=0.0, noise=None, mirrored=False):
        torch = self.torch
        options = {"max_length": case["max_length"], **case["options"]}
        for key in THRESHOLDS:
            if options.get(key):
                options[key] = min(1.0, options[key] * (1 + shift))
        rows, beams = case["rows"], case["options"].get("num_beams", 1)
        sources = torch.tensor([row["source"] for row in rows[::beams]])
        made = self.processors(options, case["prompt"], sources)
        scores = torch.tensor([[number(s) for s in row["scores"]] for row in rows], dtype=dtype)
        tokens = torch.tensor([row["tokens"] for row in rows])
        for one in made:
            if noise is not None:  # before each, since forced tokens have equal scores
                random_part = torch.rand(scores.shape, dtype=dtype, generator=noise)
                scores = torch.where(scores.abs() > 1e6, scores * (1 - 1e-9 * random_part),
                                     scores + 2e-6 * (random_part - 0.5))
            if mirrored and type(one).__name__.endswith("Warper"):  # a sampler: knows no ids
                scores = one(tokens, scores.flip(-1)).flip(-1)
            else:
                scores = one(tokens, scores)
        return made, scores

    def judge(self, case):
        """Fills in what Transformers makes of the rows; false where it must be drawn again."""
        torch = self.torch
        try:
            made, out = self.process(case, torch.float32)
        except ValueError:  # top_h refuses a row of which nothing may be chosen
            return False
        case["made"] = [type(one).__name__ for one in made]
        options = case["options"]
        doubtful = torch.zeros_like(out, dtype=torch.bool)
        if any(options.get(key) is not None for key in THRESHOLDS):
            others = [self.process(case, torch.float64)]
            others += [self.process(case, torch.float32, shift=s) for s in (-1e-6, 1e-6)]
            others += [self.process(case, torch.float64, noise=torch.Generator().manual_seed(s))
                       for s in range(12)]
            others.append(self.process(case, torch.float32, mirrored=True))
            for _, other in others:
                doubtful |= (other == -math.inf) != (out == -math.inf)
            for row, kept, doubt in zip(case["rows"], out != -math.inf, doubtful):
                split = {s for s, k in zip(row["scores"], kept.tolist()) if k and len(made) == 1}
                split &= {s for s, k in zip(row["scores"], kept.tolist()) if not k}
                doubt |= torch.tensor([s in split for s in row["scores"]])
            if len(made) > 1 and doubtful.any():  # later ones would decide otherwise too
                return False
        if out.isnan().any() or (out == math.inf).any():
            return False
        for row, result, doubt in zip(case["rows"], out.tolist(), doubtful.tolist()):
            before = [number(s) for s in row["scores"]]
            row["banned"] = [i for i, (a, b) in enumerate(zip(before, result))
                             if b == -math.inf != a]
            row["changed"] = [[i, float(f"{b:.8g}")] for i, (a, b) in enumerate(zip(before, result))
                              if b != -math.inf and a != b]
            row["undecided"] = [i for i, yes in enumerate(doubt) if yes]
            if len(row["undecided"]) > max(1, UNDECIDED * len(before)):
                return False
        return True


def single(draw, name):
    case = blank_case(draw, 300 if name in SAMPLERS else 60)
    case["options"].update(PROCESSORS[name](draw, case))
    case["options"]["eos_token_id"] = case["eos"]
    if name in SAMPLERS:
        case["options"] = {"do_sample": True, "top_k": 0, **case["options"]}
    fill_scores(draw, case, name == "RemoveInvalidValues")
    return case


def chain(draw):
    case = blank_case(draw, 60)
    sample = draw.random() < 0.6
    names = [name for name in PROCESSORS if draw.random() < (0.25 if name in SAMPLERS else 0.35)]
    for name in names:
        case["options"].update(PROCESSORS[name](draw, case))
    if draw.random() < 0.9:
        case["options"]["eos_token_id"] = case["eos"]
    elif "ExponentialDecay" in names:  # which Transformers cannot make without
        del case["options"]["exponential_decay_length_penalty"]
    if sample:
        case["options"]["do_sample"] = True
    for forced in ("forced_bos_token_id", "forced_eos_token_id"):  # may not all be suppressed
        tokens = case["options"].get(forced, [])
        tokens = tokens if isinstance(tokens, list) else [tokens]
        if tokens and set(tokens) <= set(case["options"].get("suppress_tokens", ())):
            del case["options"]["suppress_tokens"]
    # Transformers bans a bad word by adding -inf, which bans no score that is inf or NaN.
    invalid = "RemoveInvalidValues" in names and "BadWords" not in names
    fill_scores(draw, case, invalid and draw.random() < 0.5)
    return case


COMBINATIONS = [
    {"suppress_tokens": [3, 4], "forced_eos_token_id": [4, 3]},
    {"suppress_tokens": [3, 4], "forced_eos_token_id": [4, 5]},
    {"suppress_tokens": [3], "forced_eos_token_id": 3},
    {"suppress_tokens": [3, 7], "forced_bos_token_id": 7},
    {"suppress_tokens": [3], "forced_bos_token_id": 7},
    {"begin_suppress_tokens": [7], "forced_bos_token_id": 7},
    {"exponential_decay_length_penalty": [1, 1.5]},
    {"exponential_decay_length_penalty": [1, 1.5], "eos_token_id": [2]},
    {"sequence_bias": [[[], 1.0]]},
    {"sequence_bias": [[[1, 2], 1.0]]},
    {"bad_words_ids": [[]]},
    {"bad_words_ids": [[2]], "eos_token_id": [2]},
]


def refused(reference, options):
    """Whether Transformers cannot make or use processors of these options."""
    torch = reference.torch
    options = {"max_length": 9, "eos_token_id": None, **options}
    try:
        made = reference.processors(options, 1, torch.tensor([[1]]))
        made(torch.tensor([[1, 2, 3, 4]]), torch.zeros(1, 9))
        return False
    except (ValueError, TypeError, RuntimeError):
        return True


def refusals(reference):
    """Which numbers of an option Transformers refuses, where the option is used."""
    found = []
    for key in ("encoder_repetition_penalty", "repetition_penalty", "no_repeat_ngram_size",
                "encoder_no_repeat_ngram_size", "min_length", "min_new_tokens", "temperature",
                "top_h", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff"):
        whole = key in ("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length",
                        "min_new_tokens", "top_k")
        for value in (-1, 0, 1, 2) if whole else (-1.0, -0.01, 0.0, 0.01, 0.5, 1.0, 1.01, 2.0):
            found.append({"key": key, "value": value, "refused": refused(
                reference, {"do_sample": True, "eos_token_id": [1], key: value})})
    return found


def goldens():
    reference = Reference()
    cases = []

    def add(make, number_of_cases, prefix):
        done = tries = 0
        while done < number_of_cases:
            tries += 1
            if tries > 50 * number_of_cases:
                sys.exit(f"{prefix}: too few cases are decided")
            case = make()
            if not reference.judge(case):
                continue
            if prefix in PROCESSORS:
                expected = CLASSES.get(prefix, prefix)
                if not any(made.startswith(expected) for made in case["made"]):
                    sys.exit(f"{prefix}: Transformers makes {case['made']}")
            del case["eos"]
            cases.append(case)
            done += 1

    for name in PROCESSORS:
        draw = random.Random(name)
        add(lambda: single(draw, name), SINGLE, name)
    draw = random.Random("chains")
    add(lambda: chain(draw), CHAINS, "chains")
    return {"refusals": refusals(reference), "cases": cases, "combinations": [
        {"options": options, "refused": refused(reference, options)}
        for options in COMBINATIONS]}


def text(found):
    """JSON with a case a line, and null for -inf."""
    lines = [json.dumps(case, separators=(",", ":")).replace("-Infinity", "null")
             for case in found["cases"]]
    rest = [f'"{key}":{json.dumps(found[key], separators=(",", ":"))},\n'
            for key in ("refusals", "combinations")]
    return "{" + "".join(rest) + '"cases":[\n' + ",\n".join(lines) + "\n]}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    if not options.refresh and not options.check:
        parser.error("expected --refresh or --check")
    made = text(goldens())
    if options.refresh:
        with open(PATH, "w", encoding="utf-8") as file:
            file.write(made)
        print(f"{PATH}: {len(made)} bytes")
    elif made != open(PATH, encoding="utf-8").read():
        sys.exit(f"{PATH}: would change")


if __name__ == "__main__":
    main()
