// TinyCheckpoint.cpp: writes small checkpoint folders for tests.
#include "tests/import/TinyCheckpoint.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>

namespace encdec::testing {

TempFolder::TempFolder() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "encdec-XXXXXX").string();
  folder = ::mkdtemp(pattern.data());
}

TempFolder::~TempFolder() { std::filesystem::remove_all(folder); }

void TempFolder::write(const std::string &name, std::string_view bytes) const {
  std::ofstream(folder + "/" + name, std::ios::binary) << bytes;
}

void TempFolder::remove(const std::string &name) const {
  std::filesystem::remove(folder + "/" + name);
}

TinyCheckpoint::TinyCheckpoint() {
  config = {{"model_type", "\"marian\""},
            {"architectures", "[\"MarianMTModel\"]"},
            {"is_encoder_decoder", "true"},
            {"d_model", "4"},
            {"encoder_layers", "1"},
            {"decoder_layers", "1"},
            {"encoder_attention_heads", "2"},
            {"decoder_attention_heads", "2"},
            {"encoder_ffn_dim", "6"},
            {"decoder_ffn_dim", "6"},
            {"vocab_size", "7"},
            {"max_position_embeddings", "8"},
            {"activation_function", "\"swish\""},
            {"scale_embedding", "true"},
            {"dtype", "\"float32\""},
            {"pad_token_id", "6"},
            {"eos_token_id", "0"}};
  generation = {{"decoder_start_token_id", "6"},
                {"eos_token_id", "0"},
                {"pad_token_id", "6"},
                {"max_length", "8"},
                {"bad_words_ids", "[[6]]"}};
  tensors["model.shared.weight"] = {"F32", {7, 4}};
  tensors["final_logits_bias"] = {"F32", {1, 7}};
  auto linear = [&](const std::string &name, uint64_t out, uint64_t in) {
    tensors[name + ".weight"] = {"F32", {out, in}};
    tensors[name + ".bias"] = {"F32", {out}};
  };
  auto norm = [&](const std::string &name) {
    tensors[name + ".weight"] = {"F32", {4}};
    tensors[name + ".bias"] = {"F32", {4}};
  };
  auto attention = [&](const std::string &name) {
    for (const char *part : {".q_proj", ".k_proj", ".v_proj", ".out_proj"})
      linear(name + part, 4, 4);
    norm(name + "_layer_norm");
  };
  attention("model.encoder.layers.0.self_attn");
  attention("model.decoder.layers.0.self_attn");
  attention("model.decoder.layers.0.encoder_attn");
  for (const char *side : {"encoder", "decoder"}) {
    std::string layer = fmt::format("model.{}.layers.0", side);
    linear(layer + ".fc1", 6, 4);
    linear(layer + ".fc2", 4, 6);
    norm(layer + ".final_layer_norm");
  }
}

std::string rawFile(const std::string &header, size_t dataBytes) {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes += char(uint64_t(header.size()) >> (8 * i));
  bytes += header;
  // 0x3c3c… is a small number in each of F64, F32, F16 and BF16.
  return bytes + std::string(dataBytes, '\x3c');
}

std::string
TinyCheckpoint::file(const std::map<std::string, TinyTensor> &tensors) {
  std::string header;
  uint64_t offset = 0;
  for (const auto &[name, tensor] : tensors) {
    uint64_t size = tensor.dtype.ends_with("64") ? 8
                    : tensor.dtype.ends_with("32") ? 4
                                                   : 2;
    for (uint64_t dim : tensor.shape)
      size *= dim;
    header += fmt::format(
        "{}\"{}\":{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
        header.empty() ? "" : ",", name, tensor.dtype,
        fmt::join(tensor.shape, ","), offset, offset + size);
    offset += size;
  }
  return rawFile("{" + header + "}", offset);
}

std::string jsonObject(const std::map<std::string, std::string> &keys) {
  std::string text;
  for (const auto &[key, value] : keys)
    text += fmt::format("{}\"{}\": {}", text.empty() ? "" : ",\n ", key, value);
  return "{" + text + "}\n";
}

void TinyCheckpoint::write(const TempFolder &folder) const {
  folder.write("config.json", jsonObject(config));
  if (generationFile)
    folder.write("generation_config.json", jsonObject(generation));
  folder.write("model.safetensors", file(tensors));
}

} // namespace encdec::testing
