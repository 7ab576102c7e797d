// add-shortlists: a step for each list of tokens, which multiplies by these tokens' rows of
// the vocabulary alone.
//
//   func.func @step(…, %bias: tensor<?x5000xf32>) attributes {encdec.entry = "step"} {
//     %t, %p = encdec.vocabulary %x, @w, @b biased %bias …
//     => (in addition, with lists=fr=FILE, a file of the ids 0, 7 and 9)
//   encdec.weight @w.fr : tensor<3x512xf32> = #encdec.gathered<@w, [0, 7, 9]>
//   encdec.weight @b.fr : tensor<3xf32> = #encdec.gathered<@b, [0, 7, 9]>
//   func.func @step.fr(…, %bias: tensor<?x3xf32>) attributes {encdec.entry = "step",
//                                                            encdec.shortlist = 1} {
//     %t, %p = encdec.vocabulary %x, @w.fr, @b.fr biased %bias …
//
// The tokens of such a step are places in its list, which the module's attribute
// encdec.shortlists keeps and the runtime turns into ids. Runs behind quantize-weights: a
// gathered row has the format of the whole weight, hence its bits.
#include "compiler/Passes.h"
#include "compiler/place/Layout.h"
#include "dialect/Schema.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

namespace encdec {
#define GEN_PASS_DEF_ADDSHORTLISTSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

constexpr size_t maxNameBytes = 64;

/// Of the names that become part of symbols and of option values. There "none" unsets one, and
/// "language" is the list that is named as the target language.
bool isName(StringRef name) {
  return !name.empty() && name != "none" && name != "language" && name.size() <= maxNameBytes &&
         llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '-'; });
}

struct AddShortlists : impl::AddShortlistsPassBase<AddShortlists> {
  using AddShortlistsPassBase::AddShortlistsPassBase;

  void runOnOperation() override {
    if (lists.empty())
      return;
    ModuleOp module = getOperation();
    if (module->hasAttr(kShortlistsAttr)) {
      error("twice") << "expected a module without lists, but it has some already";
      return signalPassFailure();
    }
    step = findEntries(module).step;
    SmallVector<VocabularyOp> found;
    if (step)
      step.walk([&](VocabularyOp op) { found.push_back(op); });
    if (found.size() != 1) {
      error("no-vocabulary") << "expected a step with one encdec.vocabulary, which "
                                "encdec-fuse-vocabulary makes, but found "
                             << found.size();
      return signalPassFailure();
    }
    vocabulary = found.front();
    NamedAttrList known;
    for (StringRef text : lists) {
      auto [name, file] = text.split('=');
      FailureOr<SmallVector<int32_t>> tokens = read(name, file);
      if (failed(tokens))
        return signalPassFailure();
      if (known.get(name)) {
        error("twice") << "expected lists of different names, but '" << name
                       << "' is the name of two";
        return signalPassFailure();
      }
      known.set(name, DenseI32ArrayAttr::get(&getContext(), *tokens));
    }
    // In the order of the dictionary, by which code and manifest number the lists.
    auto all = known.getDictionary(&getContext());
    module->setAttr(kShortlistsAttr, all);
    for (auto [i, list] : llvm::enumerate(all))
      addStep(int64_t(i) + 1, list.getName(), cast<DenseI32ArrayAttr>(list.getValue()));
  }

private:
  InFlightDiagnostic error(StringRef code) {
    return emitError(getOperation().getLoc(), "add-shortlists [") << code << "]: ";
  }

  /// The ids in a file and the tokens that every sequence may need, ascending, each once.
  FailureOr<SmallVector<int32_t>> read(StringRef name, StringRef file) {
    if (!isName(name) || file.empty())
      return error("form") << "expected NAME=FILE with a name of letters, digits, '_' and '-', "
                              "other than none and language, as in 'fr=fr.ids', but got '"
                           << name << (file.empty() ? "'" : "=…'");
    auto text = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
    if (!text)
      return error("file") << "list '" << name << "': '" << file
                           << "' cannot be read: " << text.getError().message();
    const int64_t size = vocabulary.getLogitBias().getType().getDimSize(1);
    SmallVector<int32_t> tokens = neededTokens();
    const size_t needed = tokens.size();
    StringRef rest = (*text)->getBuffer();
    const StringRef separators = " \t\r\n,[]";
    for (int64_t line = 1;;) {
      const size_t skipped = std::min(rest.find_first_not_of(separators), rest.size());
      line += rest.take_front(skipped).count('\n');
      rest = rest.drop_front(skipped);
      if (rest.empty())
        break;
      StringRef word = rest.take_until([&](char c) { return separators.contains(c); });
      rest = rest.drop_front(word.size());
      int64_t token;
      if (word.getAsInteger(10, token) || token < 0 || token >= size)
        return error("token") << "list '" << name << "': '" << file << "', line " << line
                              << ": expected an id from 0 to " << size - 1 << ", but got '"
                              << word.take_front(20) << "'";
      tokens.push_back(int32_t(token));
    }
    if (tokens.size() == needed)
      return error("token") << "list '" << name << "': '" << file
                            << "': expected ids of tokens, but found none";
    llvm::sort(tokens);
    tokens.erase(llvm::unique(tokens), tokens.end());
    return tokens;
  }

  /// The end tokens, and the tokens that the checkpoint's defaults of generation force.
  SmallVector<int32_t> neededTokens() {
    SmallVector<int32_t> tokens;
    auto add = [&](Attribute value) {
      if (auto token = dyn_cast_if_present<IntegerAttr>(value))
        tokens.push_back(int32_t(token.getInt()));
    };
    auto defaults = getOperation()->getAttrOfType<DictionaryAttr>(kGenerationAttr);
    for (StringRef key : {"eos_token_id", "forced_bos_token_id", "forced_eos_token_id"}) {
      Attribute value = defaults ? defaults.get(key) : Attribute();
      if (auto list = dyn_cast_if_present<ArrayAttr>(value))
        llvm::for_each(list, add);
      else
        add(value);
    }
    return tokens;
  }

  /// The weight of rows `tokens` of the weight `name`, which it stands behind.
  FlatSymbolRefAttr gather(FlatSymbolRefAttr name, StringRef list, DenseI32ArrayAttr tokens) {
    WeightOp whole = lookupWeight(vocabulary, name);
    SmallVector<int64_t> shape(whole.getTensorType().getShape());
    shape[0] = tokens.size();
    OpBuilder builder(&getContext());
    auto part = WeightOp::create(builder, whole.getLoc(),
                                 (whole.getSymName() + "." + list).str(),
                                 RankedTensorType::get(shape, builder.getF32Type()),
                                 GatheredAttr::get(&getContext(), name, tokens.asArrayRef()));
    part.setFormatAttr(whole.getFormatAttr());
    part.setBans(whole.getBans());
    // Under another name, where this one is taken.
    SymbolTable(getOperation()).insert(part, std::next(whole->getIterator()));
    return FlatSymbolRefAttr::get(part.getSymNameAttr());
  }

  void addStep(int64_t number, StringAttr list, DenseI32ArrayAttr tokens) {
    IRMapping mapping;
    func::FuncOp copy = cast<func::FuncOp>(step->clone(mapping));
    copy.setName((step.getName() + "." + list.getValue()).str());
    copy->setAttr(kShortlistAttr, Builder(&getContext()).getI64IntegerAttr(number));
    SymbolTable(getOperation()).insert(copy, std::next(step->getIterator()));
    auto op = cast<VocabularyOp>(mapping.lookup(vocabulary.getOperation()));
    op.setWeightAttr(gather(op.getWeightAttr(), list, tokens));
    if (op.getBias())
      op.setBiasAttr(gather(op.getBiasAttr(), list, tokens));
    auto bias = cast<BlockArgument>(op.getLogitBias());
    bias.setType(RankedTensorType::get({ShapedType::kDynamic, tokens.size()},
                                       Float32Type::get(&getContext())));
    copy.setFunctionType(FunctionType::get(
        &getContext(), copy.getBody().getArgumentTypes(), copy.getFunctionType().getResults()));
  }

  func::FuncOp step;
  VocabularyOp vocabulary;
};

} // namespace
} // namespace encdec
