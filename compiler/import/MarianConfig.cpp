// MarianConfig.cpp: Marian's configuration keys and weight ties.
#include "compiler/import/MarianConfig.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace encdec::checkpoint {

static SideConfig readSide(Fields &fields, const std::string &side,
                           const SideConfig &fallback) {
  return {fields.count(side + "_layers", fallback.layers, 1, maxLayers),
          fields.count(side + "_attention_heads", fallback.heads, 1, maxWidth),
          fields.count(side + "_ffn_dim", fallback.ffn, 1, maxWidth)};
}

/// Keys that Transformers 4 wrote and its Marian never read.
static std::vector<NeutralKey> neutralKeys(const MarianConfig &config,
                                           const JsonValue &json) {
  auto number = [](uint64_t value) { return fmt::format("{}", value); };
  std::string pad = "0";
  if (const JsonValue *value = json.find("pad_token_id"))
    pad = number(value->asUnsigned().value_or(0) + 1);
  const std::string empty = "an object of 0 keys";
  return {{"add_bias_logits", {"false"}},
          {"add_cross_attention", {"false"}},
          {"add_final_layer_norm", {"false"}},
          {"chunk_size_feed_forward", {"0"}},
          {"extra_pos_embeddings",
           {"0", "2", pad, number(config.sourceVocabulary)}},
          {"hidden_size", {number(config.width)}},
          {"is_decoder", {"false"}},
          {"normalize_before", {"false"}},
          {"normalize_embedding", {"false"}},
          {"num_attention_heads", {number(config.encoder.heads)}},
          {"num_hidden_layers", {number(config.encoder.layers)}},
          {"pruned_heads", {empty}},
          {"static_position_embeddings", {"true"}},
          {"tf_legacy_loss", {"false"}},
          {"tie_encoder_decoder", {"false"}},
          {"torchscript", {"false"}},
          {"use_bfloat16", {"false"}}};
}

static void checkSide(Fields &fields, const std::string &side, uint64_t width,
                      uint64_t heads) {
  if (width % heads != 0)
    fields.failWith(badModel(fmt::format(
        "{}: key \"{}_attention_heads\": expected a divisor of d_model {}, "
        "found {}",
        fields.fileName(), side, width, heads)));
}

Result<MarianConfig> MarianConfig::read(const ConfigFiles &files,
                                        std::vector<std::string> &warnings) {
  MarianConfig config;
  Fields fields(files.config, "config.json");
  fields.use("model_type");
  if (!fields.flag("is_encoder_decoder", true))
    fields.fail("is_encoder_decoder", "true");
  config.width = fields.count("d_model", config.width, 1, maxWidth);
  config.encoder = readSide(fields, "encoder", config.encoder);
  config.decoder = readSide(fields, "decoder", config.decoder);
  config.sourceVocabulary =
      fields.count("vocab_size", config.sourceVocabulary, 1, maxVocabulary);
  // 0 and null both stand for the source's size.
  uint64_t target = fields.count("decoder_vocab_size", 0, 0, maxVocabulary);
  config.maxPositions =
      fields.count("max_position_embeddings", config.maxPositions, 1, maxWidth);
  config.scaleEmbedding = fields.flag("scale_embedding", false);
  config.shareEmbeddings =
      fields.flag("share_encoder_decoder_embeddings", true);
  config.tieWords = fields.flag("tie_word_embeddings", true);
  config.activation = fields.text("activation_function", config.activation);
  checkSide(fields, "encoder", config.width, config.encoder.heads);
  checkSide(fields, "decoder", config.width, config.decoder.heads);
  // The position table is computed, so a small file could ask for a huge table.
  if (config.maxPositions * config.width > uint64_t(1) << 30)
    fields.failWith(overLimit(fmt::format(
        "config.json: key \"max_position_embeddings\": {} positions of width {}"
        " make a table beyond the limit of 2^30 numbers",
        config.maxPositions, config.width)));
  // An error of a key makes warnings about its fallback useless.
  ENCDEC_RETURN_IF_ERROR(fields.status());
  config.targetVocabulary = target ? target : config.sourceVocabulary;
  if (config.shareEmbeddings &&
      config.targetVocabulary != config.sourceVocabulary) {
    warnings.push_back(fmt::format(
        "config.json: key \"decoder_vocab_size\": {} ignored: embeddings are "
        "shared, so vocab_size {} holds for both sides",
        config.targetVocabulary, config.sourceVocabulary));
    config.targetVocabulary = config.sourceVocabulary;
  }
  ENCDEC_RETURN_IF_ERROR(
      checkLeftovers(fields, {}, neutralKeys(config, files.config), warnings));
  return config;
}

namespace {

/// Finds the three tables among the tensors that are there.
class TableResolver {
public:
  TableResolver(const CheckpointFiles &files,
                std::vector<std::string> &warnings)
      : files(files), warnings(warnings) {}

  /// The first present one of `names`; empty if there is none.
  std::string firstPresent(std::initializer_list<const char *> names) const {
    for (const char *name : names)
      if (files.find(name))
        return name;
    return {};
  }

  /// `own` if present, else the first present one of `others`. Where the configuration
  /// does not tie them, the reference would draw random numbers for `own`; a warning
  /// says which tensor is read instead.
  std::string table(const char *own, bool tied,
                    std::initializer_list<const char *> others) {
    if (files.find(own))
      return own;
    std::string other = firstPresent(others);
    if (!tied && !other.empty())
      warnings.push_back(fmt::format(
          "config.json: key \"tie_word_embeddings\": false, but {} is missing; "
          "{} is used in its place",
          quote(own), quote(other)));
    return other;
  }

  /// Sets `name` to `with` if the two tensors have equal bytes: older checkpoints store
  /// a tied tensor under each of its names.
  Status mergeEqual(std::string &name, const std::string &with) const {
    if (name.empty() || with.empty() || name == with)
      return Status::success();
    ENCDEC_ASSIGN_OR_RETURN(bool same,
                            files.same(*files.find(name), *files.find(with)));
    if (same)
      name = with;
    return Status::success();
  }

private:
  const CheckpointFiles &files;
  std::vector<std::string> &warnings;
};

} // namespace

Result<MarianTables> resolveTables(const MarianConfig &config,
                                   const CheckpointFiles &files,
                                   std::vector<std::string> &missing,
                                   std::vector<std::string> &warnings) {
  constexpr const char *shared = "model.shared.weight",
                       *encoder = "model.encoder.embed_tokens.weight",
                       *decoder = "model.decoder.embed_tokens.weight",
                       *head = "lm_head.weight";
  TableResolver resolver(files, warnings);
  MarianTables tables;
  tables.seen = {encoder, decoder, head};
  bool tied = config.tieWords;
  if (config.shareEmbeddings) {
    tables.seen.push_back(shared);
    tables.encoder = resolver.table(encoder, tied, {shared, head, decoder});
    tables.decoder = resolver.table(decoder, tied, {shared, head, encoder});
    tables.head = resolver.table(head, tied, {shared, decoder, encoder});
  } else {
    tables.encoder = resolver.table(encoder, true, {});
    tables.decoder = resolver.table(decoder, tied, {head});
    tables.head = resolver.table(head, tied, {decoder});
  }
  const char *first = config.shareEmbeddings ? shared : encoder;
  if (tables.encoder.empty())
    missing.push_back(first);
  if (tables.decoder.empty() && !config.shareEmbeddings)
    missing.push_back(decoder);
  for (std::string *table : {&tables.decoder, &tables.head})
    ENCDEC_RETURN_IF_ERROR(resolver.mergeEqual(*table, tables.encoder));
  ENCDEC_RETURN_IF_ERROR(resolver.mergeEqual(tables.head, tables.decoder));
  return tables;
}

} // namespace encdec::checkpoint
