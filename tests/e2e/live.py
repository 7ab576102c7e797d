#!/usr/bin/env python3
"""The example model against Transformers, live, on a table of sentences.

    live.py BUILD_DIR TABLE.tsv

f32: ids equal up to the first undecided step. bf16, int8 and int8-dynamic: at least
99.5 % of the tokens decided under the same prefix, and BLEU within 0.3 of f32's. That
takes 1,000 lines to judge: in 200, a few words that could as well be others make more.
The encoder's rows of `encdec embed`, f32, are the reference's within 1e-4.
"""
import json
import subprocess
import sys

TABLE = sys.argv.pop(2)
from driver import EXAMPLE, OUT, ROOT, common_prefix, compile_model, run  # noqa: E402
import sacrebleu  # noqa: E402


def encoder_error(bundle, texts):
    """The largest difference from the reference's encoder, relative to its largest value."""
    import torch
    import transformers
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(EXAMPLE, dtype=torch.float32)
    words = [word for text in texts for word in ("--text", text)]
    out = run("embed", bundle, "--pool", "none", "--json", *words).stdout
    worst = largest = 0
    for line in map(json.loads, out.splitlines()):
        with torch.no_grad():
            expected = model.get_encoder()(torch.tensor([line["ids"]])).last_hidden_state[0]
        worst = max(worst, (expected - torch.tensor(line["vectors"])).abs().max().item())
        largest = max(largest, expected.abs().max().item())
    return worst / largest


def main():
    rows = [line.rstrip("\n").split("\t") for line in open(TABLE, encoding="utf-8") if line.strip()]
    OUT.mkdir(parents=True, exist_ok=True)
    made = OUT / "live.json"
    subprocess.run([sys.executable, ROOT / "tests/models/goldens.py",
                    "--model", EXAMPLE, TABLE, made], check=True)
    lines = json.loads(made.read_text())["lines"]
    widest = max(len(row) - 1 for row in rows)
    references = [[row[1 + i] if i + 1 < len(row) else None for row in rows] for i in range(widest)]
    bleu, failed = {}, 0
    for weights in ("f32", "bf16", "int8", "int8-dynamic"):
        bundle = compile_model(EXAMPLE, f"live-{weights}.encdec", "--weights", weights)
        texts = [word for row in rows for word in ("--text", row[0])]
        results = [json.loads(line)
                   for line in run("generate", bundle, "--json", "--beams", 1,
                                   *texts).stdout.splitlines()]
        same = decided = 0
        for line, result in zip(lines, results, strict=True):
            limit = line["compare"] if weights == "f32" else len(line["ids"])
            prefix = common_prefix(result["ids"], line["ids"][:limit])
            same, decided = same + prefix, decided + prefix + (prefix < limit)
        bleu[weights] = sacrebleu.corpus_bleu([r["text"] for r in results], references).score
        share = same / decided
        print(f"{weights}: {same} of {decided} tokens equal ({share:.2%}), BLEU {bleu[weights]:.2f}")
        failed += share < (1 if weights == "f32" else 0.995)
    error = encoder_error(OUT / "live-f32.encdec", [row[0] for row in rows[:50]])
    print(f"encoder's rows: largest relative error {error:.1e}")
    failed += not error < 1e-4
    if len(rows) >= 1000:
        failed += min(bleu.values()) < bleu["f32"] - 0.3
    total = sum(len(line["ids"]) for line in lines)
    compared = sum(line["compare"] for line in lines)
    print(f"{compared} of {total} tokens compared ({compared / total:.2%})")
    return 1 if failed or compared < 0.98 * total else 0


sys.exit(main())
