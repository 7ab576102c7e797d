"""Sentences that arrive while others decode, for CTranslate2: what encdec_bench_arrivals is
for encdec, with the same trace and the same line of JSON. Run by bench/arrivals.

    ct2_arrivals.py FOLDER INTER_THREADS INTRA_THREADS < TRACE

Each sentence is a translate_batch(asynchronous=True) of its own when it arrives, and a thread
of its own waits in result(), without the interpreter's lock, and notes the time.
"""
import json
import sys
import threading
import time

import ctranslate2


def main():
    folder, inter, intra = sys.argv[1:]
    translator = ctranslate2.Translator(
        folder, device="cpu", compute_type="int8", inter_threads=int(inter),
        intra_threads=int(intra), max_queued_batches=-1)
    trace = []
    for line in sys.stdin:
        arrival, tokens, *ids = line.split()
        trace.append((float(arrival), int(tokens), [f"t{token}" for token in ids]))

    def submit(tokens, source):
        return translator.translate_batch(
            [source], asynchronous=True, beam_size=1, max_input_length=0,
            min_decoding_length=tokens, max_decoding_length=tokens)[0]

    for result in [submit(4, source) for _, _, source in trace[:8]]: # warms all workers up
        result.result()
    answered = [0.0] * len(trace)
    start = time.monotonic()

    def wait(index, result):
        result.result()
        answered[index] = time.monotonic() - start

    threads = []
    for index, (arrival, tokens, source) in enumerate(trace):
        if (left := arrival - (time.monotonic() - start)) > 0:
            time.sleep(left)
        threads.append(threading.Thread(target=wait, args=(index, submit(tokens, source))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    latencies = sorted((end - arrival) * 1e3 for end, (arrival, _, _) in zip(answered, trace))
    print(json.dumps({
        "sentences": len(trace), "p50_ms": latencies[int(0.5 * (len(trace) - 1))],
        "p95_ms": latencies[int(0.95 * (len(trace) - 1))],
        "sentences_per_second": len(trace) / max(answered)}))


if __name__ == "__main__":
    main()
