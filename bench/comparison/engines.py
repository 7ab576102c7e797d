"""The engines as the comparison sees them: measure(workload) gives milliseconds.

Peers generate one token, and then all tokens. The difference of the two times is all
steps but one; the first time without one step is the encoding. A peer's encoding includes
the cross keys and values, as encdec's does (peers project them at the first step), and the
set-up of generate() before the first step, which encdec bench leaves out.
"""
import json
import statistics
import subprocess
import threading
from dataclasses import dataclass

from environment import HERE, child_environment, python_of

PATIENCE = 300 # seconds for one answer; then the peer is ended and left out


@dataclass(frozen=True)
class Workload:
    name: str
    kind: str      # decode, encode or first: which of the three times counts
    batch: int
    beams: int
    source: int    # tokens of each source
    new_tokens: int


def workloads(short, long_source=None):
    """Of sources of a sentence's length, and of `long_source` tokens where it is given."""
    source, new = (8, 16) if short else (32, 64)
    return [Workload(f"step, batch {batch}, "
                     + ("greedy" if beams == 1 else f"beams {beams}"),
                     "decode", batch, beams, source, new)
            for batch, beams in ((1, 1), (1, 4), (16, 1), (16, 4))] + [
        Workload(f"encode 16 x {source}", "encode", 16, 1, source, 8),
        Workload("first token, source 8", "first", 1, 1, 8, 8)] + ([
            Workload(f"step, source {long_source}, batch 1, greedy", "decode", 1, 1,
                     long_source, new),
            Workload(f"step, source {long_source}, batch 1, beams 4", "decode", 1, 4,
                     long_source, new),
            Workload(f"encode 1 x {long_source}", "encode", 1, 1, long_source, 8),
        ] if long_source else [])


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
    """An engine did not do its work; the text is for the user."""


def end_of(checkpoint, key):
    """The value of a generation key: of generation_config.json in new checkpoints, of
    config.json in old ones."""
    for name in ("generation_config.json", "config.json"):
        path = checkpoint / name
        if path.exists():
            value = json.loads(path.read_text(encoding="utf-8")).get(key)
            if value is not None:
                return value
    return None


def quality_of(weights):
    """The class of encdec's weights."""
    return "f32" if weights == "f32" else "int8"


WARMING_STEPS = 16


class Encdec:
    family = "encdec"
    fields = {"decode": "step_ms_mean", "encode": "encode_ms", "first": "first_token_ms"}

    def __init__(self, build, checkpoint, bundle, weights, threads):
        self.name = f"encdec {weights}"
        self.quality = quality_of(weights)
        self.program, self.bundle, self.threads = build / "bin/encdec", bundle, threads
        self.forced_end = end_of(checkpoint, "forced_eos_token_id") is not None
        self.type, self.setting = weights, None
        self.versions = {"encdec": self.run("--version").split("\n")[0]}
        self.bandwidths = [] # GB/s, one each run: the machine's limit meanwhile
        self.level = None

    def run(self, *arguments):
        done = subprocess.run([self.program, *arguments], text=True, capture_output=True,
                              env=child_environment(self.threads))
        if done.returncode:
            raise Failure(done.stderr.strip())
        return done.stdout

    def measure(self, workload, vocabulary, repeats):
        # bench reads memory between its repeats, and cores take a while to be fast again;
        # peers encode several times in a row. Some steps first make the two comparable.
        steps = workload.new_tokens if workload.kind == "decode" else WARMING_STEPS
        result = json.loads(self.run(
            "bench", self.bundle, "--json",
            "--repeat", str(1 if workload.kind == "decode" else repeats),
            "--batch", str(workload.batch), "--beams", str(workload.beams),
            "--source-length", str(workload.source),
            "--new-tokens", str(steps),
            "--threads", str(self.threads)).splitlines()[-1])
        self.bandwidths.append(result["read_bandwidth"])
        self.level = result["cpu_level"]
        return result[self.fields[workload.kind]]

    def outputs(self, workload, vocabulary):
        """Ids without an end token. Where the model forces the last token to be one, one
        more token is asked for: a forced token has score 0 and changes no other."""
        arguments = ["generate", self.bundle, "--json", "--beams", str(workload.beams),
                     "--min-new-tokens", str(workload.new_tokens), "--max-new-tokens",
                     str(workload.new_tokens + self.forced_end)]
        for source in source_ids(workload, vocabulary):
            arguments += ["--ids", " ".join(map(str, source))]
        rows = [json.loads(line)["ids"] for line in self.run(*arguments).splitlines()]
        rows = [row[:workload.new_tokens] for row in rows]
        if [len(row) for row in rows] != [workload.new_tokens] * workload.batch:
            raise Failure(f"ids of lengths {[len(row) for row in rows]}, expected "
                          f"{workload.batch} of {workload.new_tokens}")
        return rows

    def close(self):
        pass


class Peer:
    """A process of worker.py with one setting."""

    def __init__(self, name, kind, folder, threads, setting):
        self.name, self.family, self.quality = name, kind.family, kind.quality
        options, variables = setting
        self.setting = {**options, **variables} or None
        self.log = open(folder.parent / f"{name.replace(' ', '-')}.log", "a",
                        encoding="utf-8")
        self.process = subprocess.Popen(
            [python_of(kind.environment), HERE / "worker.py", kind.family, folder,
             str(threads), kind.type, json.dumps(options)],
            env={**child_environment(threads), **variables}, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        try:
            ready = self.read()
        except Failure:
            self.close()
            raise
        self.versions, self.type = ready["versions"], ready["type"]

    def read(self):
        # An engine that hangs is ended: its pipe then closes.
        timer = threading.Timer(PATIENCE, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise Failure(f"its process ended; see {self.log.name}")
        reply = json.loads(line)
        if "error" in reply:
            raise Failure(reply["error"])
        return reply

    def request(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise Failure(f"its process ended; see {self.log.name}") from None
        return self.read()

    def ask(self, repeat, **request):
        """The median of `repeat` runs."""
        return statistics.median(self.request(**request, repeat=repeat)["ms"])

    def measure(self, workload, vocabulary, repeats):
        request = {"sources": source_ids(workload, vocabulary),
                   "beams": workload.beams}
        # Other engines ran since this one's last turn: warm pages and caches first.
        self.ask(1, **request, new_tokens=2)
        if workload.kind == "first":
            return self.ask(repeats, **request, new_tokens=1)
        first = self.ask(repeats, **request, new_tokens=1)
        # A short generation is repeated, since its encoding is a difference.
        repeat = repeats if workload.kind == "encode" else 1
        whole = self.ask(repeat, **request, new_tokens=workload.new_tokens)
        step = (whole - first) / (workload.new_tokens - 1)
        return first - step if workload.kind == "encode" else step

    def outputs(self, workload, vocabulary):
        return self.request(sources=source_ids(workload, vocabulary), repeat=1,
                            beams=workload.beams, new_tokens=workload.new_tokens)["ids"]

    def gaps(self, workload, vocabulary, ids, banned):
        """transformers alone: see worker.py."""
        return self.request(sources=source_ids(workload, vocabulary), judge=ids,
                            banned=banned)["gaps"]

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass # it has ended already
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


def trial(peer, vocabulary):
    """Milliseconds that stand for a setting: geometric mean of one row and of many."""
    times = []
    for batch in (1, 16):
        task = Workload("trial", "decode", batch, 1, 16, 12)
        peer.outputs(task, vocabulary) # a first run may be slow or fail once
        times.append(min(peer.measure(task, vocabulary, 1) for _ in range(2)))
    return statistics.geometric_mean([max(time, 1e-3) for time in times])


def start_peer(name, kind, folder, threads, vocabulary, every_setting):
    """The peer with its fastest setting, and {setting: ms} of the trial."""
    best, tried, failure = None, {}, None
    for setting in kind.settings if every_setting else kind.settings[:1]:
        peer = None
        try:
            peer = Peer(name, kind, folder, threads, setting)
            if len(kind.settings) == 1 or not every_setting:
                return peer, {}
            time = trial(peer, vocabulary)
        except Failure as problem: # of this setting alone, perhaps
            failure = failure or problem
            if peer:
                peer.close()
            continue
        tried[setting_text(peer.setting)] = time
        if best is None or time < best[0]:
            best, loser = (time, peer), best and best[1]
        else:
            loser = peer
        if loser:
            loser.close()
    if best is None:
        raise failure
    return best[1], tried


def setting_text(setting):
    return ", ".join(f"{key} {value}" for key, value in setting.items()) \
        if setting else "default"
