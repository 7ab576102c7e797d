// A user's rewrite patterns, applied op by op in program order.
//
// The greedy driver is not used: it visits ops in an order of its own, folds and deletes what no
// pattern asked for, and does not say which pattern did what. Here each application is one
// action, one remark, and is verified before the next: PDL cannot take a rewrite back, so a
// wrong one is an error that names its pattern.
#include "compiler/fuse/ApplyPatterns.h"
#include "compiler/fuse/Fusion.h"
#include "compiler/fuse/PatternFile.h"
#include "dialect/Form.h"
#include "mlir/Dialect/PDL/IR/PDL.h"
#include "mlir/Dialect/PDLInterp/IR/PDLInterp.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Rewrite/PatternApplicator.h"
#include "llvm/ADT/SetVector.h"

namespace encdec {
#define GEN_PASS_DECL_APPLYPATTERNSPASS
#define GEN_PASS_DEF_APPLYPATTERNSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

static constexpr StringLiteral category = "apply-patterns";
// Sweeps over a function, and ops made of ops that a pattern made in one sweep.
static constexpr unsigned maxSweeps = 32;

namespace {

/// Runs `check` and keeps what it says as errors.
std::string messagesOf(MLIRContext *context, llvm::function_ref<void()> check) {
  std::string messages;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      messages += (messages.empty() ? "" : "; ") + diagnostic.str();
    return success();
  });
  check();
  return messages;
}

/// Says how many operands of each kind a new op of attention has, which PDL does not: bias and
/// its positions come together, so that the number of all tells.
void countOperands(Operation *op) {
  unsigned needed = isa<ScoresOp>(op) ? 4 : isa<SelfAttentionOp>(op) ? 5 : 0;
  unsigned optional = isa<ScoresOp>(op) ? 2 : 3; // bias, its positions, positions of the mask
  if (!needed || op->getNumOperands() < needed ||
      op->getNumOperands() > needed + optional)
    return;
  unsigned more = op->getNumOperands() - needed;
  SmallVector<int32_t> sizes(needed, 1);
  sizes.append(2, more >= 2);
  if (optional == 3)
    sizes.push_back(more % 2);
  auto given = op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes");
  if (!given || llvm::sum_of(given.asArrayRef()) == 0)
    op->setAttr("operandSegmentSizes", DenseI32ArrayAttr::get(op->getContext(), sizes));
}

/// What one application does to the IR.
class Recorder : public RewriterBase::Listener {
public:
  explicit Recorder(OpBuilder &builder) : builder(builder) {}

  llvm::SetVector<Operation *> inserted, modified;
  SmallVector<Location> erasedLocations;
  SmallVector<StringRef> erasedNames;
  llvm::SetVector<Operation *> maybeDead; // made an operand of an erased op
  llvm::DenseMap<Operation *, Location> replaced; // by a new op: where the old one was
  llvm::DenseMap<Value, Location> outputs; // the same of a new value in place of an op's only one
  std::string usedAfterErase, refusal;
  llvm::DenseSet<Operation *> *gone = nullptr; // every op that is no more

private:
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    gone->erase(op); // an address may be used again
    inserted.insert(op);
  }
  void notifyOperationModified(Operation *op) override { modified.insert(op); }
  void notifyOperationReplaced(Operation *op, ValueRange values) override {
    for (Value value : values)
      if (Operation *made = value.getDefiningOp()) {
        replaced.try_emplace(made, op->getLoc());
        if (values.size() == 1)
          outputs.try_emplace(value, op->getLoc());
      }
  }
  void notifyOperationErased(Operation *op) override {
    if (!op->use_empty()) {
      // Its readers would keep a value that is gone. The pass fails after this.
      usedAfterErase = op->getName().getStringRef().str();
      op->dropAllUses();
    }
    // What is made next must not stand before an op that is gone.
    if (builder.getInsertionBlock() == op->getBlock() &&
        builder.getInsertionPoint() == op->getIterator())
      builder.setInsertionPointAfter(op);
    for (Value operand : op->getOperands())
      if (Operation *made = operand ? operand.getDefiningOp() : nullptr)
        maybeDead.insert(made);
    if (!inserted.remove(op)) {
      erasedLocations.push_back(op->getLoc());
      erasedNames.push_back(op->getName().getStringRef());
    }
    maybeDead.remove(op);
    modified.remove(op);
    replaced.erase(op);
    gone->insert(op);
  }
  void notifyMatchFailure(Location,
                          llvm::function_ref<void(Diagnostic &)> reason) override {
    Diagnostic diagnostic(builder.getUnknownLoc(), DiagnosticSeverity::Remark);
    reason(diagnostic);
    refusal = diagnostic.str();
  }

  OpBuilder &builder;
};

/// Stands at an op, by which natives find its function. A native rewrite that fails is reported
/// by us; MLIR would end the process.
class Rewriter : public PatternRewriter {
public:
  explicit Rewriter(Operation *at) : PatternRewriter(at->getContext()) { setInsertionPoint(at); }
  bool canRecoverFromRewriteFailure() const override { return true; }
};

/// How often a pattern matched. A counter, or whoever bisects, leaves out.
struct Count {
  unsigned fired = 0, leftOut = 0;
};

/// The patterns of a file on one function.
class Application {
public:
  Application(FunctionOpInterface function, const PatternFile &file,
              std::vector<Count> &counts)
      : function(function), file(file), counts(counts) {
    for (const ReadPattern &pattern : file.patterns) {
      applicators.push_back(std::make_unique<PatternApplicator>(pattern.set));
      applicators.back()->applyDefaultCostModel();
    }
  }

  LogicalResult run() {
    for (unsigned sweeps = 0; sweeps < maxSweeps; ++sweeps) {
      changed = false;
      if (failed(sweep()))
        return failure();
      if (!changed)
        return success();
    }
    return diverges();
  }

private:
  LogicalResult sweep() {
    SmallVector<Operation *> ops;
    for (Block &block : function.getFunctionBody())
      if (isReached(&block.front(), dominance))
        for (Operation &op : block)
          ops.push_back(&op);
    for (Operation *op : ops)
      if (failed(visit(op, /*generation=*/0)))
        return failure();
    return success();
  }

  /// Tries all patterns at `op`, then at what they make there.
  LogicalResult visit(Operation *op, unsigned generation) {
    for (size_t i = 0; i < file.patterns.size(); ++i) {
      if (gone.contains(op))
        return success();
      if (leftOut.contains({op, i}) || !matches(op, i))
        continue;
      if (generation == maxSweeps)
        return diverges();
      SmallVector<Operation *> made;
      if (failed(apply(op, i, made)))
        return failure();
      for (Operation *next : made)
        if (!gone.contains(next) && failed(visit(next, generation + 1)))
          return failure();
    }
    return success();
  }

  bool matches(Operation *op, size_t i) {
    Rewriter rewriter(op);
    bool found = false;
    (void)applicators[i]->matchAndRewrite(op, rewriter, [&](const Pattern &) {
      found = true;
      return false;
    });
    return found;
  }

  LogicalResult apply(Operation *op, size_t i, SmallVector<Operation *> &made) {
    const ReadPattern &pattern = file.patterns[i];
    Rewriter rewriter(op);
    Recorder recorder(rewriter);
    recorder.gone = &gone;
    rewriter.setListener(&recorder);
    LogicalResult rewritten = success();
    if (!runFusion(op, pattern.name, [&] {
          rewritten = applicators[i]->matchAndRewrite(op, rewriter);
        })) {
      ++counts[i].leftOut;
      leftOut.insert({op, i}); // or another sweep would count it again
      return success();
    }
    changed = true;
    last = &pattern;
    ++counts[i].fired;
    if (!recorder.usedAfterErase.empty())
      return error(pattern) << "apply-patterns [erased-in-use]: pattern " << pattern.name
                            << " erases an op whose results are read, " << recorder.usedAfterErase
                            << "; replace it, or erase its readers first";
    if (failed(rewritten))
      return error(pattern) << "apply-patterns [native-failed]: pattern " << pattern.name
                            << " calls a rewrite that fails: " << recorder.refusal
                            << "; ask the constraint that encdec/fusion.pdll has for it";
    llvm::for_each(recorder.inserted, countOperands);
    eraseDead(rewriter, recorder);
    keepLocations(recorder);
    if (failed(verify(pattern, recorder)))
      return failure();
    report(pattern, recorder);
    for (Operation *next : recorder.inserted)
      if (next->getParentOp() == function)
        made.push_back(next);
    return success();
  }

  /// Erases ops that made operands of erased ones, if nothing reads them any more.
  static void eraseDead(RewriterBase &rewriter, Recorder &recorder) {
    while (!recorder.maybeDead.empty())
      if (Operation *op = recorder.maybeDead.pop_back_val(); isOpTriviallyDead(op))
        rewriter.eraseOp(op);
  }

  /// What was made stands for all that was erased; its results print under the name of the op
  /// that it replaces.
  void keepLocations(const Recorder &recorder) {
    if (recorder.erasedLocations.empty())
      return;
    Location all = FusedLoc::get(function.getContext(), recorder.erasedLocations);
    for (Operation *op : recorder.inserted) {
      if (op->getParentOp() != function || recorder.modified.contains(op))
        continue; // a weight, or one that the pattern named
      SmallVector<Location> each; // of what the results replace
      for (Value output : op->getResults())
        if (auto one = recorder.outputs.find(output); one != recorder.outputs.end())
          each.push_back(one->second);
      auto at = recorder.replaced.find(op);
      if (each.size() > 1 && each.size() == op->getNumResults()) {
        op->setLoc(FusedLoc::get(function.getContext(), each));
      } else if (at == recorder.replaced.end()) {
        op->setLoc(all);
      } else if (auto named = dyn_cast<NameLoc>(at->second)) {
        bool alone = recorder.erasedLocations.size() == 1;
        op->setLoc(NameLoc::get(named.getName(), alone ? named.getChildLoc() : all));
      } else {
        // The locations of several results, one each, are their names.
        auto fused = dyn_cast<FusedLoc>(at->second);
        op->setLoc(fused && fused.getLocations().size() == op->getNumResults() ? at->second : all);
      }
    }
  }

  LogicalResult verify(const ReadPattern &pattern, const Recorder &recorder) {
    std::string messages = messagesOf(function.getContext(), [&] {
      if (failed(mlir::verify(function)))
        return;
      for (Operation *op : recorder.inserted)
        if (auto user = dyn_cast<SymbolUserOpInterface>(op))
          if (SymbolTableCollection symbols; failed(user.verifySymbolUses(symbols)))
            return;
    });
    if (messages.empty())
      return success();
    return error(pattern) << "apply-patterns [invalid]: pattern " << pattern.name
                          << " makes IR that is not valid: " << messages;
  }

  void report(const ReadPattern &pattern, const Recorder &recorder) {
    Operation *at = function;
    std::string before, after;
    auto add = [](std::string &list, StringRef name) {
      list += (list.empty() ? "" : ", ") + name.str();
    };
    for (StringRef name : llvm::reverse(recorder.erasedNames)) // a root goes first
      add(before, name);
    for (Operation *op : recorder.inserted)
      if (op->getParentOp() == function) {
        add(after, op->getName().getStringRef());
        at = op;
      }
    reportPassed(category, "applied", at,
                 pattern.name + ": " + (before.empty() ? "nothing" : before) + " became " +
                     (after.empty() ? "nothing" : after));
  }

  static InFlightDiagnostic error(const ReadPattern &pattern) {
    return emitError(pattern.location);
  }

  LogicalResult diverges() const {
    return error(*last) << "apply-patterns [diverges]: pattern " << last->name
                        << " still matches after " << maxSweeps
                        << " rounds; let it match only what it does not make";
  }

  FunctionOpInterface function;
  const PatternFile &file;
  std::vector<Count> &counts; // of each pattern, in all functions
  std::vector<std::unique_ptr<PatternApplicator>> applicators;
  DominanceInfo dominance; // of blocks, which no pattern changes
  llvm::DenseSet<Operation *> gone;
  llvm::DenseSet<std::pair<Operation *, size_t>> leftOut;
  const ReadPattern *last = nullptr;
  bool changed = false;
};

struct ApplyPatternsPass : encdec::impl::ApplyPatternsPassBase<ApplyPatternsPass> {
  using ApplyPatternsPassBase::ApplyPatternsPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    FailureOr<PatternFile> read = readPatternFile(file, context);
    if (failed(read))
      return failure();
    patterns = std::make_shared<PatternFile>(std::move(*read));
    return success();
  }

  void runOnOperation() override {
    std::vector<Count> counts(patterns->patterns.size());
    for (auto function : getOperation().getOps<FunctionOpInterface>())
      if (!function.isExternal() && failed(Application(function, *patterns, counts).run()))
        return signalPassFailure();
    applied = {file, patterns->text, {}};
    for (auto [pattern, count] : llvm::zip(patterns->patterns, counts)) {
      applied->fired.push_back({pattern.name, count.fired});
      if (!count.fired && !count.leftOut)
        reportNever(pattern);
    }
    std::string messages = messagesOf(&getContext(), [&] {
      if (succeeded(verify(getOperation())))
        (void)verifyForm(getOperation(), Form::mixed);
    });
    if (messages.empty())
      return;
    emitError(FileLineColLoc::get(&getContext(), file, 1, 1))
        << "apply-patterns [form]: the module with these patterns breaks a rule of its form: "
        << messages;
    signalPassFailure();
  }

  /// A remark and a warning: nobody asks for remarks of what is believed to work.
  void reportNever(const ReadPattern &pattern) {
    unsigned roots = 0, grouped = 0;
    getOperation().walk([&](Operation *op) {
      StringRef name = op->getName().getStringRef();
      bool inGroup = bool(op->getParentOfType<FusedOp>());
      roots += pattern.root.empty() ? bool(op->getParentOfType<FunctionOpInterface>())
                                    : name == pattern.root;
      grouped += inGroup && llvm::is_contained(pattern.named, name);
    });
    std::string why = "of " + std::to_string(roots) + " ops " +
                      (pattern.root.empty() ? "of any kind" : pattern.root) + " none did",
                remedy = "compare it with the ops that encdec-opt --mlir-print-op-generic prints";
    if (grouped) {
      why += "; " + std::to_string(grouped) +
             " ops that it names stand inside of encdec.fused, where no pattern looks";
      remedy = "apply it before ops are grouped (--at fuse:before or fuse:after, "
               "--encdec-fuse=patterns-after=FILE), or make no groups (--groups none, "
               "--encdec-fuse=groups=none)";
    }
    auto at = pattern.location->findInstanceOf<FileLineColLoc>();
    std::string line = at ? " (line " + std::to_string(at.getLine()) + ")" : "";
    emitWarning(pattern.location) << "apply-patterns [never-matched]: pattern " << pattern.name
                                  << " matched nothing: " << why << "; " << remedy;
    reportMissed(category, getOperation(),
                 Refusal{"never-matched",
                         "expected pattern " + pattern.name + line + " to match, but " + why,
                         remedy, nullptr});
  }

  std::shared_ptr<PatternFile> patterns;
  std::optional<AppliedPatterns> applied;
};
} // namespace

const AppliedPatterns *encdec::appliedPatterns(const Pass &pass) {
  auto *own = dynamic_cast<const ApplyPatternsPass *>(&pass);
  return own && own->applied ? &*own->applied : nullptr;
}
