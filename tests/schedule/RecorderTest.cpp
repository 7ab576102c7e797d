// Declarations of calls are not believed: models run with every access recorded, and what a
// worker touches is what the call says that it touches.
#include "Declarations.h"
#include "Scheduled.h"
#include "compiler/lower/Lowering.h"
#include "compiler/place/Weights.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "tests/support/Levels.h"
#include "llvm/Support/FormatVariadic.h"
#include <barrier>
#include <gtest/gtest.h>
#include <random>
#include <thread>

using namespace mlir;
using namespace encdec;
using namespace encdec::kernel;
using namespace encdec::test;

namespace {

constexpr int64_t kCapacity = 32, kSlots = 49;
constexpr int kFinite = 0x3c; // bytes that are a small number as f32 and as bf16

int64_t pad16(int64_t n) { return roundUp(n, 16); }

/// A model in scheduled form and its code, which reports what it touches.
struct Model {
  Model(const Variant &variant, StringRef level) : scheduled(variant) {
    if (!scheduled.module)
      return;
    ModuleOp module = *scheduled.module;
    plan = *memoryPlanOf(module);
    int64_t size = weightsSectionBytes(module);
    uint8_t *section = memory.allocate("weights", size);
    WeightStore store("");
    for (WeightOp weight : placedWeights(module))
      if (failed(store.write(weight, {section, size_t(size)})))
        return;
    lowered = module.clone();
    if (failed(lowerToLLVMDialect(*lowered, level)) || failed(instrument(*lowered)))
      return;
    // encdec_step.3.norm is the table of call 3.
    std::vector<std::tuple<std::string, std::string, int64_t>> tables;
    for (auto global : lowered->getOps<LLVM::GlobalOp>()) {
      auto [symbol, rest] = global.getSymName().split('.');
      tables.emplace_back(
          llvm::formatv("table.{0}.{1}", symbol.split('_').second, rest.split('.').first),
          global.getSymName(),
          4 * cast<LLVM::LLVMArrayType>(global.getType()).getNumElements());
    }
    jit = std::make_unique<KernelJit>(*lowered, level);
    for (const auto &[name, symbol, bytes] : tables)
      memory.add(name, jit->address(symbol), bytes);
  }

  Scheduled scheduled;
  OwningOpRef<ModuleOp> lowered;
  MemoryPlan plan;
  Memory memory;                  // weights and tables, which no call changes
  std::unique_ptr<KernelJit> jit; // null where something failed
};

/// Which of a step's optional outputs are asked for.
struct Outputs {
  bool logProbs, logits, probs, openBlocks;
  int64_t top;
};

/// Sources that are encoded and whose hypotheses step.
class Session {
public:
  Session(Model &model, const std::vector<int64_t> &sources, uint64_t seed)
      : model(model), sources(sources), random(seed), cache(model.memory),
        longest(pad16(*llvm::max_element(sources))) {
    cache.allocate("cache", model.plan.cachePerKey * kCapacity * kSlots, kFinite);
    int64_t keys = 0;
    for (int64_t length : sources) {
      memoryOffset.push_back(keys * model.plan.memoryPerKey);
      offsets.push_back(offsets.back() + int32_t(length));
      keys += pad16(length);
    }
    cache.allocate("memory", keys * model.plan.memoryPerKey, kFinite);
    arenaRows = keys;
  }

  /// The first access that is not declared.
  std::string encode(int64_t workers) {
    Memory memory = cache;
    encdec_abi_context &c =
        context(memory, model.plan.encodeArena, arenaRows, offsets.back(), workers);
    std::vector<int32_t> positions, of;
    for (auto [source, length] : llvm::enumerate(sources))
      for (int64_t i = 0; i < length; ++i) {
        positions.push_back(int32_t(i));
        of.push_back(int32_t(source));
      }
    c.positions = copy(memory, "positions", positions);
    c.row_source = copy(memory, "row_source", of);
    if (random() % 2)
      c.out_states = reinterpret_cast<float *>(memory.allocate(
          "out_states", offsets.back() * pad16(model.scheduled.sizes.width()) * 4));
    return run("encode", c, memory, arenaRows, workers);
  }

  /// With `shared` slots the rows of a source are later and later positions of one slot.
  std::string step(int64_t rows, int64_t position, const Outputs &outputs, int64_t workers,
                   bool shared = false) {
    Memory memory = cache;
    encdec_abi_context &c = context(memory, model.plan.stepArena, rows, rows, workers);
    std::vector<int32_t> of, positions, ancestors, biases;
    for (int64_t row = 0; row < rows; ++row) {
      of.push_back(int32_t(row * int64_t(sources.size()) / rows));
      bool isLater = shared && row && of[row] == of[row - 1];
      positions.push_back(isLater ? positions[row - 1] + 1 : int32_t(position));
      biases.push_back(int32_t(random() % 2));
      int32_t past = int32_t(random() % kSlots); // until it forked
      int64_t forked = random() % (position + 1);
      for (int64_t p = 0; p < kCapacity; ++p)
        ancestors.push_back(isLater      ? ancestors[ancestors.size() - kCapacity]
                            : p < forked ? past
                                         : int32_t(row));
    }
    c.positions = copy(memory, "positions", positions);
    c.shared_slots = shared;
    c.row_source = copy(memory, "row_source", of);
    c.ancestors = copy(memory, "ancestors", ancestors);
    int64_t columns = pad16(vocabulary());
    c.top_k = outputs.top;
    if (c.top_k) {
      c.row_bias = copy(memory, "row_bias", biases);
      c.logit_bias = reinterpret_cast<float *>(memory.allocate("logit_bias", 2 * columns * 4));
    }
    auto output = [&](const char *name, bool wanted, int64_t bytes) {
      return wanted ? memory.allocate(name, bytes) : nullptr;
    };
    c.out_tokens =
        reinterpret_cast<int32_t *>(output("out_tokens", c.top_k, rows * outputs.top * 4));
    c.out_log_probs = reinterpret_cast<float *>(
        output("out_log_probs", outputs.logProbs, rows * outputs.top * 4));
    c.out_logits =
        reinterpret_cast<float *>(output("out_logits", outputs.logits, rows * columns * 4));
    c.out_candidate_blocks =
        reinterpret_cast<int64_t *>(output("out_candidate_blocks", outputs.openBlocks, 8));
    c.probs_stride = longest;
    const ModelSizes &sizes = model.scheduled.sizes;
    c.out_probs = reinterpret_cast<float *>(output(
        "out_probs", outputs.probs, sizes.decoderLayers * sizes.heads * rows * longest * 4));
    return run("step", c, memory, rows, workers);
  }

private:
  int64_t vocabulary() { return model.scheduled.sizes.vocabulary; }

  template <typename T>
  const T *copy(Memory &memory, const char *name, const std::vector<T> &values) {
    uint8_t *to = memory.allocate(name, values.size() * sizeof(T));
    llvm::copy(values, reinterpret_cast<T *>(to));
    return reinterpret_cast<const T *>(to);
  }

  encdec_abi_context &context(Memory &memory, SizeAttr arena, int64_t units, int64_t rows,
                              int64_t workers) {
    auto &c = *reinterpret_cast<encdec_abi_context *>(
        memory.allocate("context", sizeof(encdec_abi_context)));
    auto begin = [&](const char *name) {
      return reinterpret_cast<uint8_t *>(memory.bytes(name).sorted().front().begin);
    };
    SizeAttr scratch = model.plan.scratch;
    c.weights = begin("weights");
    c.keys = std::max(longest, kCapacity);
    c.arena = memory.allocate("arena", arena.getPerRow() * units + arena.getPerKey() * c.keys,
                              0xff);
    c.scratch_stride = scratch.getFixed() +
                       scratch.getPerKey() * c.keys +
                       scratch.getPerRow() * rows;
    c.scratch = memory.allocate("scratch", c.scratch_stride * workers, 0xff);
    c.memory = begin("memory");
    c.memory_offset = copy(memory, "memory_offset", memoryOffset);
    c.cache = begin("cache");
    c.cache_stride = model.plan.cachePerKey * kCapacity;
    c.cache_capacity = kCapacity;
    c.rows = rows;
    c.sources = int64_t(sources.size());
    c.source_offset = copy(memory, "source_offset", offsets);
    int64_t ids = vocabulary();
    if (int64_t others = model.scheduled.sizes.sourceVocabulary)
      ids = std::min(ids, others);
    std::vector<int32_t> tokens;
    for (int64_t row = 0; row < rows; ++row)
      tokens.push_back(int32_t(random() % ids));
    c.tokens = copy(memory, "tokens", tokens);
    return c;
  }

  std::string run(const std::string &name, encdec_abi_context &c, const Memory &memory,
                  int64_t units, int64_t workers) {
    auto *function =
        model.jit->get<void(const encdec_abi_context *, int64_t, int64_t)>("encdec_" + name);
    Run run{c, memory, units, std::vector<Ranges>(workers), std::vector<Log>(workers)};
    std::barrier<> barrier(workers);
    if (workers > 1)
      c.barrier = [](void *data, int64_t) {
        static_cast<std::barrier<> *>(data)->arrive_and_wait();
      };
    c.barrier_data = &barrier;
    auto work = [&](int64_t worker) {
      char here; // what the call puts on the stack lies below
      constexpr int64_t kStack = 256 << 10;
      run.stack[worker] = Ranges(&here - kStack, kStack);
      currentLog = &run.logs[worker];
      function(&c, worker, workers);
      currentLog = nullptr;
    };
    std::vector<std::thread> team;
    for (int64_t worker = 0; worker < workers; ++worker)
      team.emplace_back(work, worker);
    for (std::thread &thread : team)
      thread.join();
    func::FuncOp ran; // the last entry that is for as many rows
    unsigned calls = 0;
    for (func::FuncOp entry : entriesOf(*model.scheduled.module)) {
      if (entryName(entry) != name)
        continue;
      RowsFromAttr from = rowsFrom(entry);
      if (!from || (c.rows >= from.getLeast() && c.rows >= workers * from.getPerWorker())) {
        ran = entry;
        run.firstCall = calls;
      }
      calls += unsigned(llvm::range_size(entry.getBody().getOps<CallOp>()));
    }
    for (Log &log : run.logs) { // calls of the entries before have run in none
      if (log.calls.size() < run.firstCall)
        return "calls of another range of rows ran";
      for (unsigned i = 0; i < run.firstCall; ++i)
        if (!log.calls[i].reads.empty() || !log.calls[i].writes.empty())
          return "calls of another range of rows ran";
      log.calls.erase(log.calls.begin(), log.calls.begin() + run.firstCall);
    }
    return ran ? Declarations(ran).check(run) : "no entry called " + name;
  }

  Model &model;
  std::vector<int64_t> sources, memoryOffset;
  std::vector<int32_t> offsets{0};
  std::mt19937_64 random;
  Memory cache; // and memory, which live from call to call
  int64_t longest, arenaRows;
};

/// Encodes and steps of all numbers of rows that matter to tiles.
std::string runAll(Model &model, uint64_t seed) {
  std::mt19937_64 random(seed);
  auto workers = [&] { return int64_t(1 + random() % 4); };
  const std::vector<std::vector<int64_t>> batches = {{1},  {2},         {5, 1, 1},
                                                     {13}, {6, 30, 12}, {20, 17, 12}};
  for (const std::vector<int64_t> &sources : batches)
    if (std::string fault = Session(model, sources, seed).encode(workers()); !fault.empty())
      return fault;
  Session session(model, batches.back(), seed);
  if (std::string fault = session.encode(4); !fault.empty())
    return fault;
  int64_t position = 11; // over the end of a block of keys
  for (int64_t rows : {1, 2, 7, 13, 5, 6, 12, 47, 48, 49, 4}) {
    bool isGreedy = random() % 2;
    auto maybe = [&] { return !isGreedy && random() % 4 > 0; };
    Outputs outputs{maybe(), maybe(), maybe(), random() % 2 == 0,
                    isGreedy ? 1 : int64_t(1 + random() % 5)};
    std::string fault = session.step(rows, position++, outputs, workers());
    if (!fault.empty())
      return fault;
  }
  // Prompts of three hypotheses, of at most 17 rows each.
  position = 11;
  for (int64_t rows : {3, 12, 49}) {
    bool isScored = random() % 2;
    Outputs outputs{false, isScored, isScored, false, isScored ? int64_t(random() % 2) : 0};
    if (std::string fault = session.step(rows, position, outputs, workers(), /*shared=*/true);
        !fault.empty())
      return "prompts: " + fault;
  }
  return {};
}

class RecorderOfLevel : public EachLevel {};

TEST_P(RecorderOfLevel, CallsTouchWhatTheyDeclare) {
  std::vector<ModelSizes> sizes = modelSizes(5, 11);
  for (auto [i, variant] : llvm::enumerate(variantsOf(ModelSizes()))) {
    variant.sizes = sizes[(i + GetParam().size()) % sizes.size()];
    SCOPED_TRACE(variant.text());
    Model model(variant, GetParam());
    ASSERT_TRUE(model.jit);
    EXPECT_EQ(runAll(model, i), "");
  }
}

/// A declaration changed behind the code's back, and what must be found.
struct Lie {
  const char *kernel;
  void (*tell)(CallOp call);
  const char *finding;
};

void setAccess(CallOp call, unsigned i, Mode mode, Part part) {
  SmallVector<Attribute> accesses(call.getAccesses().getValue());
  accesses[i] = AccessAttr::get(call.getContext(), mode, part);
  call.setAccessesAttr(ArrayAttr::get(call.getContext(), accesses));
}

const Lie lies[] = {
    {"linear", [](CallOp call) { setAccess(call, 0, Mode::read, Part::panels); },
     "both touch arena"},
    {"linear", [](CallOp call) { call.setWeightsAttr(ArrayAttr::get(call.getContext(), {})); },
     "reads weights"},
    {"embed",
     [](CallOp call) {
       call.setOperand(1, call.getOperand(0)),
           call.setAccessesAttr(
               ArrayAttr::get(call.getContext(), {call.getAccesses()[0], call.getAccesses()[0],
                                                  call.getAccesses()[2]}));
     },
     "reads positions"},
    {"add_norm", [](CallOp call) { call.setOperand(1, call.getOperand(0)); }, "reads arena"},
    {"add_norm", [](CallOp call) { setAccess(call, 2, Mode::write, Part::rows); },
     "reads arena"},
    {"add_norm", [](CallOp call) { setAccess(call, 2, Mode::update, Part::one); },
     "both touch arena"},
    {"cache_append", [](CallOp call) { setAccess(call, 2, Mode::read, Part::row_heads); },
     "writes cache"},
    // What is read is a bias, and not the queries again.
    {"self_attention", [](CallOp call) { call.setOperand(2, call.getOperand(0)); },
     "reads arena"},
    {"relative_bias",
     [](CallOp call) { call.setWeightsAttr(ArrayAttr::get(call.getContext(), {})); },
     "reads weights"},
    {"self_attention",
     [](CallOp call) {
       auto size = SizeAttr::get(call.getContext(), 64, 0, 0);
       call.setBuffer(1, BufferAttr::get(call.getContext(), Space::scratch, size,
                                         call.buffer(1).getPlace(), {}));
     },
     "scratch"},
    {"cross_attention",
     [](CallOp call) { // the memory of another layer
       auto entry = call->getParentOfType<func::FuncOp>();
       for (BlockArgument argument : entry.getArguments())
         if (argument != call.getOperand(1) &&
             handleOf(argument) == handleOf(call.getOperand(1)))
           return call.setOperand(1, argument);
     },
     "reads memory"},
    {"vocabulary",
     [](CallOp call) {
       auto name = StringAttr::get(call.getContext(), "log_probs");
       call.setBuffer(3, BufferAttr::get(call.getContext(), Space::output, {}, {}, name));
     },
     "writes out_logits"},
    {"merge_vocabulary", [](CallOp call) { setAccess(call, 1, Mode::update, Part::own); },
     "reads scratch"},
};

TEST(Recorder, LiesAreFound) {
  std::vector<StringRef> levels = hostLevels();
  if (levels.empty())
    GTEST_SKIP() << "this machine runs none of the levels";
  ModelSizes sizes;
  sizes.heads = 4, sizes.headSize = 16, sizes.vocabulary = 300, sizes.buckets = 8;
  Model model({sizes}, levels.back());
  ASSERT_TRUE(model.jit);
  OwningOpRef<ModuleOp> truth = model.scheduled.module->clone();
  for (const Lie &lie : lies) {
    model.scheduled.module = truth->clone();
    func::FuncOp step;
    for (func::FuncOp entry : entriesOf(*model.scheduled.module))
      if (entryName(entry) == "step")
        step = entry;
    for (CallOp call : step.getBody().getOps<CallOp>())
      if (call.getKernel() == lie.kernel) {
        lie.tell(call);
        break;
      }
    Session session(model, {20, 7}, 1);
    std::string fault = session.step(7, 20, {true, true, true, true, 4}, 3);
    EXPECT_NE(fault.find(lie.finding), std::string::npos)
        << lie.kernel << ", expected '" << lie.finding << "', found '" << fault << "'";
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, RecorderOfLevel, everyLevel());

} // namespace
