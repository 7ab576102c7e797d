//===- ApiGeneration.h - the C API: generations and their results ---------===//

#pragma once

#include "runtime/ApiInput.h"
#include "runtime/search/Engine.h"
#include "runtime/text/Detokenizer.h"

#include <atomic>
#include <map>

namespace encdec::runtime::api {

struct Sequence : Generated {
  std::optional<std::string> text;
};

/// What was read of one source and what was made of it.
struct Output : Input {
  std::vector<Sequence> sequences;
};

} // namespace encdec::runtime::api

struct encdec_result {
  std::vector<encdec::runtime::api::Output> sources;
  uint64_t layers, heads;
};

/// An engine, and what it does not know of its sources: texts and warnings.
struct encdec_generation {
  using Input = encdec::runtime::api::Input;
  using Status = encdec::Status;
  template <typename T> using Result = encdec::Result<T>;

  /// `owner` is told that its state is taken until the generation ends.
  explicit encdec_generation(encdec_state &owner);
  ~encdec_generation();

  /// Whether sources may have these options; an error about them alone.
  Status check(const encdec::GenerationOptions &options);
  /// A source from ids, with a prefix of ids, or both from texts.
  Result<uint64_t> add(std::vector<int32_t> ids, std::span<const int32_t> prefix,
                       const encdec::GenerationOptions &options);
  Result<uint64_t> addText(std::string_view text, std::string_view prefix,
                           const encdec::GenerationOptions &options);
  Status advance();
  /// Runs all sources to their ends.
  Status finish();
  /// Fills `event` with views that hold until the next call.
  Status nextEvent(encdec_event &event);
  Result<encdec::runtime::api::Output> take(uint64_t source);
  Status remove(uint64_t source);
  /// A result that holds nothing yet.
  std::unique_ptr<encdec_result> makeResult() const;

  encdec::runtime::Engine engine;
  /// Ends the sources that have been added. Any thread may call it.
  void cancel() { cancelled = added.load(); }

private:
  struct Source {
    Input input;
    encdec::GenerationOptions options; ///< As given.
    bool isText = false;
    size_t warned = 0; ///< Bytes of the warnings that events have given.
    std::unique_ptr<encdec::Detokenizer> stream;
  };
  Result<uint64_t> add(Source source, std::span<const int32_t> prefix);
  void forget(uint64_t source);
  static std::string nextWarning(Source &source);
  Status streamText(Source &source, const encdec::runtime::Event &event);

  /// Numbers of sources: below `added` are those that were added, below `cancelled` those that
  /// are to end with the next advance.
  std::atomic<uint64_t> added = 0, cancelled = 0;
  encdec_state &owner;
  const encdec::runtime::Model &model;
  std::map<uint64_t, Source> sources;
  encdec::runtime::Event event;
  bool held = false; ///< `event` was not given yet: a warning came first.
  std::string text; ///< Of the last event.
};
