// Config.cpp: reading both configuration files, and judging leftover keys.
#include "compiler/import/Config.h"

#include "compiler/import/File.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

namespace encdec::checkpoint {

static constexpr uint64_t maxConfigBytes = 16u << 20;

static Result<JsonValue> readObject(const std::string &folder,
                                    const std::string &name) {
  const std::string path = folder + "/" + name; // errors name the folder, too
  ENCDEC_ASSIGN_OR_RETURN(std::string text,
                          readFileIn(folder, name, path, maxConfigBytes));
  return parseJson(text).withContext(name);
}

Result<ConfigFiles> ConfigFiles::read(const std::string &folder) {
  ConfigFiles files;
  ENCDEC_ASSIGN_OR_RETURN(JsonValue config, readObject(folder, "config.json"));
  files.config = std::move(config);
  constexpr const char *generationName = "generation_config.json";
  if (isThere(folder, generationName)) {
    ENCDEC_ASSIGN_OR_RETURN(JsonValue generation,
                            readObject(folder, generationName));
    files.generationFile = std::move(generation);
    files.hasGenerationFile = true;
  }
  return files;
}

// Keys that tell how a model was trained, stored and named, or what a pipeline does
// with it. Every Transformers config may have them; no result depends on them.
static constexpr std::string_view commonSilent[] = {
    "_name_or_path",
    "_num_labels",
    "activation_dropout",
    "architectures",
    "attention_dropout",
    "classif_dropout",
    "classifier_dropout",
    "decoder_layerdrop",
    "dropout",
    "dtype",
    "encoder_layerdrop",
    "finetuning_task",
    "gradient_checkpointing",
    "id2label",
    "init_std",
    "label2id",
    "name_or_path",
    "num_labels",
    "output_past",
    "problem_type",
    "return_dict",
    "task_specific_params",
    "tokenizer_class",
    "torch_dtype",
    "transformers_version",
    "use_cache",
    "_commit_hash",
    "_attn_implementation",
    "_attn_implementation_autoset",
    "prefix",
    "sep_token_id",
    "bos_token_id",
    "output_attentions",
    "output_hidden_states",
    "is_encoder_decoder"};

// Switches of Transformers' base class, with the text of the value that turns each off.
static constexpr std::string_view commonNeutral[][2] = {
    {"add_cross_attention", "false"},
    {"chunk_size_feed_forward", "0"},
    {"is_decoder", "false"},
    {"pruned_heads", "an object of 0 keys"},
    {"tf_legacy_loss", "false"},
    {"tie_encoder_decoder", "false"},
    {"torchscript", "false"},
    {"use_bfloat16", "false"}};

Status checkLeftovers(Fields &config, std::vector<std::string> &warnings) {
  for (std::string_view key : commonSilent)
    config.use(key);
  for (const auto &[key, off] : commonNeutral)
    if (const JsonValue *value = config.get(key); value && value->show() != off)
      config.fail(key, fmt::format("{} (this variant is not supported)", off));
  ENCDEC_RETURN_IF_ERROR(config.status());
  std::vector<std::string> left;
  for (std::string &key : config.unused())
    if (!isGenerationKey(key)) // readGeneration judges those
      left.push_back(quote(key));
  if (!left.empty())
    warnings.push_back(fmt::format("{}: unknown keys, ignored: {}",
                                   config.fileName(), listNames(left)));
  return Status::success();
}

} // namespace encdec::checkpoint
