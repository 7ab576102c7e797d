"""Makes each peer's form of a checkpoint. Runs inside the virtual environment that
has the packages:
    convert.py ctranslate2 CHECKPOINT FOLDER TYPE
    convert.py openvino CHECKPOINT FOLDER TYPE
    convert.py onnxruntime CHECKPOINT FOLDER
    convert.py onnxruntime-int8 CHECKPOINT FOLDER QInt8|QUInt8
"""
import json
import os
import shutil
import sys


class NumberTokenizer:
    """Token N is called "tN": the comparison knows ids alone, and a random
    checkpoint has no tokenizer. A pad that is the last id is called "<pad>", the name by
    which the Marian converter finds and drops it."""

    special_tokens_map = {}

    def __init__(self, config):
        self.size, self.pad = config["vocab_size"], config["pad_token_id"]
        self.unk_token_id = config["eos_token_id"]
        self.eos_token = self.unk_token = self.bos_token = f"t{config['eos_token_id']}"
        self.pad_token = self.convert_ids_to_tokens(self.pad)

    def convert_ids_to_tokens(self, token):
        return "<pad>" if token == self.pad == self.size - 1 else f"t{token}"

    def get_vocab(self):
        return {self.convert_ids_to_tokens(i): i for i in range(self.size)}


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


def to_onnxruntime_int8(checkpoint, folder, weights):
    """Quantizes products alone, activations dynamically. Weights are signed where the
    machine adds products of bytes exactly (VNNI), else unsigned: for unsigned weights the
    engine has a kernel that cannot saturate."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    plain = folder + ".f32"
    to_onnxruntime(checkpoint, plain)
    os.makedirs(folder)
    for name in os.listdir(plain):
        if name.endswith(".onnx"):
            quantize_dynamic(os.path.join(plain, name), os.path.join(folder, name),
                             op_types_to_quantize=["MatMul"], per_channel=True,
                             weight_type=QuantType[weights])
        elif not name.endswith(("_data", ".data")): # the weights of large f32 models
            shutil.copy(os.path.join(plain, name), folder)
    shutil.rmtree(plain)


def main():
    makers = {"ctranslate2": to_ctranslate2, "openvino": to_openvino,
              "onnxruntime": to_onnxruntime, "onnxruntime-int8": to_onnxruntime_int8}
    makers[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
