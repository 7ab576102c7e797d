"""The engines as the comparison sees them: measure(workload) gives milliseconds.

A step's time is (a whole generation - its encoding) / new tokens. An engine that
cannot encode alone is asked for generations of one token and of all: the
difference is all steps but one, and what remains of the first is its encoding.
"""
import json
import statistics
import subprocess
from dataclasses import dataclass

from environment import HERE, PEERS, child_environment, python_of


@dataclass(frozen=True)
class Workload:
    name: str
    kind: str      # decode, encode or first: which of the three times counts
    batch: int
    beams: int
    source: int    # tokens of each source
    new_tokens: int


def workloads(short):
    source, new = (8, 16) if short else (32, 64)
    return [Workload(f"step, batch {batch}, "
                     + ("greedy" if beams == 1 else f"beams {beams}"),
                     "decode", batch, beams, source, new)
            for batch, beams in ((1, 1), (1, 4), (16, 1), (16, 4))] + [
        Workload(f"encode 16 x {source}", "encode", 16, 1, source, 8),
        Workload("first token, source 8", "first", 1, 1, 8, 8)]


def source_ids(workload, vocabulary):
    """The ids of `encdec bench`: a multiplicative generator modulo 2^31 - 1
    (Park and Miller 1988) from seed 1."""
    seed, rows = 1, []
    for _ in range(workload.batch):
        row = []
        for _ in range(workload.source):
            seed = seed * 48271 % 2147483647
            row.append(seed % vocabulary)
        rows.append(row)
    return rows


class Failure(Exception):
    """An engine did not do what it was asked; its text is for the user."""


class Encdec:
    family = "encdec"
    fields = {"decode": "step_ms", "encode": "encode_ms", "first": "first_token_ms"}

    def __init__(self, build, bundle, weights, threads):
        self.name = f"encdec {weights}"
        self.quality = "f32" if weights == "f32" else "int8"
        self.program, self.bundle, self.threads = build / "bin/encdec", bundle, threads
        self.type = weights
        self.versions = {"encdec": subprocess.run(
            [self.program, "--version"], capture_output=True, text=True,
            check=True).stdout.split("\n")[0]}
        self.bandwidths = [] # GB/s, one each run: the machine's limit meanwhile
        self.level = None

    def measure(self, workload, vocabulary, repeats):
        done = subprocess.run(
            [self.program, "bench", self.bundle, "--json",
             "--repeat", str(1 if workload.kind == "decode" else repeats),
             "--batch", str(workload.batch), "--beams", str(workload.beams),
             "--source-length", str(workload.source),
             "--new-tokens", str(workload.new_tokens),
             "--threads", str(self.threads)],
            env=child_environment(self.threads), capture_output=True, text=True)
        if done.returncode:
            raise Failure(done.stderr.strip())
        result = json.loads(done.stdout.splitlines()[-1])
        self.bandwidths.append(result["read_bandwidth"])
        self.level = result["cpu_level"]
        return result[self.fields[workload.kind]]

    def close(self):
        pass


class Peer:
    def __init__(self, name, folder, threads):
        kind, environment, _, wanted = PEERS[name]
        self.name, self.family = name, kind
        self.quality = "f32" if wanted in ("f32", "float32") else "int8"
        self.log = open(folder.parent / f"{name.replace(' ', '-')}.log", "w",
                        encoding="utf-8")
        self.process = subprocess.Popen(
            [python_of(environment), HERE / "worker.py", kind, folder, str(threads),
             wanted], env=child_environment(threads), text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        ready = self.read()
        self.versions, self.type = ready["versions"], ready["type"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"its process ended; see {self.log.name}")
        reply = json.loads(line)
        if "error" in reply:
            raise Failure(reply["error"])
        return reply

    def ask(self, repeat, **request):
        """The median of `repeat` runs, or None where the engine cannot."""
        self.process.stdin.write(json.dumps({**request, "repeat": repeat}) + "\n")
        self.process.stdin.flush()
        times = self.read()["ms"]
        return times and statistics.median(times)

    def measure(self, workload, vocabulary, repeats):
        request = {"sources": source_ids(workload, vocabulary),
                   "beams": workload.beams}
        # Others ran since this one's last turn: pages and caches first.
        self.ask(1, **request, new_tokens=2)
        if workload.kind == "first":
            return self.ask(repeats, **request, new_tokens=1)
        encode = self.ask(repeats, **request, encode=True)
        if workload.kind == "encode" and encode is not None:
            return encode
        if encode is not None:
            whole = self.ask(1, **request, new_tokens=workload.new_tokens)
            return (whole - encode) / workload.new_tokens
        first = self.ask(repeats, **request, new_tokens=1)
        # A short generation is repeated, since its encoding is a difference.
        repeat = repeats if workload.kind == "encode" else 1
        whole = self.ask(repeat, **request, new_tokens=workload.new_tokens)
        step = (whole - first) / (workload.new_tokens - 1)
        return first - step if workload.kind == "encode" else step

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()
