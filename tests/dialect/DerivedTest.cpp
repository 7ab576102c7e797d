// Derived weights: each expression against numbers worked out by hand and against other
// loops in long double, block by block and whole.
#include "dialect/Derived.h"
#include "dialect/Origin.h"
#include "tests/dialect/TestModule.h"
#include <cmath>
#include <random>

using namespace encdec;
using mlir::succeeded;

namespace {

/// Rows of numbers; a vector has one number in each.
using Table = std::vector<std::vector<long double>>;

/// The values of weights that no expression is behind.
mlir::LogicalResult readOrigin(WeightOp weight, int64_t from, llvm::MutableArrayRef<float> to) {
  auto values = originValues(weight);
  if (mlir::failed(values))
    return mlir::failure();
  std::copy_n(values->begin() + from, to.size(), to.begin());
  return mlir::success();
}

class Derived : public testing::Test {
protected:
  void load(const std::string &text) { test = std::make_unique<TestModule>(text); }
  WeightOp weight(llvm::StringRef name) {
    return test->module->lookupSymbol<WeightOp>(name);
  }
  /// All values of a weight, from rows read `rows` at a time.
  std::vector<float> read(llvm::StringRef name, int64_t rows) {
    llvm::ArrayRef<int64_t> shape = weight(name).getTensorType().getShape();
    int64_t width = shape.size() == 1 ? 1 : shape[1];
    std::vector<float> values(shape[0] * width);
    DerivedWeight derived(weight(name), readOrigin);
    for (int64_t from = 0; from < shape[0]; from += rows) {
      int64_t some = std::min(rows, shape[0] - from);
      EXPECT_TRUE(succeeded(
          derived.read(from * width, {values.data() + from * width, size_t(some * width)})));
    }
    return values;
  }
  std::vector<float> whole(llvm::StringRef name) {
    auto values = storedValues(weight(name), originValues);
    EXPECT_TRUE(succeeded(values)) << test->messages;
    return *values;
  }
  void expect(llvm::StringRef name, const std::vector<float> &expected) {
    EXPECT_EQ(whole(name), expected) << name.str();
    for (int64_t rows : {1, 2, 3})
      EXPECT_EQ(read(name, rows), expected) << name.str() << " by " << rows;
  }
  std::unique_ptr<TestModule> test;
};

constexpr const char *byHand = R"mlir(
encdec.weight @m : tensor<2x3xf32> = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
encdec.weight @n : tensor<3x2xf16> = dense<[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]> : tensor<3x2xf16>
encdec.weight @u : tensor<3xbf16> = dense<[1.0, 2.0, -1.0]> : tensor<3xbf16>
encdec.weight @v : tensor<2xf32> = dense<[7.0, 8.0]> : tensor<2xf32>
)mlir";

TEST_F(Derived, EachExpressionHasItsValuesByHand) {
  load(std::string(byHand) + R"mlir(
    encdec.weight @scaled : tensor<2x3xf32> = #encdec.scaled<@m, -0.5>
    encdec.weight @scaled.v : tensor<2xf32> = #encdec.scaled<@v, 2.0>
    encdec.weight @product : tensor<2x2xf32> = #encdec.product<@m, @n>
    encdec.weight @product.v : tensor<2xf32> = #encdec.product<@m, @u>
    encdec.weight @sum : tensor<2x3xf32> = #encdec.sum<@m, @scaled>
    encdec.weight @sum.v : tensor<2xf32> = #encdec.sum<@product.v, @v>
    encdec.weight @rows : tensor<2x2xf32> = #encdec.rows<@n, 1, 3>
    encdec.weight @rows.v : tensor<1xf32> = #encdec.rows<@u, 2, 3>
    encdec.weight @gathered : tensor<4x2xf32> = #encdec.gathered<@n, [2, 0, 1, 1]>
    encdec.weight @gathered.v : tensor<2xf32> = #encdec.gathered<@u, [0, 2]>
    encdec.weight @columns : tensor<2x2xf32> = #encdec.columns<@m, 1, 3>
    encdec.weight @concat : tensor<5x2xf32> = #encdec.concat<[@n, @product]>
    encdec.weight @concat.v : tensor<5xf32> = #encdec.concat<[@v, @u]>
    encdec.weight @deep : tensor<2x2xf32> = #encdec.rows<@concat, 2, 4>)mlir");
  expect("scaled", {-0.5, -1, -1.5, -2, -2.5, -3});
  expect("scaled.v", {14, 16});
  expect("product", {14, 140, 32, 320});
  expect("product.v", {1 + 4 - 3, 4 + 10 - 6});
  expect("sum", {0.5, 1, 1.5, 2, 2.5, 3});
  expect("sum.v", {9, 16});
  expect("rows", {2, 20, 3, 30});
  expect("rows.v", {-1});
  expect("gathered", {3, 30, 1, 10, 2, 20, 2, 20});
  expect("gathered.v", {1, -1});
  expect("columns", {2, 3, 5, 6});
  expect("concat", {1, 10, 2, 20, 3, 30, 14, 140, 32, 320});
  expect("concat.v", {7, 8, 1, 2, -1});
  expect("deep", {3, 30, 14, 140});
}

TEST_F(Derived, RoundsOnceAtTheEndOfTheExpression) {
  // 1 + 2^-24 is no f32: where each step rounded, taking 1 away would leave 0.
  load(R"mlir(
    encdec.weight @one : tensor<1x1xf32> = dense<1.0> : tensor<1x1xf32>
    encdec.weight @small : tensor<1x1xf32> = dense<0x33800000> : tensor<1x1xf32>
    encdec.weight @both : tensor<1x1xf32> = #encdec.sum<@one, @small>
    encdec.weight @minus : tensor<1x1xf32> = #encdec.scaled<@one, -1.0>
    encdec.weight @left : tensor<1x1xf32> = #encdec.sum<@both, @minus>
    encdec.weight @pair : tensor<3x1xf32> = #encdec.concat<[@one, @small, @minus]>
    encdec.weight @ones : tensor<1x3xf32> = dense<1.0> : tensor<1x3xf32>
    encdec.weight @dot : tensor<1x1xf32> = #encdec.product<@ones, @pair>)mlir");
  EXPECT_EQ(whole("both")[0], 1.0f);
  EXPECT_EQ(whole("left")[0], 0x1p-24f);
  EXPECT_EQ(whole("dot")[0], 0x1p-24f);
}

TEST_F(Derived, AConcatenationHasParts) {
  load("");
  mlir::Location loc = test->module->getLoc();
  EXPECT_FALSE(ConcatAttr::getChecked([&] { return mlir::emitError(loc); },
                                      test->module->getContext(),
                                      llvm::ArrayRef<mlir::FlatSymbolRefAttr>()));
  EXPECT_EQ(test->messages, "expected at least one part, but got none\n");
}

/// A random expression and its values: the text of the weights, and those of the last.
class RandomExpressions {
public:
  explicit RandomExpressions(uint64_t seed) : random(seed) {}
  std::string text;

  struct Named {
    std::string name;
    bool vector;
    Table values;
  };

  Named leaf(int64_t rows, int64_t width, bool vector) {
    uint64_t seed = random() % 1000;
    Named made{"e" + std::to_string(next++), vector, table(rows, width)};
    for (int64_t i = 0; i < rows * width; ++i)
      made.values[i / width][i % width] = float(seededValue(seed, i, 1.0));
    define(made, "#encdec.seeded<" + std::to_string(seed) + ", 1.0>");
    return made;
  }

  Named expression(int64_t rows, int64_t width, bool vector, int depth) {
    if (depth == 0)
      return leaf(rows, width, vector);
    auto below = [&](int64_t r, int64_t w, bool v) {
      return expression(r, w, v, random() % depth);
    };
    Named made{"", vector, table(rows, width)};
    std::string origin;
    auto each = [&](auto value) {
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < width; ++j)
          made.values[i][j] = value(i, j);
    };
    int64_t extra = random() % 4, before = random() % 3;
    std::string range = ", " + std::to_string(before) + ", ";
    switch (random() % (vector ? 5 : 6)) {
    case 0: {
      Named a = below(rows, width, vector);
      each([&](int64_t i, int64_t j) { return -1.25L * a.values[i][j]; });
      origin = "scaled<@" + a.name + ", -1.25>";
      break;
    }
    case 1: {
      Named a = below(rows, width, vector), b = below(rows, width, vector);
      each([&](int64_t i, int64_t j) { return a.values[i][j] + b.values[i][j]; });
      origin = "sum<@" + a.name + ", @" + b.name + ">";
      break;
    }
    case 2: {
      int64_t inner = 1 + random() % 7;
      Named a = below(rows, inner, false), b = below(inner, width, vector);
      each([&](int64_t i, int64_t j) {
        long double sum = 0;
        for (int64_t k = 0; k < inner; ++k)
          sum += a.values[i][k] * b.values[k][j];
        return sum;
      });
      origin = "product<@" + a.name + ", @" + b.name + ">";
      break;
    }
    case 3: {
      Named a = below(before + rows + extra, width, vector);
      each([&](int64_t i, int64_t j) { return a.values[before + i][j]; });
      origin = "rows<@" + a.name + range + std::to_string(before + rows) + ">";
      break;
    }
    case 4: {
      if (rows == 1)
        return leaf(rows, width, vector);
      int64_t first = 1 + random() % (rows - 1);
      Named a = below(first, width, vector), b = below(rows - first, width, vector);
      each([&](int64_t i, int64_t j) {
        return i < first ? a.values[i][j] : b.values[i - first][j];
      });
      origin = "concat<[@" + a.name + ", @" + b.name + "]>";
      break;
    }
    default: {
      Named a = below(rows, before + width + extra, false);
      each([&](int64_t i, int64_t j) { return a.values[i][before + j]; });
      origin = "columns<@" + a.name + range + std::to_string(before + width) + ">";
    }
    }
    made.name = "e" + std::to_string(next++);
    define(made, "#encdec." + origin);
    return made;
  }

private:
  static Table table(int64_t rows, int64_t width) {
    return Table(rows, std::vector<long double>(width));
  }
  void define(const Named &made, const std::string &origin) {
    std::string shape = std::to_string(made.values.size()) + "x";
    if (!made.vector)
      shape += std::to_string(made.values[0].size()) + "x";
    text += "encdec.weight @" + made.name + " : tensor<" + shape + "f32> = " + origin + "\n";
  }
  std::mt19937_64 random;
  int next = 0;
};

TEST_F(Derived, RandomExpressionsAreThoseOfOtherLoops) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    RandomExpressions expressions(seed);
    std::mt19937 random(seed);
    bool vector = random() % 4 == 0;
    auto made = expressions.expression(1 + random() % 9, vector ? 1 : 1 + random() % 9,
                                       vector, 1 + random() % 5);
    load(expressions.text);
    std::vector<float> values = whole(made.name);
    for (int64_t rows : {1, 4})
      ASSERT_EQ(read(made.name, rows), values) << "in blocks of " << rows;
    size_t i = 0;
    for (const auto &row : made.values)
      for (long double value : row) {
        // f64 leaves less than an f32's half step of an f32 that is near enough.
        EXPECT_NEAR(values[i], value, std::abs(value) * 0x1.01p-24L + 1e-13L) << i;
        ++i;
      }
    ASSERT_EQ(i, values.size());
  }
}

TEST_F(Derived, TakesTheCheckpointsNumbersNotTheirFormats) {
  load(R"mlir(
    encdec.weight @same : tensor<8x8xf32> = #encdec.scaled<@w2, 1.0>
    func.func @f(%x: !d) -> !d {
      %y = encdec.linear %x, @same : !d -> !d
      return %y : !d
    }
)mlir");
  std::vector<float> stored = *originValues(weight("w2")); // in format int8
  EXPECT_EQ(whole("same"), stored);
  // The interpreter finds the same, and a format of the derived weight's own.
  reference::Tensor x({1, 8}, {1, 0, 0, 0, 0, 0, 0, 0});
  auto column = [&] {
    return test->run({x}).front().values;
  };
  for (int64_t i = 0; i < 8; ++i)
    EXPECT_EQ(column()[i], stored[i * 8]);
  weight("same").setFormat("int8");
  std::vector<float> kept = logicalValues(weight("w2"), stored);
  EXPECT_NE(kept, stored);
  for (int64_t i = 0; i < 8; ++i)
    EXPECT_EQ(column()[i], kept[i * 8]);
}

TEST_F(Derived, ReadsFilesByTheReaderAndSaysWhenItCannot) {
  load(R"mlir(
    encdec.weight @stored : tensor<8x8xf32> = #encdec.file<"model.safetensors", 0>
    encdec.weight @twice : tensor<8x8xf32> = #encdec.sum<@stored, @stored>
    func.func @f(%x: !d) -> !d {
      %y = encdec.linear %x, @twice : !d -> !d
      return %y : !d
    })mlir");
  reference::Tensor x({1, 8}, {1, 2, 3, 4, 5, 6, 7, 8});
  reference::Interpreter unread(*test->module);
  EXPECT_TRUE(mlir::failed(unread.run(test->function(), {x})));
  EXPECT_NE(test->messages.find("cannot read the values of weight @twice"),
            std::string::npos)
      << test->messages;
  for (size_t count : {64, 63}) { // one value too few is not read past its end
    reference::Interpreter reading(
        *test->module, [&](WeightOp) { return std::vector<float>(count, 0.5f); });
    auto y = reading.run(test->function(), {x});
    ASSERT_EQ(succeeded(y), count == 64);
    if (count == 64)
      EXPECT_EQ(std::get<reference::Tensor>(y->front()).values, std::vector<double>(8, 36));
  }
}

} // namespace
