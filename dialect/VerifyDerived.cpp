// What a derived weight may name, and the shape that its expression gives. The numbers
// are those of Ops.td.
#include "dialect/Derived.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace encdec;

namespace {

using Shape = SmallVector<int64_t, 2>;
constexpr unsigned maxDepth = 16, maxNamed = 1024;

/// Checks one expression, of a weight or for a new one; errors stand at `at`.
class Check {
public:
  Check(Operation *at, SymbolTableCollection &symbols) : at(at), symbols(symbols) {}

  FailureOr<Shape> run(Attribute origin) {
    SmallVector<WeightOp> path = {dyn_cast<WeightOp>(at)}; // null for a new weight
    if (failed(follow(origin, path)))
      return failure();
    return shapeOf(origin);
  }

  static std::string text(ArrayRef<int64_t> shape) {
    std::string result;
    llvm::raw_string_ostream os(result);
    llvm::interleaveComma(shape, os);
    return result;
  }

private:
  /// C9, C12: follows all names in `origin`, that of the last weight of `path`.
  LogicalResult follow(Attribute origin, SmallVectorImpl<WeightOp> &path) {
    for (FlatSymbolRefAttr name : derivedFrom(origin)) {
      WeightOp next = lookupWeight(symbols, at, name);
      // C9
      if (!next)
        return at->emitOpError("expected ")
               << origin << " to name weights of the module but got " << name;
      // C12
      if (llvm::is_contained(path, next)) {
        InFlightDiagnostic error = at->emitOpError(
            "expected an expression over other weights but @");
        error << next.getSymName() << " is derived from itself: ";
        for (WeightOp step : ArrayRef(path).drop_while([&](WeightOp w) { return w != next; }))
          error << "@" << step.getSymName() << " names ";
        return error << name;
      }
      if (path.size() > maxDepth)
        return at->emitOpError("expected an expression of at most ")
               << maxDepth << " weights in depth but got a deeper one";
      if (++count > maxNamed)
        return at->emitOpError("expected an expression that, written out, names at most ")
               << maxNamed << " weights but got one that names more";
      path.push_back(next);
      if (failed(follow(next.getOrigin(), path)))
        return failure();
      path.pop_back();
    }
    return success();
  }

  ArrayRef<int64_t> shapeOf(FlatSymbolRefAttr name) {
    return lookupWeight(symbols, at, name).getTensorType().getShape();
  }
  InFlightDiagnostic mismatch(StringRef what, FlatSymbolRefAttr a, FlatSymbolRefAttr b) {
    return at->emitOpError("expected ")
           << what << " but got [" << text(shapeOf(a)) << "] of " << a << " and ["
           << text(shapeOf(b)) << "] of " << b;
  }

  /// C10, C11: the shape that an expression gives.
  FailureOr<Shape> shapeOf(Attribute origin) {
    return llvm::TypeSwitch<Attribute, FailureOr<Shape>>(origin)
        .Case([&](ScaledAttr scaled) { return Shape(shapeOf(scaled.getWeight())); })
        .Case([&](ProductAttr product) -> FailureOr<Shape> {
          ArrayRef<int64_t> left = shapeOf(product.getLeft()),
                            right = shapeOf(product.getRight());
          if (left.size() != 2 || left[1] != right[0])
            return mismatch("the factors of a product to be [n, k] and [k, m] or [k]",
                            product.getLeft(), product.getRight());
          Shape shape(right);
          shape[0] = left[0];
          return shape;
        })
        .Case([&](SumAttr sum) -> FailureOr<Shape> {
          if (shapeOf(sum.getLeft()) != shapeOf(sum.getRight()))
            return mismatch("summands of one shape", sum.getLeft(), sum.getRight());
          return Shape(shapeOf(sum.getLeft()));
        })
        .Case([&](RowsAttr part) { return range(part, 0, "rows"); })
        .Case([&](GatheredAttr part) -> FailureOr<Shape> {
          Shape shape(shapeOf(part.getWeight()));
          // C11
          if (part.getRows().empty())
            return at->emitOpError("expected at least one row to gather but got none");
          for (int32_t row : part.getRows())
            if (row < 0 || row >= shape[0])
              return at->emitOpError("expected rows from 0 to ")
                     << shape[0] - 1 << " of " << part.getWeight() << " but got " << row;
          shape[0] = part.getRows().size();
          return shape;
        })
        .Case([&](ColumnsAttr part) { return range(part, 1, "columns"); })
        .Case([&](ConcatAttr concat) { return concatenated(concat); });
  }

  template <typename Part>
  FailureOr<Shape> range(Part part, unsigned dimension, StringRef what) {
    Shape shape(shapeOf(part.getWeight()));
    // C10
    if (dimension >= shape.size())
      return at->emitOpError("expected columns of a 2-D weight but got [")
             << text(shape) << "] of " << part.getWeight();
    // C11
    if (part.getFrom() < 0 || part.getFrom() >= part.getTo() ||
        part.getTo() > shape[dimension])
      return at->emitOpError("expected at least one of the ")
             << shape[dimension] << " " << what << " of " << part.getWeight()
             << " but got those from " << part.getFrom() << " to " << part.getTo();
    shape[dimension] = part.getTo() - part.getFrom();
    return shape;
  }

  FailureOr<Shape> concatenated(ConcatAttr concat) {
    FlatSymbolRefAttr first = concat.getParts().front();
    Shape shape(shapeOf(first));
    for (FlatSymbolRefAttr part : concat.getParts().drop_front()) {
      if (shapeOf(part).drop_front() != ArrayRef(shape).drop_front())
        return mismatch("parts whose rows are of one length", first, part);
      shape[0] += shapeOf(part)[0];
    }
    return shape;
  }

  Operation *at;
  SymbolTableCollection &symbols;
  unsigned count = 0;
};

} // namespace

FailureOr<SmallVector<int64_t, 2>> encdec::derivedShape(Operation *at, Attribute origin,
                                                        SymbolTableCollection &symbols) {
  return Check(at, symbols).run(origin);
}

LogicalResult WeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!isDerived(getOrigin()))
    return success();
  auto shape = derivedShape(*this, getOrigin(), symbols);
  if (failed(shape))
    return failure();
  // C10
  if (ArrayRef<int64_t>(*shape) != getTensorType().getShape())
    return emitOpError("expected ")
           << getOrigin() << " to give its own type " << getTensorType() << " but it gives ["
           << Check::text(*shape) << "]";
  return success();
}
