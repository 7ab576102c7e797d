#!/usr/bin/env python3
"""Trains the small T5 of small-t5/: English to French, relative bias, gated FFN, RMS norms.

    train_t5.py [FOLDER]      four minutes of one core

Random weights do not say what rounding costs: their decisions are near ties as often as
not. This model has learnt the pairs of tests/data/en-fr-1000.tsv by heart, which makes its
decisions those of a trained model; it is no translator. Pieces come from a SentencePiece
model trained on the same pairs. Needs torch, transformers 5.24 and sentencepiece; another
version of torch gives other weights of the same worth. The pairs are Tatoeba's, CC BY 2.0
FR (www.manythings.org/anki, tatoeba.org), and the model stands under the same terms.
"""
import io
import json
import math
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = os.path.join(HERE, "..", "data", "en-fr-1000.tsv")
PAD, EOS, UNK = 0, 1, 2
PIECES = 1200
EPOCHS, BATCH, RATE = 40, 32, 1.5e-3


def read_pairs():
    with open(TABLE, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [(row[0], target) for row in rows for target in row[1:]]


def train_pieces(pairs, folder):
    """spiece.model with T5's first three ids, and what says how it is read."""
    import sentencepiece
    model = io.BytesIO()  # a file's path would be written into it
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text for pair in pairs for text in pair]), model_writer=model,
        vocab_size=PIECES, character_coverage=1.0, pad_id=PAD, eos_id=EOS, unk_id=UNK,
        bos_id=-1, normalization_rule_name="nmt_nfkc", num_threads=1, minloglevel=2)
    with open(os.path.join(folder, "spiece.model"), "wb") as file:
        file.write(model.getvalue())
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "T5Tokenizer", "extra_ids": 0, "eos_token": "</s>",
                   "pad_token": "<pad>", "unk_token": "<unk>"}, file, indent=2, sort_keys=True)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def padded(rows, fill):
    import torch
    width = max(map(len, rows))
    return torch.tensor([row + [fill] * (width - len(row)) for row in rows])


def train(pairs):
    import torch
    from transformers import T5Config, T5ForConditionalGeneration
    torch.set_num_threads(1)
    torch.manual_seed(1)
    config = T5Config(
        vocab_size=PIECES, d_model=128, d_kv=24, d_ff=256, num_layers=3, num_decoder_layers=2,
        num_heads=5, relative_attention_num_buckets=16, relative_attention_max_distance=48,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False, dropout_rate=0.1,
        decoder_start_token_id=PAD, pad_token_id=PAD, eos_token_id=EOS)
    model = T5ForConditionalGeneration(config)
    # A head of its own, as T5 v1.1 has it: the class ties in its constructor.
    model.lm_head.weight = torch.nn.Parameter(0.05 * torch.randn_like(model.lm_head.weight))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
    order, draw = list(range(len(pairs))), random.Random(1)
    steps = EPOCHS * math.ceil(len(pairs) / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 200, (1 + math.cos(math.pi * step / steps)) / 2))
    for epoch in range(EPOCHS):
        draw.shuffle(order)
        total = 0.0
        for begin in range(0, len(order), BATCH):
            chosen = [pairs[i] for i in order[begin:begin + BATCH]]
            source = padded([pair[0] for pair in chosen], PAD)
            labels = padded([pair[1] for pair in chosen], -100)
            logits = model(input_ids=source, attention_mask=(source != PAD).long(),
                           labels=labels).logits
            loss = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        print(f"epoch {epoch + 1}: loss {total / len(pairs):.3f}", flush=True)
    return model


def main():
    import torch
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "small-t5")
    os.makedirs(folder, exist_ok=True)
    texts = read_pairs()
    pieces = train_pieces(texts, folder)
    pairs = [tuple(pieces.encode(text) + [EOS] for text in pair) for pair in texts]
    model = train(pairs).eval()
    model.generation_config.max_length = 64
    model.to(torch.float16).save_pretrained(folder)


if __name__ == "__main__":
    main()
