"""Makes the random checkpoint and each peer's form of it.

Runs inside the virtual environment that has the packages:
    convert.py random FOLDER
    convert.py ctranslate2 CHECKPOINT FOLDER TYPE
    convert.py openvino CHECKPOINT FOLDER TYPE
    convert.py onnxruntime CHECKPOINT FOLDER
"""
import json
import os
import sys


def make_random(folder):
    """A Marian checkpoint of OPUS-MT's size. Fresh weights plus noise, so that
    biases and norms are no constants; the seed makes them the same each time."""
    import torch
    from transformers import MarianConfig, MarianMTModel
    torch.manual_seed(0)
    config = MarianConfig(
        vocab_size=58101, d_model=512, encoder_layers=6, decoder_layers=6,
        encoder_attention_heads=8, decoder_attention_heads=8,
        encoder_ffn_dim=2048, decoder_ffn_dim=2048, max_position_embeddings=512,
        activation_function="swish", scale_embedding=True, pad_token_id=58100,
        eos_token_id=0, forced_eos_token_id=0, decoder_start_token_id=58100)
    model = MarianMTModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    model.save_pretrained(folder)


class NumberTokenizer:
    """Token N is called "tN": the comparison knows ids alone, and a random
    checkpoint has no tokenizer. Only "<pad>" has its name, by which the Marian
    converter finds and drops it."""

    def __init__(self, config):
        self.size, self.pad = config["vocab_size"], config["pad_token_id"]
        self.eos_token = self.unk_token = f"t{config['eos_token_id']}"
        self.bos_token = self.eos_token
        self.pad_token = "<pad>"

    def get_vocab(self):
        return {"<pad>" if i == self.pad else f"t{i}": i for i in range(self.size)}


def to_ctranslate2(checkpoint, folder, quantization):
    from ctranslate2.converters import TransformersConverter
    with open(os.path.join(checkpoint, "config.json"), encoding="utf-8") as file:
        config = json.load(file)

    class Converter(TransformersConverter):
        def load_tokenizer(self, tokenizer_class, name, **options):
            return NumberTokenizer(config)

    Converter(checkpoint).convert(folder, quantization=quantization, force=True)


def to_openvino(checkpoint, folder, weights):
    from optimum.intel import OVModelForSeq2SeqLM
    model = OVModelForSeq2SeqLM.from_pretrained(
        checkpoint, export=True, compile=False, load_in_8bit=weights == "int8")
    model.save_pretrained(folder)


def to_onnxruntime(checkpoint, folder):
    from optimum.onnxruntime import ORTModelForSeq2SeqLM
    ORTModelForSeq2SeqLM.from_pretrained(checkpoint, export=True).save_pretrained(folder)


def main():
    makers = {"random": make_random, "ctranslate2": to_ctranslate2,
              "openvino": to_openvino, "onnxruntime": to_onnxruntime}
    makers[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
