"""Transformers' models, loaded so that their arithmetic can judge ours."""
import math
import struct

# What a folder may lack, or hold unread, though Transformers reports it: a shared table
# that no side of an untied model uses, and what families.py lists as ignored.
UNUSED = ("model.shared.weight", ".version", "embed_positions.weights")


def f32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def excused(model, key):
    """Whether a tensor may be absent or superfluous."""
    module = key.rpartition(".")[0]
    computed = any(name == module and hasattr(found, "create_weight")
                   for name, found in model.named_modules())
    return computed or key.endswith(UNUSED)


def load(folder, dtype):
    """The checkpoint as a model of `dtype`. Constants that float32 models round (scales of
    scores and embeddings) are rounded the same way in float64; what they compute in float32
    whatever their type is computed in float64."""
    import torch
    from transformers import AutoModelForSeq2SeqLM
    model, report = AutoModelForSeq2SeqLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        bad = [key for key in report[kind] if not excused(model, str(key))]
        if bad:
            raise SystemExit(f"{folder}: {kind} {bad}")
    model.eval()
    if dtype == torch.float64 and getattr(model.config, "scale_decoder_outputs", False):
        fold_output_scale(model)
    for module in model.modules():
        for name in ("scaling", "embed_scale"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, f32(getattr(module, name)))
        if dtype == torch.float64 and hasattr(module, "variance_epsilon"):
            module.forward = exact_rms_norm(module)
        if dtype == torch.float64 and hasattr(module, "get_embedding"):
            module.get_embedding = exact_positions
            module.make_weights(module.weights.shape[0], module.embedding_dim, module.padding_idx)
    return model


def exact_rms_norm(module):
    """T5LayerNorm.forward of modeling_t5.py without its cast to float32."""
    import torch
    def forward(x):
        variance = x.pow(2).mean(-1, keepdim=True)
        return module.weight * (x * torch.rsqrt(variance + f32(module.variance_epsilon)))
    return forward


def fold_output_scale(model):
    """T5's factor d_model^-0.5 of the decoder's output as a part of the norm's weights,
    rounded once: so the importer has it."""
    weight = model.decoder.final_layer_norm.weight
    weight.data = (weight.data * model.model_dim ** -0.5).float().double()
    model.model_dim = 1


def exact_positions(count, width, padding):
    """M2M100SinusoidalPositionalEmbedding.get_embedding with its frequencies and angles,
    which are float32, but exp, sin and cos in float64, rounded once."""
    import torch
    half = width // 2
    exponents = torch.arange(half).float() * -(math.log(10000) / (half - 1))
    angles = torch.arange(count).float()[:, None] * torch.exp(exponents.double()).float()
    table = torch.zeros(count, width)
    table[:, :2 * half] = torch.cat([torch.sin(angles.double()), torch.cos(angles.double())], dim=1)
    table[padding] = 0
    return table.double()


def can_cache(model):
    """T5's caches have as many layers as its encoder, so that deeper decoders overrun
    them (Transformers 5.24). Step by step without caches, the numbers are the same."""
    config = model.config
    return getattr(config, "num_decoder_layers", 0) <= config.num_hidden_layers


def log_probs(model, source, prompt, ids):
    """The log-probability of each id under the raw logits after those before it, of which the
    prompt is first."""
    import torch
    with torch.no_grad():
        raw = model(input_ids=torch.tensor([source]), use_cache=False,
                    decoder_input_ids=torch.tensor([prompt + ids[:-1]])).logits[0]
    raw = raw[len(prompt) - 1:]
    return torch.log_softmax(raw.double(), -1).gather(1, torch.tensor(ids)[:, None])[:, 0].tolist()
