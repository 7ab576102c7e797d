"""Random sets of generation options: of greedy searches, beam searches, draws and beam
searches that draw, and sets that at least one of their values or combinations may make void.
A set is a dictionary in the spelling of generation_config.json."""

# Options of which only draws know, with values that change something.
SAMPLERS = {
    "temperature": lambda d: round(d.uniform(0.4, 2.5), 3),
    "top_h": lambda d: round(d.uniform(0.1, 0.95), 3),
    "top_k": lambda d: d.choice([0, 1, 3, 10, 80]),
    "top_p": lambda d: round(d.uniform(0.2, 0.99), 3),
    "min_p": lambda d: round(d.uniform(0.001, 0.3), 4),
    "typical_p": lambda d: round(d.uniform(0.2, 0.95), 3),
    "epsilon_cutoff": lambda d: round(d.uniform(0.0003, 0.05), 5),
    "eta_cutoff": lambda d: round(d.uniform(0.0003, 0.05), 5),
}


class Ground:
    """What sets are drawn for: a model with its tokens, a source, and what the model makes
    of it without options, so that rules about tokens meet some."""

    def __init__(self, vocabulary, eos, banned, source, output):
        # Special tokens are left alone: a few stand up to eos, up to three at the end.
        self.vocabulary, self.eos = vocabulary, eos
        self.banned, self.source = banned, source
        self.output = [t for t in output if self.free(t)] or [eos + 1]

    def free(self, token):
        return self.eos < token < self.vocabulary - 3

    def token(self, draw):
        if draw.random() < 0.6:
            return draw.choice(self.output)
        return draw.randrange(self.eos + 1, self.vocabulary - 3)

    def tokens(self, draw, most):
        return [self.token(draw) for _ in range(draw.randint(1, most))]

    def word(self, draw):
        """A sequence of up to four tokens, mostly one that the output has."""
        if draw.random() < 0.25:
            return self.tokens(draw, 4)
        begin = draw.randrange(len(self.output))
        return self.output[begin:begin + draw.choice([1, 2, 2, 3, 4])]

    def words(self, draw, most):
        return [self.word(draw) for _ in range(draw.randint(1, most))]


def lengths(draw):
    limit = draw.choice([3, 6, 10, 16, 23])
    chosen = draw.choice([{}, {"max_length": limit + 1}, {"max_new_tokens": limit},
                          {"max_new_tokens": limit, "max_length": 9}])
    most = limit if chosen else 20
    chosen |= draw.choice([{}, {}, {"min_length": draw.randint(0, most)},
                           {"min_new_tokens": draw.randint(0, most)},
                           {"min_new_tokens": draw.randint(0, most // 2),
                            "min_length": draw.randint(0, most)}])
    return chosen


def processors(draw, ground):
    """Each rule with a probability of its own, so that most sets have several."""
    d, g = draw, ground
    rules = {
        "repetition_penalty": (0.25, lambda: round(d.choice([d.uniform(0.4, 1),
                                                             d.uniform(1, 2.5)]), 3)),
        "encoder_repetition_penalty": (0.2, lambda: round(d.uniform(0.4, 2.5), 3)),
        "no_repeat_ngram_size": (0.25, lambda: d.randint(1, 4)),
        "encoder_no_repeat_ngram_size": (0.15, lambda: d.randint(1, 3)),
        "bad_words_ids": (0.25, lambda: g.words(d, 5) + [[t] for t in g.banned]
                          + d.choice([[], [[g.eos]]])),
        "sequence_bias": (0.25, lambda: [[list(w), round(d.uniform(-6, 6), 2)] for w in
                                         sorted({tuple(w) for w in g.words(d, 5)})]),
        "eos_token_id": (0.2, lambda: [g.eos, *{t: 0 for t in g.tokens(d, 2)}]),
        "forced_bos_token_id": (0.15, lambda: g.token(d)),
        "forced_eos_token_id": (0.15, lambda: d.choice([g.eos, [g.eos], [g.eos, g.token(d)]])),
        "remove_invalid_values": (0.1, lambda: True),
        "exponential_decay_length_penalty": (0.2, lambda: [d.randint(0, 8),
                                                           round(d.uniform(0.8, 1.5), 3)]),
        "suppress_tokens": (0.2, lambda: g.tokens(d, 4)),
        "begin_suppress_tokens": (0.2, lambda: g.tokens(d, 4)
                                  + d.choice([[], [g.eos]])),
        "renormalize_logits": (0.15, lambda: True),
    }
    options = {key: value() for key, (share, value) in rules.items() if d.random() < share}
    for key in ("forced_bos_token_id", "forced_eos_token_id"):  # may not all be suppressed
        forced = options.get(key, [])
        if forced and set(forced if isinstance(forced, list) else [forced]) <= set(
                options.get("suppress_tokens", ())):
            del options["suppress_tokens"]
    return options


def greedy(draw, ground):
    return {**lengths(draw), **processors(draw, ground), "num_beams": 1}


def search(draw, most):
    count = draw.randint(2, most)
    return {"num_beams": count, "num_return_sequences": draw.randint(1, count),
            "length_penalty": draw.choice([0.0, 0.6, 1.0, 1.0, 1.7, -0.5]),
            "early_stopping": draw.choice([False, True, "never"])}


def beams(draw, ground):
    return {**lengths(draw), **processors(draw, ground), **search(draw, 6)}


def sampling(draw, ground):
    """For the first of at least two tokens."""
    chosen = draw.sample(sorted(SAMPLERS), draw.randint(0, 3))
    options = processors(draw, ground)
    options.pop("forced_bos_token_id", None)
    return {**options, **{key: SAMPLERS[key](draw) for key in chosen}, "num_beams": 1,
            "do_sample": True, "max_new_tokens": draw.choice([2, 5])}


def beam_sampling(draw, ground):
    """Of few tokens, so that the same sequences are drawn again and again."""
    return {**sampling(draw, ground), **search(draw, 4),
            "max_new_tokens": draw.choice([1, 2, 2, 3])}


def doubtful(draw, ground):
    """A set with one value at or beyond the end of its range, or one contradiction."""
    d, g = draw, ground
    t = g.token(d)
    options = d.choice([greedy, beams, sampling])(d, g)
    if d.random() < 0.7:
        key, values = d.choice([
            ("repetition_penalty", [-1.0, 0.0, 0.01]),
            ("encoder_repetition_penalty", [-1.0, 0.0, 0.01]),
            ("no_repeat_ngram_size", [-1, 0]), ("encoder_no_repeat_ngram_size", [-1, 0]),
            ("bad_words_ids", [[[]], [[-1]], [[g.vocabulary]], [[t], []], [[t, -2]]]),
            ("sequence_bias", [[[[], 1.0]], [[[-1], 1.0]], [[[g.vocabulary], 1.0]]]),
            ("eos_token_id", [[-1], [g.vocabulary + 4]]),
            ("forced_bos_token_id", [-1, g.vocabulary]),
            ("forced_eos_token_id", [-1, g.vocabulary, [t, -1]]),
            ("suppress_tokens", [[-1], [g.vocabulary]]),
            ("begin_suppress_tokens", [[-1], [g.vocabulary]]),
            ("exponential_decay_length_penalty", [[-1, 1.5], [2, -1.5], [2, 0.0]]),
            ("min_length", [-1]), ("min_new_tokens", [-1]),
            ("max_length", [-1, 0, 1]), ("max_new_tokens", [-1, 0, 1]),
            ("num_beams", [-1, 0]), ("num_return_sequences", [-1, 0]),
            ("length_penalty", [-3.0, 40.0]), ("early_stopping", ["maybe", "always"]),
        ])
        return {**options, key: d.choice(values)}
    if d.random() < 0.5:
        key, values = d.choice([
            ("temperature", [-1.0, 0.0]), ("top_h", [-0.1, 0.0, 1.0, 1.01]), ("top_k", [-1, 0]),
            ("top_p", [-0.1, 0.0, 1.0, 1.5]), ("min_p", [-0.1, 0.0, 1.0, 1.01]),
            ("typical_p", [-0.1, 0.0, 1.0, 1.5]), ("epsilon_cutoff", [-0.1, 0.0, 1.0, 2.0]),
            ("eta_cutoff", [-0.1, 0.0, 1.0, 2.0])])
        return {**sampling(d, g), key: d.choice(values)}
    return {**options, **d.choice([
        {"num_return_sequences": options["num_beams"] + 1},
        {"suppress_tokens": [t], "forced_bos_token_id": t},
        {"suppress_tokens": [t, g.eos], "forced_eos_token_id": [g.eos, t]},
        {"suppress_tokens": [t], "forced_eos_token_id": [g.eos, t]},
        {"begin_suppress_tokens": [t], "forced_bos_token_id": t},
        {"max_length": 6, "max_new_tokens": None, "min_length": 7, "min_new_tokens": None},
        {"max_length": 6, "max_new_tokens": None, "min_length": 6, "min_new_tokens": None},
        {"max_new_tokens": 6, "min_new_tokens": 7}, {"max_new_tokens": 6, "min_new_tokens": 6},
        {"max_new_tokens": 6, "min_length": 8, "min_new_tokens": None},
        {"num_beams": 3, "num_return_sequences": 4, "do_sample": True}])}
