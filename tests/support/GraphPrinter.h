// Prints rows of random graphs: chance, operands drawn from what has been made so far,
// and the ops that never mix rows.
#pragma once
#include "tests/support/RandomGraph.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <map>
#include <random>
#include <vector>

namespace encdec::test {

using llvm::formatv;
using llvm::StringRef;

enum Side { encoder, decoder };

/// Kinds of places where a wild graph departs from a model; each has one or two kinds.
enum Wild { indexOperands, viewOperands, headCounts, argumentNames, handleTypes, projections,
            results, kinds };

/// Rows that have been made. A view of a handle is no activation: kernels read views
/// only where attention does.
struct Rows {
  std::string name;
  int width;
  Side side;
  bool isView = false;
};

/// One module; the functions and their attentions are RandomGraph.cpp's.
class GraphPrinter {
protected:
  explicit GraphPrinter(uint64_t seed) : random(seed) {}

  //===-- Chance -----------------------------------------------------------===//

  int draw(int low, int high) { // both included; the same in all standard libraries
    return low + int(random() % uint64_t(high - low + 1));
  }
  bool chance(double p) { return double(random() % 1000000) < p * 1e6; }
  bool isWild(Wild what) { return wild >> what & 1 && chance(wildness); }
  template <typename T> const T &oneOf(const std::vector<T> &all) {
    return all[size_t(draw(0, int(all.size()) - 1))];
  }
  template <typename T> void shuffle(std::vector<T> &all) {
    for (size_t i = all.size(); i > 1; --i)
      std::swap(all[i - 1], all[size_t(draw(0, int(i) - 1))]);
  }
  int divisorOf(int number) {
    std::vector<int> all;
    for (int d = 1; d <= number; ++d)
      if (number % d == 0)
        all.push_back(d);
    return oneOf(all);
  }
  /// `right`, or in a wild graph some other index.
  std::string index(const std::string &right) { 
    return isWild(indexOperands) ? oneOf(indices) : right;
  }
  int someWidth() { return chance(0.6) ? width : draw(3, 24); }

  //===-- Text -------------------------------------------------------------===//

  void line(const std::string &text) { body += "    " + text + "\n"; }
  std::string fresh() { return formatv("%{0}", values++); }
  static std::string type(int width, Side side) {
    return formatv("tensor<?x{0}xf32, #encdec.side<{1}>>", width,
                   side == encoder ? "encoder" : "decoder");
  }
  static std::string type(const Rows &x) { return type(x.width, x.side); }
  Rows make(int width, Side side) {
    made.push_back({fresh(), width, side});
    return made.back();
  }

  /// The name of a weight of `shape`, now and then one that is used already.
  std::string weight(const std::string &shape, double scale) {
    std::vector<std::string> &known = weightsOf[shape];
    if (!known.empty() && chance(0.2))
      return oneOf(known);
    std::string name = formatv("@w{0}", weightCount++);
    weights += formatv("  encdec.weight {0} : tensor<{1}xf32> = #encdec.seeded<{2}, {3:f4}>\n",
                       name, shape, draw(1, 1 << 30), scale);
    known.push_back(name);
    return name;
  }
  std::string matrix(int out, int in) {
    return weight(formatv("{0}x{1}", out, in), std::sqrt(3.0 / in));
  }
  std::string vector(int size, double scale) { return weight(formatv("{0}", size), scale); }
  std::string maybeBias(int size, StringRef before) {
    return chance(0.5) ? before.str() + vector(size, 0.3) : "";
  }

  //===-- Operands ---------------------------------------------------------===//

  /// Some rows of `side`, and of `width` unless it is 0; none: an empty name.
  Rows find(Side side, int width = 0) { return find(side, width, isWild(viewOperands)); }
  Rows find(Side side, int width, bool views) {
    std::vector<Rows> fit;
    for (const Rows &x : made)
      if (x.side == side && (!width || x.width == width) && (views || !x.isView))
        fit.push_back(x);
    if (fit.empty())
      return {};
    return chance(0.5) ? fit.back() : oneOf(fit);
  }
  Rows rows(Side side, int width) {
    Rows found = chance(0.7) ? find(side, width) : Rows();
    if (!found.name.empty())
      return found;
    Rows from = find(side); // a view, where a wild step has nothing else
    return linear(from.name.empty() ? find(side, 0, /*views=*/true) : from, width);
  }

  //===-- Ops that never mix rows ------------------------------------------===//

  Rows embed(const std::string &ids, const std::string &positions, int vocabulary, int width,
             Side side) {
    std::string table = weight(formatv("{0}x{1}", vocabulary, width), 1.0), places;
    if (chance(0.7))
      places = ", " + weight(formatv("{0}x{1}", graphPositions, width), 1.0);
    std::string at = index(positions);
    double scale = chance(0.05) ? 0 : chance(0.5) ? 1 : 0.25 * draw(1, 6);
    Rows y = make(width, side);
    line(formatv("{0} = encdec.embed {1} at {2}, {3}{4} {{scale = {5:f4}} : "
                 "tensor<?xi32, #encdec.side<{6}>> -> {7}",
                 y.name, ids, at, table, places, scale,
                 side == encoder ? "encoder" : "decoder", type(y)));
    return y;
  }
  Rows linear(const Rows &x, int width) {
    std::string w = matrix(width, x.width), b = maybeBias(width, ", ");
    Rows y = make(width, x.side);
    line(formatv("{0} = encdec.linear {1}, {2}{3} : {4} -> {5}", y.name, x.name, w, b, type(x),
                 type(y)));
    return y;
  }
  /// Several weights of one input; they all have biases or none.
  void linears(const Rows &x) {
    int count = draw(2, 3);
    bool biased = chance(0.5);
    std::string names = fresh(), ws, bs, types;
    for (int i = 0; i < count; ++i) {
      int out = someWidth();
      StringRef comma = i ? ", " : "";
      ws += comma.str() + matrix(out, x.width);
      bs += comma.str() + vector(out, 0.3);
      types += comma.str() + type(out, x.side);
      made.push_back({formatv("{0}#{1}", names, i), out, x.side});
    }
    line(formatv("{0}:{1} = encdec.linear {2}, [{3}]{4} : {5} -> {6}", names, count, x.name, ws,
                 biased ? ", [" + bs + "]" : "", type(x), types));
  }
  Rows add(const Rows &x, const Rows &y) {
    Rows z = make(x.width, x.side);
    line(formatv("{0} = encdec.add {1}, {2} : {3}, {3}", z.name, x.name, y.name, type(x)));
    return z;
  }
  /// gamma, perhaps beta, and the braces of a norm, without the closing one.
  std::string normed(const Rows &x) {
    std::string gamma = vector(x.width, 1.5), beta = chance(0.6) ? ", " + vector(x.width, 0.3) : "";
    return formatv("{0}{1} {{eps = 1.0e-3{2}", gamma, beta, chance(0.4) ? ", kind = rms" : "");
  }
  Rows norm(const Rows &x) {
    std::string how = normed(x);
    Rows y = make(x.width, x.side);
    line(formatv("{0} = encdec.norm {1}, {2}} : {3}", y.name, x.name, how, type(x)));
    return y;
  }
  std::string kind() {
    return oneOf(std::vector<std::string>{"relu", "gelu", "gelu_tanh", "silu"});
  }
  /// `gate` without a name: none.
  Rows activation(const Rows &x, const Rows &gate = {}) {
    Rows y = make(x.width, x.side);
    line(formatv("{0} = encdec.activation {1}{2} {{kind = {3}} : {4}", y.name, x.name,
                 gate.name.empty() ? "" : " gated " + gate.name, kind(), type(x)));
    return y;
  }
  Rows ffn(const Rows &x) {
    int hidden = draw(3, 24);
    bool isGated = chance(0.4);
    if (chance(0.5)) { // in pieces, of which the gate may come first
      Rows gate = isGated ? linear(x, hidden) : Rows(), up = linear(x, hidden);
      if (chance(0.5) && isGated)
        std::swap(gate, up);
      return linear(activation(up, gate), x.width);
    }
    std::string up = matrix(hidden, x.width), upBias = maybeBias(hidden, " "),
                down = matrix(x.width, hidden), downBias = maybeBias(x.width, " "), gate;
    if (isGated)
      gate = "gate " + matrix(hidden, x.width) + maybeBias(hidden, " ") + ", ";
    Rows y = make(x.width, x.side);
    line(formatv("{0} = encdec.ffn {1}, up {2}{3}, {4}down {5}{6} {{kind = {7}} : {8}", y.name,
                 x.name, up, upBias, gate, down, downBias, kind(), type(x)));
    return y;
  }
  Rows addNorm(const Rows &x, const Rows &residual) {
    if (chance(0.5))
      return norm(add(x, residual));
    std::string how = normed(x), results;
    bool keepsSum = chance(0.4);
    Rows sum = keepsSum ? make(x.width, x.side) : Rows(), y = make(x.width, x.side);
    line(formatv("{0}{1} = encdec.add_norm {2}, {3}, {4}{5}} : {6}, {6}", y.name,
                 keepsSum ? ", " + sum.name : "", x.name, residual.name, how,
                 keepsSum ? ", sum" : "", type(x)));
    return y;
  }
  /// One op, or the few of a block, on what there is of `side`.
  void someRows(Side side) {
    Rows x = find(side);
    if (x.name.empty())
      return;
    switch (draw(0, 6)) {
    case 0:
      return void(linear(x, someWidth()));
    case 1:
      return linears(x);
    case 2:
      return void(add(x, rows(side, x.width)));
    case 3:
      return void(norm(x));
    case 4:
      return void(activation(x, chance(0.3) ? rows(side, x.width) : Rows()));
    case 5:
      return void(ffn(x));
    case 6:
      return void(addNorm(x, rows(side, x.width)));
    }
  }

  std::mt19937_64 random;
  double wildness = 0; // how often such a place departs from a model
  unsigned wild = 0;   // a bit for each Wild that this graph has
  int width = 0;       // most rows have it
  std::string weights, body;
  int weightCount = 0, values = 0;
  std::map<std::string, std::vector<std::string>> weightsOf; // by shape
  // Of the function being printed:
  std::vector<Rows> made;
  std::vector<std::string> indices;
};

} // namespace encdec::test
