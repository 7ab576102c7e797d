// Evaluates derived weights, block by block.
#include "dialect/Derived.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace encdec;

bool encdec::isDerived(Attribute origin) {
  return isa<ScaledAttr, ProductAttr, SumAttr, RowsAttr, GatheredAttr, ColumnsAttr, ConcatAttr>(origin);
}

SmallVector<FlatSymbolRefAttr> encdec::derivedFrom(Attribute origin) {
  SmallVector<FlatSymbolRefAttr> names;
  if (isDerived(origin))
    origin.walkImmediateSubElements(
        [&](Attribute part) { names.push_back(cast<FlatSymbolRefAttr>(part)); },
        [](Type) {});
  return names;
}

// Values in a row; a vector is a column.
static int64_t rowWidth(WeightOp weight) {
  ArrayRef<int64_t> shape = weight.getTensorType().getShape();
  return shape.size() == 1 ? 1 : shape[1];
}

// Rows of `width` values that make a block of at most 1 MB, or one row.
static int64_t blockRows(int64_t width) {
  return std::max<int64_t>(128 * 1024 / width, 1);
}

LogicalResult DerivedWeight::read(int64_t from, MutableArrayRef<float> to) {
  int64_t width = rowWidth(weight), count = to.size() / width, row = from / width;
  std::vector<double> block;
  for (int64_t done = 0; done < count;) {
    int64_t some = std::min(blockRows(width), count - done);
    block.assign(some * width, 0.0);
    if (failed(rows(weight, row + done, block)))
      return failure();
    llvm::transform(block, to.begin() + done * width,
                    [](double value) { return static_cast<float>(value); });
    done += some;
  }
  return success();
}

// Rows `from` … of `of`, as many as `to` has room for.
LogicalResult DerivedWeight::rows(WeightOp of, int64_t from, Block to) {
  return llvm::TypeSwitch<Attribute, LogicalResult>(of.getOrigin())
      .Case([&](ScaledAttr scaled) -> LogicalResult {
        if (failed(rows(named(scaled.getWeight()), from, to)))
          return failure();
        double factor = scaled.getFactor().convertToDouble();
        for (double &value : to)
          value *= factor;
        return success();
      })
      .Case([&](SumAttr sum) -> LogicalResult {
        std::vector<double> right(to.size());
        if (failed(rows(named(sum.getLeft()), from, to)) ||
            failed(rows(named(sum.getRight()), from, right)))
          return failure();
        for (size_t i = 0; i < to.size(); ++i)
          to[i] += right[i];
        return success();
      })
      .Case([&](RowsAttr part) {
        return rows(named(part.getWeight()), part.getFrom() + from, to);
      })
      .Case([&](GatheredAttr gathered) { return gatheredRows(gathered, from, to); })
      .Case([&](ProductAttr product) { return productRows(product, from, to); })
      .Case([&](ColumnsAttr columns) { return columnRows(columns, from, to); })
      .Case([&](ConcatAttr concat) { return concatRows(concat, from, to); })
      .Default([&](Attribute) { return leafRows(of, from, to); });
}

LogicalResult DerivedWeight::leafRows(WeightOp of, int64_t from, Block to) {
  std::vector<float> values(to.size());
  if (failed(reader(of, from * rowWidth(of), values)))
    return failure();
  llvm::copy(values, to.begin());
  return success();
}

// out[j] += sum over k of a[k] * b[k, j], k ascending. Four terms at a time, since loading
// and storing out[j] costs more than adding to it.
static void addProduct(ArrayRef<double> a, const double *b, MutableArrayRef<double> out) {
  size_t k = 0, width = out.size();
  for (; k + 4 <= a.size(); k += 4) {
    const double *row = b + k * width;
    for (size_t j = 0; j < width; ++j) {
      double sum = out[j] + a[k] * row[j];
      sum += a[k + 1] * row[width + j];
      sum += a[k + 2] * row[2 * width + j];
      sum += a[k + 3] * row[3 * width + j];
      out[j] = sum;
    }
  }
  for (; k < a.size(); ++k)
    for (size_t j = 0; j < width; ++j)
      out[j] += a[k] * b[k * width + j];
}

LogicalResult
DerivedWeight::forEachRow(WeightOp of, int64_t from, int64_t count,
                          function_ref<void(int64_t, ArrayRef<double>)> body) {
  int64_t width = rowWidth(of);
  std::vector<double> block;
  for (int64_t done = 0; done < count;) {
    int64_t some = std::min(blockRows(width), count - done);
    block.resize(some * width);
    if (failed(rows(of, from + done, block)))
      return failure();
    for (int64_t i = 0; i < some; ++i)
      body(done + i, ArrayRef(block).slice(i * width, width));
    done += some;
  }
  return success();
}

// to[i, j] = sum over k of left[i, k] * right[k, j]: no bit depends on the blocks.
LogicalResult DerivedWeight::productRows(ProductAttr product, int64_t from, Block to) {
  WeightOp left = named(product.getLeft()), right = named(product.getRight());
  int64_t depth = rowWidth(left), width = rowWidth(right);
  auto [known, isNew] = rightOperands.try_emplace(right);
  std::vector<double> &b = known->second; // [depth, width]
  if (isNew) {
    b.resize(depth * width);
    if (failed(rows(right, 0, b)))
      return failure();
  }
  return forEachRow(left, from, to.size() / width, [&](int64_t i, ArrayRef<double> a) {
    Block out = to.slice(i * width, width);
    llvm::fill(out, 0.0);
    addProduct(a, b.data(), out);
  });
}

LogicalResult DerivedWeight::columnRows(ColumnsAttr columns, int64_t from, Block to) {
  int64_t width = columns.getTo() - columns.getFrom();
  return forEachRow(named(columns.getWeight()), from, to.size() / width,
                    [&](int64_t i, ArrayRef<double> row) {
                      llvm::copy(row.slice(columns.getFrom(), width),
                                 to.begin() + i * width);
                    });
}

// Rows that follow each other in the named weight are read in one piece.
LogicalResult DerivedWeight::gatheredRows(GatheredAttr gathered, int64_t from, Block to) {
  WeightOp of = named(gathered.getWeight());
  int64_t width = rowWidth(of);
  ArrayRef<int32_t> wanted = gathered.getRows().slice(from, to.size() / width);
  while (!wanted.empty()) {
    size_t run = 1;
    while (run < wanted.size() && wanted[run] == wanted[run - 1] + 1)
      ++run;
    if (failed(rows(of, wanted.front(), to.take_front(run * width))))
      return failure();
    wanted = wanted.drop_front(run);
    to = to.drop_front(run * width);
  }
  return success();
}

LogicalResult DerivedWeight::concatRows(ConcatAttr concat, int64_t from, Block to) {
  for (FlatSymbolRefAttr name : concat.getParts()) {
    WeightOp part = named(name);
    int64_t width = rowWidth(part), count = part.getTensorType().getDimSize(0);
    if (to.empty())
      break;
    if (from >= count) { // the block begins in a later part
      from -= count;
      continue;
    }
    int64_t some = std::min<int64_t>(count - from, to.size() / width);
    if (failed(rows(part, from, to.take_front(some * width))))
      return failure();
    to = to.drop_front(some * width);
    from = 0;
  }
  return success();
}

FailureOr<std::vector<float>>
encdec::storedValues(WeightOp weight,
                     function_ref<FailureOr<std::vector<float>>(WeightOp)> read) {
  if (!isDerived(weight.getOrigin()))
    return read(weight);
  std::map<Operation *, std::vector<float>> known;
  auto reader = [&](WeightOp leaf, int64_t from, MutableArrayRef<float> to) -> LogicalResult {
    auto [found, isNew] = known.try_emplace(leaf);
    if (isNew) {
      FailureOr<std::vector<float>> values = read(leaf);
      if (failed(values) || int64_t(values->size()) != leaf.getTensorType().getNumElements())
        return failure();
      found->second = std::move(*values);
    }
    std::copy_n(found->second.begin() + from, to.size(), to.begin());
    return success();
  };
  std::vector<float> values(weight.getTensorType().getNumElements());
  if (failed(DerivedWeight(weight, reader).read(0, values)))
    return failure();
  return values;
}
