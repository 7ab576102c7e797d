//===- Api.cpp - the C API: status, machine, model, bundle ----------------===//

#include "runtime/ApiSupport.h"
#include "runtime/base/CpuLevels.h"
#include "runtime/base/Utf8.h"
#include "runtime/exec/Machine.h"

#include <fmt/format.h>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::runtime::api;

struct encdec_bundle {
  std::shared_ptr<const Bundle> bundle;
};

namespace encdec::runtime::api {

encdec_status *outOfMemory() {
  static encdec_status status{ENCDEC_ERROR_FAILURE, "out of memory"};
  return &status;
}

encdec_status *make(const Status &status) {
  const std::optional<size_t> input = status.input();
  return new encdec_status{int(status.code()), oneLine(status.message()),
                           input ? int64_t(*input) : -1};
}

} // namespace encdec::runtime::api

extern "C" {

int encdec_status_code(const encdec_status *status) {
  return status ? status->code : ENCDEC_OK;
}

const char *encdec_status_message(const encdec_status *status) {
  return status ? status->message.c_str() : "";
}

int64_t encdec_status_input(const encdec_status *status) {
  return status ? status->input : -1;
}

void encdec_status_free(encdec_status *status) {
  if (status != outOfMemory())
    delete status;
}

const char *encdec_version(void) { return ENCDEC_VERSION; }
int32_t encdec_version_number(void) { return ENCDEC_VERSION_NUMBER; }

encdec_status *encdec_machine_get_info(encdec_machine_info *info) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"info", info}}));
    const CpuLevel *best = bestCpuLevel();
    return writeSized(info,
                      encdec_machine_info{0, architecture().data(),
                                          best ? best->name.data() : "none",
                                          defaultThreads()});
  });
}

encdec_status *encdec_model_open(const char *path, const encdec_model_options *options,
                                 encdec_model **out_model) {
  if (out_model)
    *out_model = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"path", path}, {"out_model", out_model}}));
    ENCDEC_ASSIGN_OR_RETURN(
        auto chosen, readSized(options, encdec_model_options_default(), "options"));
    ENCDEC_ASSIGN_OR_RETURN(
        auto model, Model::open(path, chosen.cpu_level ? chosen.cpu_level : ""));
    *out_model = new encdec_model{std::move(model)};
    return {};
  });
}

encdec_status *encdec_model_from_memory(const encdec_model_image *image,
                                        encdec_model **out_model) {
  if (out_model)
    *out_model = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"image", image}, {"out_model", out_model}}));
    if (image->size < sizeof(encdec_model_image))
      return usageError(fmt::format("the model image has size {}, expected {}",
                                    image->size, sizeof(encdec_model_image)));
    ENCDEC_ASSIGN_OR_RETURN(auto model, Model::fromMemory(*image));
    *out_model = new encdec_model{std::move(model)};
    return {};
  });
}

void encdec_model_close(encdec_model *model) { delete model; }

encdec_status *encdec_model_get_info(const encdec_model *model, encdec_model_info *info) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"model", model}, {"info", info}}));
    const Manifest &manifest = model->model->manifest;
    const ModelInfo &sizes = manifest.model;
    const GenerationOptions &defaults = manifest.generation;
    encdec_model_info value = {};
    value.family = sizes.family.c_str();
    value.weight_type = manifest.weightType.c_str();
    value.cpu_level = model->model->level.c_str();
    value.producer = manifest.producer.c_str();
    value.d_model = sizes.dModel;
    value.encoder_layers = sizes.encoderLayers;
    value.decoder_layers = sizes.decoderLayers;
    value.decoder_heads = sizes.decoderHeads;
    value.vocab_size = sizes.vocabSize;
    value.source_vocab_size = sizes.sourceVocabSize;
    value.max_positions = sizes.maxPositions;
    value.weights_bytes = manifest.weightsBytes;
    value.step_bytes = manifest.stepBytes;
    value.sketch_bytes = manifest.sketchBytes;
    value.sketched_bytes = manifest.sketchedBytes;
    value.decoder_start_token_id = defaults.decoder_start_token_id.value_or(-1);
    value.pad_token_id = defaults.pad_token_id.value_or(-1);
    if (const auto &ends = defaults.eos_token_id) {
      value.eos_token_ids = ends->data();
      value.eos_token_count = ends->size();
    }
    if (sizes.hasDecoder()) {
      value.max_length = defaults.max_length.value_or(int64_t(sizes.maxPositions) + 1);
      value.num_beams = uint64_t(defaults.num_beams.value_or(1));
    }
    value.length_penalty = defaults.length_penalty.value_or(1);
    value.has_tokenizer = model->model->tokenizer != nullptr;
    return writeSized(info, value);
  });
}

const char *encdec_model_manifest(const encdec_model *model, uint64_t *out_size) {
  if (out_size)
    *out_size = model ? model->model->manifestText.size() : 0;
  return model ? model->model->manifestText.c_str() : nullptr;
}

encdec_status *encdec_bundle_open(const char *path, encdec_bundle **out_bundle) {
  if (out_bundle)
    *out_bundle = nullptr;
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"path", path}, {"out_bundle", out_bundle}}));
    ENCDEC_ASSIGN_OR_RETURN(auto bundle, Bundle::open(path, defaultThreads()));
    // Sound means that a model would open: the tokenizer's files are judged by
    // making the tokenizer.
    if (auto tokenizer = tokenizerOf(bundle->contents); !tokenizer.ok())
      return std::move(tokenizer).status().withContext(path);
    *out_bundle = new encdec_bundle{std::move(bundle)};
    return {};
  });
}

void encdec_bundle_close(encdec_bundle *bundle) { delete bundle; }

uint64_t encdec_bundle_section_count(const encdec_bundle *bundle) {
  return bundle ? bundle->bundle->contents.sections.size() : 0;
}

encdec_status *encdec_bundle_get_section(const encdec_bundle *bundle, uint64_t index,
                                         encdec_bundle_section_info *out_info) {
  return guarded([&]() -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"bundle", bundle}, {"out_info", out_info}}));
    const auto &sections = bundle->bundle->contents.sections;
    if (index >= sections.size())
      return usageError(fmt::format("section {} of {}", index, sections.size()));
    const Section &section = sections[index];
    encdec_bundle_section_info value = {};
    value.kind = section.kind;
    value.name = section.name.c_str();
    value.offset = section.offset;
    value.data_size = section.data.size();
    value.data = section.data.data();
    for (size_t i = 0; i < sizeof(section.checksum); ++i)
      fmt::format_to(value.checksum + 2 * i, "{:02x}", section.checksum[i]);
    return writeSized(out_info, value);
  });
}

} // extern "C"
