// The import judged by numbers, before any code is generated: the reference
// interpreter runs the imported module greedily and must find the tokens and
// log-probabilities that Transformers found in float64 (tests/models).
#include "compiler/import/Import.h"
#include "compiler/place/Weights.h"
#include "dialect/ReferenceRun.h"
#include "tests/support/Goldens.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>

using namespace encdec;
using namespace encdec::test;
using nlohmann::json;
using reference::Tensor;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Greedy {
  std::vector<int64_t> ids;
  std::vector<double> logProbs;
};

/// A checkpoint imported, with greedy decoding by its own generation defaults.
class ReferenceModel {
public:
  explicit ReferenceModel(const std::string &folder) {
    module = importCheckpoint(context, folder, {}, report);
    if (!module)
      return;
    store = std::make_unique<WeightStore>(folder);
    interpreter = std::make_unique<reference::Interpreter>(
        *module, [this](WeightOp weight) { return store->stored(weight); });
    generation =
        (*module)->getAttrOfType<mlir::DictionaryAttr>("encdec.generation");
    auto model = (*module)->getAttrOfType<mlir::DictionaryAttr>("encdec.model");
    vocabulary = model.getAs<mlir::IntegerAttr>("vocab_size").getInt();
    layers = model.getAs<mlir::IntegerAttr>("decoder_layers").getInt();
  }

  ImportReport report;
  bool ok() const { return bool(*module); }

  /// Stops early after `most` tokens: nobody compares the rest.
  Greedy run(const std::vector<int64_t> &source, size_t most);

private:
  std::optional<int64_t> number(llvm::StringRef key) {
    auto value = generation.getAs<mlir::IntegerAttr>(key);
    return value ? std::optional<int64_t>(value.getInt()) : std::nullopt;
  }
  std::vector<int64_t> list(llvm::StringRef key) {
    std::vector<int64_t> tokens;
    if (auto values = generation.getAs<mlir::ArrayAttr>(key))
      for (auto value : values.getAsRange<mlir::IntegerAttr>())
        tokens.push_back(value.getInt());
    return tokens;
  }
  /// The words of one token that are never generated. An end token is no such word.
  std::vector<int64_t> badTokens() {
    std::vector<int64_t> tokens;
    if (auto words = generation.getAs<mlir::ArrayAttr>("bad_words_ids"))
      for (auto word : words.getAsRange<mlir::ArrayAttr>()) {
        auto token = mlir::cast<mlir::IntegerAttr>(word[0]).getInt();
        if (word.size() == 1 && !llvm::is_contained(list("eos_token_id"), token))
          tokens.push_back(token);
      }
    return tokens;
  }
  Tensor bias(const std::vector<int64_t> &source, const std::vector<int64_t> &target,
              int64_t minLength, int64_t maxLength);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<WeightStore> store;
  std::unique_ptr<reference::Interpreter> interpreter;
  mlir::DictionaryAttr generation;
  int64_t vocabulary = 0, layers = 0;
};

Tensor vectorOf(std::vector<double> values) {
  int64_t size = int64_t(values.size());
  return Tensor({size}, std::move(values));
}

/// Bans in `row` every token that would end an n-gram of `text` after `target`.
void banRepeats(Tensor &row, const std::vector<int64_t> &target,
                const std::vector<int64_t> &text, int64_t n) {
  if (n < 1 || int64_t(target.size()) + 1 < n)
    return;
  auto begun = target.end() - (n - 1);
  for (size_t i = 0; i + size_t(n) <= text.size(); ++i)
    if (std::equal(begun, target.end(), text.begin() + i))
      row.values[size_t(text[i + size_t(n) - 1])] = -infinity;
}

/// The additive biases of one step: bans, then lengths, then forced tokens,
/// which override all before them. `target` begins with the start token.
Tensor ReferenceModel::bias(const std::vector<int64_t> &source,
                            const std::vector<int64_t> &target,
                            int64_t minLength, int64_t maxLength) {
  Tensor row({1, vocabulary});
  int64_t length = int64_t(target.size());
  banRepeats(row, target, target, number("no_repeat_ngram_size").value_or(0));
  banRepeats(row, target, source,
             number("encoder_no_repeat_ngram_size").value_or(0));
  for (int64_t token : badTokens())
    row.values[size_t(token)] = -infinity;
  if (length < minLength)
    for (int64_t token : list("eos_token_id"))
      row.values[size_t(token)] = -infinity;
  auto force = [&](llvm::ArrayRef<int64_t> tokens) {
    std::fill(row.values.begin(), row.values.end(), -infinity);
    for (int64_t token : tokens)
      row.values[size_t(token)] = 0;
  };
  if (std::optional<int64_t> first = number("forced_bos_token_id");
      first && length == 1)
    force({*first});
  if (length == maxLength - 1 && !list("forced_eos_token_id").empty())
    force(list("forced_eos_token_id"));
  return row;
}

Greedy ReferenceModel::run(const std::vector<int64_t> &source, size_t most) {
  size_t length = source.size();
  std::vector<double> positions(length);
  for (size_t i = 0; i < length; ++i)
    positions[i] = double(i);
  Tensor offsets = vectorOf({0, double(length)});
  auto encode = module->lookupSymbol<mlir::func::FuncOp>("encode");
  auto encoded = interpreter->run(
      encode, {vectorOf({source.begin(), source.end()}), vectorOf(positions),
               vectorOf(std::vector<double>(length, 0.0)), offsets});
  if (mlir::failed(encoded))
    return {};

  int64_t maxLength = *number("max_length"), minLength = number("min_length").value_or(0);
  if (std::optional<int64_t> fresh = number("max_new_tokens"))
    maxLength = *fresh + 1;
  if (std::optional<int64_t> fresh = number("min_new_tokens"))
    minLength = *fresh + 1;
  std::vector<reference::Value> caches;
  for (int64_t layer = 0; layer < layers; ++layer)
    caches.push_back(std::make_shared<reference::Cache>());
  auto step = module->lookupSymbol<mlir::func::FuncOp>("step");
  Greedy result;
  std::vector<int64_t> target = {*number("decoder_start_token_id")};
  while (result.ids.size() < most &&
         int64_t(result.ids.size()) + 1 < maxLength) {
    int64_t position = int64_t(result.ids.size());
    std::vector<reference::Value> arguments = {
        vectorOf({double(target.back())}),
        vectorOf({double(position)}),
        reference::ownSlots({0}, position),
        vectorOf({0}),
        offsets,
        bias(source, target, minLength, maxLength),
        vectorOf({0}),
        vectorOf({1}),
        (*encoded)[0]};
    arguments.insert(arguments.end(), caches.begin(), caches.end());
    auto best = interpreter->run(step, std::move(arguments));
    if (mlir::failed(best))
      return {};
    int64_t token = int64_t(std::get<Tensor>((*best)[0]).values[0]);
    target.push_back(token);
    result.ids.push_back(token);
    result.logProbs.push_back(std::get<Tensor>((*best)[1]).values[0]);
    if (llvm::is_contained(list("eos_token_id"), token))
      break;
  }
  return result;
}

/// Runs one golden line; how many tokens were compared.
size_t compareLine(ReferenceModel &model, const json &line,
                   const std::vector<double> &logProbs) {
  size_t compare = line["compare"];
  std::vector<int64_t> expected = line["ids"];
  Greedy got = model.run(line["source"], compare);
  EXPECT_GE(got.ids.size(), compare) << line;
  for (size_t i = 0; i < std::min(compare, got.ids.size()); ++i) {
    EXPECT_EQ(got.ids[i], expected[i]) << "step " << i << " of " << line;
    if (!logProbs.empty())
      EXPECT_NEAR(got.logProbs[i], logProbs[i],
                  1e-9 * std::max(1.0, std::abs(logProbs[i])))
          << "step " << i << " of " << line;
  }
  return compare;
}

class RandomModel : public ::testing::TestWithParam<Golden> {};

TEST_P(RandomModel, InterpreterFindsTheReferencesTokensAndLogProbs) {
  const Golden &golden = GetParam();
  ReferenceModel model(golden.folder());
  ASSERT_TRUE(model.report.status.ok()) << model.report.status.message();
  size_t compared = 0, total = 0;
  for (const json &line : golden.model["cases"]) {
    compared += compareLine(model, line, line["log_probs"]);
    total += line["ids"].size();
    ASSERT_FALSE(::testing::Test::HasFailure()); // one line says enough
  }
  EXPECT_GE(double(compared), 0.98 * double(total));
  std::cout << compared << " of " << total << " tokens compared\n";
}

// The model of the examples: f16 weights, 4 + 2 layers. A few lines suffice
// here; compiled code runs them all.
TEST(ExampleModel, InterpreterFindsTheReferencesTokens) {
  ReferenceModel model(ENCDEC_EXAMPLE_MODEL);
  ASSERT_TRUE(model.report.status.ok()) << model.report.status.message();
  json lines = readGoldens("en-fr-200.json")["lines"];
  for (size_t i = 0; i < 20; ++i)
    compareLine(model, lines[i], {});
}

INSTANTIATE_TEST_SUITE_P(Goldens, RandomModel, ::testing::ValuesIn(goldens()),
                         [](const ::testing::TestParamInfo<Golden> &info) {
                           std::string name = info.param.family + "_" + info.param.name();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Goldens, CoverAtLeastTwentyModelsOfEachFamily) {
  std::map<std::string, int> models;
  for (const Golden &golden : goldens())
    ++models[golden.family];
  EXPECT_EQ(models.size(), std::size({ENCDEC_FAMILIES}));
  for (const auto &[family, count] : models)
    EXPECT_GE(count, 20) << family;
}

} // namespace
