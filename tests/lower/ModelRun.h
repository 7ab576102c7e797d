// A model compiled in process and driven as a runtime would: encode, then
// steps.
#pragma once
#include "KernelCall.h"
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/lower/Lowering.h"
#include "compiler/place/Weights.h"
#include "compiler/schedule/Schedule.h"
#include "mlir/Pass/PassManager.h"
#include <barrier>
#include <map>
#include <thread>
#include <ucontext.h>

namespace encdec::test {

/// A fused, placed and scheduled model, which serves every level, and its packed
/// weights.
class Placed {
public:
  Placed(mlir::ModuleOp module, const PipelineOptions &options, bool fuseAll = true)
      : Placed(module, options, [&](mlir::OpPassManager &pm) {
          if (fuseAll)
            buildFusePipeline(pm);
          else // linear, activation, add, norm and top_tokens stay single
            pm.addPass(createFuseAttentionPass());
        }) {}

  /// `checkpoint` is the folder that holds the files of the weights, if any are named.
  Placed(mlir::ModuleOp module, const PipelineOptions &options,
         llvm::function_ref<void(mlir::OpPassManager &)> fuse,
         const std::string &checkpoint = "") {
    mlir::PassManager place(module.getContext());
    fuse(place);
    buildPlacePipeline(place, options);
    buildSchedulePipeline(place, options);
    ok = mlir::succeeded(place.run(module));
    if (!ok)
      return;
    mlir::FailureOr<kernel::MemoryPlan> made = kernel::memoryPlanOf(module);
    ok = mlir::succeeded(made);
    if (!ok)
      return;
    const kernel::MemoryPlan &plan = *made;
    sizes = {{"encode_arena_per_row", plan.encodeArena.getPerRow()},
             {"encode_arena_per_key", plan.encodeArena.getPerKey()},
             {"step_arena_per_row", plan.stepArena.getPerRow()},
             {"step_arena_per_key", plan.stepArena.getPerKey()},
             {"scratch_fixed", plan.scratch.getFixed()},
             {"scratch_per_key", plan.scratch.getPerKey()},
             {"scratch_per_row", plan.scratch.getPerRow()},
             {"memory_per_key", plan.memoryPerKey},
             {"cache_per_key", plan.cachePerKey}};
    weightSize = weightsSectionBytes(module);
    weights = Buffer(weightSize / 4);
    WeightStore store(checkpoint);
    for (WeightOp weight : placedWeights(module))
      ok &= mlir::succeeded(
          store.write(weight, {weights.bytes(), size_t(weightSize)}));
  }

  bool ok = false;
  int64_t weightSize = 0;
  std::map<std::string, int64_t> sizes;
  Buffer weights;
};

/// The code of a placed model for one level, compiled in process and driven as a runtime
/// would.
class Compiled {
public:
  /// `placed` belongs to `module` and outlives this.
  Compiled(mlir::ModuleOp module, Placed &placed, llvm::StringRef level,
           llvm::CodeGenOptLevel effort = llvm::CodeGenOptLevel::Aggressive)
      : sizes(placed.sizes), weights(placed.weights) {
    ok = placed.ok;
    if (!ok)
      return;
    mlir::OwningOpRef<mlir::ModuleOp> lowered = module.clone();
    ok = mlir::succeeded(lowerToLLVMDialect(*lowered, level));
    if (ok)
      jit = std::make_unique<KernelJit>(*lowered, level, effort);
  }

  void run(const char *name, encdec_abi_context &context, int64_t workers) {
    Entry *function = entry(name);
    context.weights = weights.bytes();
    std::barrier<> barrier(workers);
    context.barrier = workers == 1 ? nullptr : [](void *data, int64_t) {
      static_cast<std::barrier<> *>(data)->arrive_and_wait();
    };
    context.barrier_data = &barrier;
    std::vector<std::thread> team;
    for (int64_t w = 1; w < workers; ++w)
      team.emplace_back([&, w] { function(&context, w, workers); });
    function(&context, 0, workers);
    for (std::thread &thread : team)
      thread.join();
  }

  /// The same on one thread: the workers take turns from barrier to barrier, the last
  /// worker first, so that a worker which should have waited for another reads stale
  /// values.
  void runInTurns(const char *name, encdec_abi_context &context, int64_t workers) {
    Turns turns{entry(name), &context, workers, {}, {}, 0};
    turns.fibers.resize(workers);
    context.weights = weights.bytes();
    context.barrier_data = &turns;
    context.barrier = [](void *data, int64_t worker) {
      auto *turns = static_cast<Turns *>(data);
      swapcontext(&turns->fibers[worker], &turns->main);
    };
    std::vector<std::vector<char>> stacks(workers, std::vector<char>(1 << 18));
    for (int64_t w = 0; w < workers; ++w) {
      ucontext_t &fiber = turns.fibers[w];
      getcontext(&fiber);
      fiber.uc_stack.ss_sp = stacks[w].data();
      fiber.uc_stack.ss_size = stacks[w].size();
      fiber.uc_link = &turns.main;
      auto address = reinterpret_cast<uint64_t>(&turns);
      makecontext(&fiber, reinterpret_cast<void (*)()>(&Turns::begin), 3,
                  unsigned(address >> 32), unsigned(address), unsigned(w));
    }
    while (turns.finished < workers) // all of them arrive at the same barriers
      for (int64_t w = workers - 1; w >= 0; --w)
        swapcontext(&turns.main, &turns.fibers[w]);
  }

  using Entry = void(const encdec_abi_context *, int64_t, int64_t);
  Entry *entry(const char *name) { return jit->get<Entry>(name); }

  bool ok = false;
  std::map<std::string, int64_t> &sizes;

private:
  struct Turns {
    Entry *function;
    const encdec_abi_context *context;
    int64_t workers;
    ucontext_t main;
    std::vector<ucontext_t> fibers;
    int64_t finished;
    static void begin(unsigned high, unsigned low, unsigned worker) {
      auto *turns = reinterpret_cast<Turns *>(uint64_t(high) << 32 | low);
      turns->function(turns->context, worker, turns->workers);
      ++turns->finished;
    }
  };
  Buffer &weights;
  std::unique_ptr<KernelJit> jit;
};

inline constexpr int64_t slotCount = 64;

/// Logits of every step of one batch.
struct Batch {
  std::vector<int32_t> tokens, offsets{0}, rowSource, positions;
  std::vector<int64_t> memoryOffset;
  int64_t capacity; // of a slot of the cache
  Buffer memory, cache;
  int64_t longest = 0;
  bool inTurns = false; // workers on one thread

  Batch(const std::vector<std::vector<int64_t>> &sources, Compiled &model,
        int64_t capacity = 16)
      : capacity(capacity), cache(model.sizes["cache_per_key"] * capacity * slotCount / 4) {
    int64_t keys = 0;
    for (auto [b, source] : llvm::enumerate(sources)) {
      memoryOffset.push_back(keys * model.sizes["memory_per_key"]);
      keys += pad16(source.size());
      longest = std::max<int64_t>(longest, pad16(source.size()));
      for (auto [i, token] : llvm::enumerate(source)) {
        tokens.push_back(int32_t(token));
        rowSource.push_back(int32_t(b));
        positions.push_back(int32_t(i));
      }
      offsets.push_back(int32_t(tokens.size()));
    }
    longest = std::max(longest, capacity);
    memory = Buffer(keys * model.sizes["memory_per_key"] / 4);
  }

  encdec_abi_context context(Compiled &model, int64_t workers, int64_t rows) {
    int64_t stride =
        model.sizes["scratch_fixed"] + model.sizes["scratch_per_key"] * longest +
        model.sizes["scratch_per_row"] * rows;
    scratch = Buffer(stride * workers / 4);
    encdec_abi_context c = {};
    c.scratch = scratch.bytes();
    c.scratch_stride = stride;
    c.keys = longest;
    c.memory = memory.bytes();
    c.memory_offset = memoryOffset.data();
    c.cache = cache.bytes();
    c.cache_stride = model.sizes["cache_per_key"] * capacity;
    c.cache_capacity = capacity;
    c.sources = int64_t(offsets.size()) - 1;
    c.source_offset = offsets.data();
    return c;
  }

  /// `states`, if given, receives the encoder's output, rows of whole lanes.
  void encode(Compiled &model, int64_t workers, float *states = nullptr) {
    encdec_abi_context c = context(model, workers, /*rows=*/0); // scratch has none of them
    c.out_states = states;
    int64_t units = 0;
    for (size_t b = 1; b < offsets.size(); ++b)
      units += pad16(offsets[b] - offsets[b - 1]);
    Buffer arena((model.sizes["encode_arena_per_row"] * units +
                  model.sizes["encode_arena_per_key"] * longest) /
                 4);
    c.arena = arena.bytes();
    c.rows = int64_t(tokens.size());
    c.tokens = tokens.data();
    c.positions = positions.data();
    c.row_source = rowSource.data();
    run(model, "encdec_encode", c, workers);
  }

  struct Rows {
    std::vector<int64_t> tokens, positions;
    std::vector<std::vector<int64_t>> ancestors; // [R][positions so far and one]
    std::vector<int64_t> sources;
    std::vector<float> logitBias{}; // rows of pad16(V); empty: one, of zeros
    std::vector<int64_t> rowBias{}; // empty: the first row for all
    int64_t top = 1;     // 0: what it makes needless is null
    bool shared = false; // rows may be positions of one hypothesis
    bool tokensOnly = false; // neither log-probabilities nor logits are asked for
  };
  /// [R][pad16(V)]
  std::vector<float> step(Compiled &model, const Rows &rows, int64_t vocabulary,
                          int64_t workers) {
    int64_t count = int64_t(rows.tokens.size());
    encdec_abi_context c = context(model, workers, count);
    Buffer arena((model.sizes["step_arena_per_row"] * count +
                  model.sizes["step_arena_per_key"] * longest) /
                 4);
    auto narrow = [](const std::vector<int64_t> &v) {
      return std::vector<int32_t>(v.begin(), v.end());
    };
    auto ids = narrow(rows.tokens), at = narrow(rows.positions),
         sources = narrow(rows.sources);
    std::vector<int32_t> ancestors; // [R][capacity]
    for (const std::vector<int64_t> &past : rows.ancestors) {
      ancestors.insert(ancestors.end(), past.begin(), past.end());
      ancestors.insert(ancestors.end(), capacity - past.size(),
                       int32_t(past.back()));
    }
    std::vector<int32_t> rowBias = narrow(rows.rowBias), token(count * rows.top);
    rowBias.resize(count);
    std::vector<float> bias = rows.logitBias, logProb(count * rows.top);
    if (bias.empty())
      bias.resize(pad16(vocabulary));
    std::vector<float> logits(count * pad16(vocabulary));
    c.arena = arena.bytes();
    c.rows = count;
    c.tokens = ids.data();
    c.positions = at.data();
    c.ancestors = ancestors.data();
    c.row_source = sources.data();
    c.top_k = rows.top;
    c.shared_slots = rows.shared;
    if (rows.top) {
      c.logit_bias = bias.data();
      c.row_bias = rowBias.data();
      c.out_tokens = token.data();
      c.out_log_probs = rows.tokensOnly ? nullptr : logProb.data();
    }
    c.out_logits = rows.tokensOnly ? nullptr : logits.data();
    run(model, "encdec_step", c, workers);
    tokensOut = token;
    logProbsOut = logProb;
    return logits;
  }
  std::vector<int32_t> tokensOut;
  std::vector<float> logProbsOut;

private:
  void run(Compiled &model, const char *name, encdec_abi_context &context, int64_t workers) {
    inTurns ? model.runInTurns(name, context, workers) : model.run(name, context, workers);
  }
  Buffer scratch;
};

} // namespace encdec::test
