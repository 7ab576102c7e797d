"""The bytes and multiply-adds of a step and of an encoding, and the least time for them.
Pure arithmetic; letters as in the kernels: d model width, f ffn width, S source length,
R rows."""
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Shape:
    width: int
    encoder_ffn: int
    decoder_ffn: int
    encoder_layers: int
    decoder_layers: int
    vocabulary: int


@dataclass(frozen=True)
class Stored:
    """Sizes from a bundle's manifest, in bytes."""
    weights: int
    step: int           # weights that one step reads, the vocabulary among them
    cache_per_key: int  # self keys and values of one position, all layers
    memory_per_key: int # cross keys and values of one source token, all layers


@dataclass(frozen=True)
class Work:
    bytes: float
    macs: float


@dataclass(frozen=True)
class Machine:
    cores: int
    peaks: dict    # multiply-adds a second of one core: "f32", "int"
    caches: tuple  # (level, bytes, bytes a second of one core)


def step(shape, stored, sources, beams, source, position):
    """One step of R = sources * beams rows that have `position` tokens each. A layer
    multiplies each row by 6 d^2 weights (self query, key, value, output; cross query,
    output) and 2 d f of the ffn, and by d numbers of each key and each value. Beams
    have keys of their own, but read those of the source together."""
    d, rows = shape.width, sources * beams
    keys = position + source
    macs = rows * (shape.decoder_layers * (6 * d * d + 2 * d * shape.decoder_ffn
                                           + 2 * d * keys) + d * shape.vocabulary)
    kept = (rows * stored.cache_per_key * position
            + sources * stored.memory_per_key * source)
    return Work(stored.step + kept, macs)


def encode(shape, stored, sources, source):
    """`sources` sentences of `source` tokens: 4 d^2 + 2 d f a layer and token, every
    query with every key and value, and the decoder's cross keys and values. The
    encoder's weights are what a step does not read."""
    d, tokens = shape.width, sources * source
    macs = tokens * (shape.encoder_layers * (4 * d * d + 2 * d * shape.encoder_ffn
                                             + 2 * d * source)
                     + shape.decoder_layers * 2 * d * d)
    return Work(stored.weights - stored.step + tokens * stored.memory_per_key, macs)


def bandwidth(work, machine, threads, ram):
    """(bytes a second, name). A working set that fits into half of a cache is read from
    that cache after the first time; `ram`, bytes a second, was measured beside the run."""
    active = min(threads, machine.cores)
    for level, size, rate in machine.caches:
        shared = level >= 3 # one for all cores
        if work.bytes <= size * (1 if shared else active) / 2:
            return max(rate * active, ram), f"L{level}"
    return ram, "memory"


def least(work, machine, weights, threads, ram):
    """(seconds, the limit that sets them). Threads beyond the cores add nothing."""
    rate, place = bandwidth(work, machine, threads, ram)
    peak = (machine.peaks["int" if weights == "int8-dynamic" else "f32"]
            * min(threads, machine.cores))
    reading, multiplying = work.bytes / rate, work.macs / peak
    return (reading, place) if reading >= multiplying else (multiplying, "arithmetic")


def workload(kind, shape, stored, machine, weights, threads, ram, *, batch, beams,
             source, new_tokens):
    """Least seconds of a workload of bench/compare: a mean step, an encoding, or an
    encoding and the first step."""
    def seconds(work):
        return least(work, machine, weights, threads, ram)[0]

    encoding = seconds(encode(shape, stored, batch, source))
    if kind == "encode":
        return encoding
    if kind == "first":
        return encoding + seconds(step(shape, stored, batch, beams, source, 1))
    return seconds(step(shape, stored, batch, beams, source, (new_tokens + 1) / 2))
