#!/usr/bin/env python3
"""Makes goldens/en-fr-scores.json: what Transformers makes of given translations.

    scores.py --refresh     writes it; needs torch and transformers
    scores.py --check       fails where Transformers says something else now

For the first 20 pairs of data/en-fr-1000.tsv: the labels, the log-probability of each
(log_softmax of the logits of a forward pass with these labels), and the loss, the mean of
their negatives.
"""
import pathlib
import sys

import goldens

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAIRS = ROOT / "tests" / "data" / "en-fr-1000.tsv"


def make(path):
    import torch
    import transformers
    folder = ROOT / "examples" / "models" / "en-fr"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    for source, target, *_ in goldens.read_tsv(PAIRS, 20):
        batch = tokenizer(source, text_target=target, return_tensors="pt")
        with torch.no_grad():
            output = model(**batch)
        labels = batch["labels"][0]
        scores = torch.log_softmax(output.logits[0].double(), dim=-1)
        log_probs = scores.gather(1, labels[:, None])[:, 0].tolist()
        rows.append({"source": source, "target": target, "ids": labels.tolist(),
                     "log_probs": [round(x, 7) for x in log_probs],
                     "loss": round(output.loss.item(), 7)})
    goldens.dump(path, {"transformers": transformers.__version__}, "lines", rows)


if sys.argv[1:] not in (["--refresh"], ["--check"]):
    sys.exit(__doc__)
goldens.settle(HERE / "goldens" / "en-fr-scores.json", make, sys.argv[1] == "--check")
