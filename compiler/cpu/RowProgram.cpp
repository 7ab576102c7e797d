// Row programs as attributes of a call, and where their registers lie.
#include "compiler/cpu/RowProgram.h"
#include "compiler/cpu/CpuKernels.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace encdec::cpu {
namespace {

using Kind = RowStep::Kind;
constexpr StringLiteral kindNames[] = {"quantize", "linear", "elementwise", "norm", "embed"};
/// Bodies are unrolled along some sizes.
constexpr int64_t kMostSize = 1 << 24;

int64_t panelsOf(int64_t width) { return (width + 15) / 16; }

DictionaryAttr attrOf(const RowStep &step, Builder &b) {
  NamedAttrList list;
  list.set("op", b.getStringAttr(kindNames[size_t(step.kind)]));
  list.set("in", b.getDenseI64ArrayAttr(step.inputs));
  list.set("width", b.getI64IntegerAttr(step.width));
  if (step.kind == Kind::linear) {
    list.set("depth", b.getI64IntegerAttr(step.depth));
    list.set("format", b.getStringAttr(formatOf(step.weights).name));
  }
  if (step.kind == Kind::embed) {
    list.set("format", b.getStringAttr(formatOf(step.weights).name));
    list.set("scale", b.getF32FloatAttr(step.scale));
  }
  if (step.kind == Kind::elementwise && step.elementwise.activation)
    list.set("activation",
             ActivationKindAttr::get(b.getContext(), *step.elementwise.activation));
  if (step.kind == Kind::norm) {
    list.set("eps", b.getF32FloatAttr(step.norm.eps));
    list.set("kind", NormKindAttr::get(b.getContext(), step.norm.kind));
    if (step.norm.hasBeta)
      list.set("beta", b.getUnitAttr());
  }
  return list.getDictionary(b.getContext());
}

std::optional<RowStep> stepOf(Attribute attr) {
  auto list = dyn_cast<DictionaryAttr>(attr);
  auto op = list ? list.getAs<StringAttr>("op") : StringAttr();
  auto inputs = list ? list.getAs<DenseI64ArrayAttr>("in") : DenseI64ArrayAttr();
  auto width = list ? list.getAs<IntegerAttr>("width") : IntegerAttr();
  const auto *name = op ? llvm::find(kindNames, op.getValue()) : std::end(kindNames);
  if (name == std::end(kindNames) || !inputs || inputs.size() > 2 || !width)
    return std::nullopt;
  RowStep step{Kind(name - kindNames), llvm::to_vector<2>(inputs.asArrayRef()), width.getInt()};
  auto format = list.getAs<StringAttr>("format");
  auto weights = format ? findWeightKind(format.getValue()) : std::nullopt;
  step.weights = weights.value_or(WeightKind::f32);
  if (step.kind == Kind::linear) {
    auto depth = list.getAs<IntegerAttr>("depth");
    if (!depth || !weights)
      return std::nullopt;
    step.depth = depth.getInt();
  } else if (step.kind == Kind::embed) {
    auto scale = list.getAs<FloatAttr>("scale");
    if (!scale || !scale.getType().isF32() || !weights)
      return std::nullopt;
    step.scale = scale.getValue().convertToFloat();
  } else if (step.kind == Kind::elementwise) {
    auto activation = list.getAs<ActivationKindAttr>("activation");
    step.elementwise.hasOther = inputs.size() > 1;
    if (activation)
      step.elementwise.activation = activation.getValue();
    else if (!step.elementwise.hasOther)
      return std::nullopt;
  } else if (step.kind == Kind::norm) {
    auto eps = list.getAs<FloatAttr>("eps");
    auto kind = list.getAs<NormKindAttr>("kind");
    if (!eps || !eps.getType().isF32() || !kind)
      return std::nullopt;
    step.norm = {step.width, eps.getValue().convertToFloat(), kind.getValue(),
                 bool(list.get("beta"))};
  }
  bool takesTwo = step.kind == Kind::elementwise && step.elementwise.hasOther;
  size_t takes = step.kind == Kind::embed ? 0 : takesTwo ? 2 : 1;
  return step.inputs.size() == takes ? std::optional(step) : std::nullopt;
}

/// Whether step `number` of `program` stands where it may and reads what there is.
bool isSound(const RowProgram &program, int64_t number) {
  const RowStep &step = program.steps[number];
  auto isSize = [](int64_t size) { return size > 0 && size <= kMostSize; };
  bool ofPanels = number >= program.wholeRows, readsPanels = false;
  if (!isSize(step.width) || (step.kind == Kind::linear && !isSize(step.depth)))
    return false;
  for (int64_t input : step.inputs) {
    if (input < 0 || input >= program.operands + number)
      return false;
    const RowStep *maker = program.maker(input);
    bool quantized = maker && maker->kind == Kind::quantize;
    bool wantsQuantized = step.kind == Kind::linear && formatOf(step.weights).roundsActivations;
    int64_t width = step.kind == Kind::linear ? step.depth : step.width;
    // Which operands are quantized is the call's affair (checkOperands of Cpu.cpp).
    if (maker && (quantized != wantsQuantized || maker->width != width))
      return false;
    if (program.isOfPanels(input) && step.kind != Kind::elementwise && ofPanels)
      return false;
    readsPanels |= ofPanels && program.isOfPanels(input);
  }
  if (!ofPanels)
    return true;
  return step.kind == Kind::linear || (step.kind == Kind::elementwise && readsPanels);
}

} // namespace

int64_t RowProgram::lastUse(int64_t reg) const {
  int64_t last = reg < operands ? -1 : reg - operands;
  for (auto [number, step] : llvm::enumerate(steps))
    if (llvm::is_contained(step.inputs, reg))
      last = int64_t(number);
  return last;
}

bool RowProgram::isNormedNext(int64_t number) const {
  const RowStep &step = steps[number];
  return step.kind == Kind::elementwise && !step.elementwise.activation &&
         number + 1 < wholeRows && steps[number + 1].kind == Kind::norm &&
         steps[number + 1].inputs[0] == operands + number;
}

int64_t RowProgram::epilogueOf(int64_t number) const {
  if (steps[number].kind != Kind::linear)
    return 0;
  int64_t end = number < wholeRows ? wholeRows : int64_t(steps.size()), at = number + 1;
  auto isNew = [&](int64_t reg) { return reg >= operands + number; };
  while (at < end && steps[at].kind == Kind::elementwise && !isNormedNext(at) &&
         llvm::any_of(steps[at].inputs, isNew))
    ++at;
  return at - number - 1;
}

DictionaryAttr RowProgram::toAttr(MLIRContext *context) const {
  Builder b(context);
  NamedAttrList list;
  list.set("steps", b.getArrayAttr(llvm::map_to_vector(
                        steps, [&](const RowStep &s) -> Attribute { return attrOf(s, b); })));
  list.set("results", b.getDenseI64ArrayAttr(results));
  list.set("whole_rows", b.getI64IntegerAttr(wholeRows));
  return list.getDictionary(context);
}

std::optional<RowProgram> RowProgram::fromAttr(DictionaryAttr config, int64_t operands) {
  auto steps = config.getAs<ArrayAttr>("steps");
  auto results = config.getAs<DenseI64ArrayAttr>("results");
  auto wholeRows = config.getAs<IntegerAttr>("whole_rows");
  if (!steps || steps.empty() || !results || !wholeRows || wholeRows.getInt() < 0 ||
      wholeRows.getInt() > int64_t(steps.size()))
    return std::nullopt;
  RowProgram program{operands, {}, llvm::to_vector(results.asArrayRef()), wholeRows.getInt()};
  for (Attribute attr : steps) {
    std::optional<RowStep> step = stepOf(attr);
    if (!step)
      return std::nullopt;
    program.steps.push_back(*step);
  }
  for (int64_t number = 0; number < int64_t(steps.size()); ++number)
    if (!isSound(program, number))
      return std::nullopt;
  for (int64_t result : program.results)
    if (result < operands || result >= program.registers() ||
        program.maker(result)->kind == Kind::quantize ||
        llvm::count(program.results, result) > 1)
      return std::nullopt;
  // Panels that are read together are made together, hence as wide.
  for (const RowStep &step : ArrayRef(program.steps).drop_front(program.wholeRows))
    for (int64_t input : step.inputs)
      if (program.isOfPanels(input) && program.maker(input)->width != step.width)
        return std::nullopt;
  return program;
}

std::string RowProgram::name(MLIRContext *context) const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << operands << " " << toAttr(context);
  std::string name = isSplitByRows() ? "fused_rows" : "fused_panels";
  for (const RowStep &step : steps)
    if (step.kind != Kind::quantize && !StringRef(name).ends_with(kindNames[size_t(step.kind)]))
      name += ("_" + kindNames[size_t(step.kind)]).str();
  return name + "_" + llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true);
}

int64_t RowLayout::rowBytesOf(const RowStep &step) {
  return step.kind == Kind::quantize ? quantizedRowBytes(step.width) : rowBytes(step.width);
}

RowLayout::RowLayout(const RowProgram &program)
    : result(program.registers()), scratch(program.registers(), -1),
      firstPanel(program.registers(), 0) {
  int64_t first = program.operands, steps = int64_t(program.steps.size());
  // Steps may write before it is their turn: the kernel of a norm that takes the add before it
  // in, and elementwise steps while the product that they stand behind still reads its rows.
  SmallVector<int64_t> begins = llvm::to_vector(llvm::seq(steps));
  for (int64_t number = 0; number < steps; ++number) {
    if (program.steps[number].kind == Kind::norm)
      begins[number] = std::max<int64_t>(number - 1, 0);
    for (int64_t i = 1; i <= program.epilogueOf(number); ++i)
      begins[number + i] = number;
  }
  // A register that a step reads last may be the memory of what the step makes: norm and
  // elementwise steps read an element before they write it.
  SmallVector<int64_t> home(program.registers());
  for (int64_t reg = 0; reg < program.registers(); ++reg)
    home[reg] = reg;
  for (int64_t number = steps - 1; number >= 0; --number) {
    const RowStep &step = program.steps[number];
    if (step.kind == Kind::linear || step.kind == Kind::quantize)
      continue;
    for (int64_t input : step.inputs)
      if (input >= first && !program.isResult(input) && program.lastUse(input) == number &&
          !llvm::is_contained(program.steps[begins[number]].inputs, input) &&
          program.isOfPanels(input) == program.isOfPanels(first + number)) {
        home[input] = home[first + number];
        break;
      }
  }
  struct Slot {
    int64_t offset, bytes, from, to;
  };
  SmallVector<Slot> slots;
  for (int64_t reg = first; reg < program.registers(); ++reg) {
    if (home[reg] != reg)
      continue;
    // What all workers make is handed out by one of them, from its scratch.
    if (program.isResult(reg) && (program.isSplitByRows() || program.isOfPanels(reg))) {
      result[reg] = llvm::find(program.results, reg) - program.results.begin();
      continue;
    }
    Slot slot{0, kRowBlock * rowBytesOf(*program.maker(reg)), steps, 0};
    for (int64_t other = first; other <= reg; ++other)
      if (home[other] == reg) {
        slot.from = std::min(slot.from, begins[other - first]);
        slot.to = std::max(slot.to, program.lastUse(other));
      }
    for (bool moved = true; moved;) { // the lowest place that is free
      moved = false;
      for (const Slot &other : slots)
        if (slot.from <= other.to && other.from <= slot.to &&
            slot.offset < other.offset + other.bytes && other.offset < slot.offset + slot.bytes) {
          slot.offset = other.offset + other.bytes;
          moved = true;
        }
    }
    slots.push_back(slot);
    scratch[reg] = slot.offset;
    scratchBytes = std::max(scratchBytes, slot.offset + slot.bytes);
  }
  for (int64_t reg = first; reg < program.registers(); ++reg) {
    result[reg] = result[home[reg]];
    scratch[reg] = scratch[home[reg]];
  }
  // Registers of panels that one step reads have the same panels.
  llvm::IntEqClasses together(program.registers());
  for (int64_t reg = first + program.wholeRows; reg < program.registers(); ++reg)
    for (int64_t input : program.maker(reg)->inputs)
      if (program.isOfPanels(input))
        together.join(reg, input);
  for (int64_t reg = first + program.wholeRows; reg < program.registers(); ++reg) {
    int64_t leader = together.findLeader(reg);
    if (leader == reg) {
      firstPanel[reg] = panels;
      panels += panelsOf(program.maker(reg)->width);
    } else {
      firstPanel[reg] = firstPanel[leader];
    }
  }
}

} // namespace encdec::cpu
