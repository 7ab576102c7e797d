// Prints a graph op by op: attention, handles and the two functions.
#include "tests/support/GraphPrinter.h"
#include <algorithm>

namespace encdec::test {
namespace {

/// A memory or cache, as both functions declare it.
struct Handle {
  std::string name; // also its encdec.arg
  int heads, headSize;
  int width() const { return heads * headSize; }
};

struct View {
  size_t handle;
  std::string key, value, offsets, rows; // rows: of caches only
};

class Printer : GraphPrinter {
public:
  explicit Printer(uint64_t seed) : GraphPrinter(seed) {}

  RandomGraph print() {
    const double odds[] = {0, 0, 0, 0.02, 0.1, 0.4};
    wildness = odds[draw(0, 5)];
    wild = 1u << draw(0, kinds - 1) | 1u << draw(0, kinds - 1);
    isHoisted = chance(0.5);
    // Now and then panels of 16 columns are whole, or more than a tile has side by side.
    width = chance(0.15) ? oneOf(std::vector<int>{31, 32, 33, 48, 49, 65, 80}) : draw(4, 24);
    vocabulary = chance(0.1) ? draw(127, 129) : draw(3, 24); // kernels scan blocks of 128
    sourceVocabulary = chance(0.5) ? vocabulary : draw(3, 24);
    for (int i = 0, count = draw(1, 2); i < count; ++i) {
      if (isHoisted)
        memories.push_back(handle("memory", i));
      caches.push_back(handle("cache", i));
    }
    encode("encode");
    step("step");
    if (isWild(results) && chance(0.3))
      chance(0.5) ? encode("encode_again") : step("step_again");
    return {"module {\n" + weights + body + "}\n", vocabulary, sourceVocabulary};
  }

private:
  //===-- Attention --------------------------------------------------------===//

  /// What adds a bias to scores of one side, and its type; empty where there is none, as in
  /// graphs whose positions or offsets may be others than those of the keys: the verifiers
  /// refuse them.
  std::pair<std::string, std::string> relativeBias(Side side, const std::string &in,
                                                   const std::string &positions, int heads) {
    if (wild >> indexOperands & 1 || wild >> viewOperands & 1 || wild >> headCounts & 1 ||
        chance(0.6))
      return {};
    std::string of = side == encoder ? "over " + in : "to %positions";
    std::string type = formatv("tensor<{0}x?xf32, #encdec.side<{1}>>", heads,
                               side == encoder ? "encoder" : "decoder");
    std::vector<std::string> &known = biasesOf[of + type];
    if (known.empty() || chance(0.5)) {
      // No other weight has as many rows: a table is none that is multiplied too.
      std::string table =
          weight(formatv("{0}x{1}", oneOf(std::vector<int>{26, 34, 40}), heads), 1.5);
      known.push_back(fresh());
      line(formatv("{0} = encdec.relative_bias {1} {2} {{max_distance = {3}} : {4}",
                   known.back(), table, of, draw(21, 60), type));
    }
    return {" bias " + oneOf(known) + " at %positions", ", " + type};
  }

  /// `positions` empty: not causal.
  Rows attention(const Rows &q, const Rows &k, const Rows &v, const std::string &of,
                 const std::string &in, const std::string &positions, int heads) {
    if (isWild(headCounts))
      heads = divisorOf(q.width);
    double scale = chance(0.05) ? 0 : chance(0.8) ? 1 / std::sqrt(double(q.width / heads))
                                                  : 0.1 * draw(-8, 8);
    bool isCross = q.side != k.side;
    auto [bias, biasType] = isCross ? std::pair<std::string, std::string>()
                                    : relativeBias(q.side, in, positions, heads);
    if (chance(0.5)) {
      Rows y = make(v.width, q.side);
      std::string probs, results = y.name;
      if (chance(0.05)) {
        probs = formatv(", probs = [{0}]", draw(0, heads - 1));
        results += ", " + fresh();
      }
      line(formatv("{0} = encdec.{1} {2}, {3}, {4} of {5} in {6}{7}{8} {{heads = {9}, scale = "
                   "{10:e}{11}} : {12}, {13}, {14}{15}",
                   results, isCross ? "cross_attention" : "self_attention", q.name, k.name,
                   v.name, of, in, bias, positions.empty() ? "" : " causal at " + positions,
                   heads, scale, probs, type(q), type(k), type(v), biasType));
      return y;
    }
    std::string s = fresh(), p = fresh(),
                t = formatv("tensor<{0}x?x?xf32, #encdec.side<{1}>>", heads,
                            q.side == encoder ? "encoder" : "decoder");
    line(formatv("{0} = encdec.scores {1}, {2} of {3} in {4}{5} {{heads = {6}, scale = {7:e}} "
                 ": {8}, {9}{10}",
                 s, q.name, k.name, of, in, bias, heads, scale, type(q), type(k), biasType));
    if (!positions.empty()) {
      std::string masked = fresh();
      line(formatv("{0} = encdec.mask {1} at {2} : {3}", masked, s, positions, t));
      s = masked;
    }
    line(formatv("{0} = encdec.softmax {1} : {2}", p, s, t));
    Rows y = make(v.width, q.side);
    line(formatv("{0} = encdec.context {1}, {2} of {3} in {4} {{heads = {5}} : {6}, {7}", y.name,
                 p, v.name, index(of), index(in), heads, t, type(v)));
    return y;
  }

  using GraphPrinter::type;
  static std::string type(StringRef kind, const Handle &h) {
    return formatv("!encdec.{0}<{1}x{2}>", kind, h.heads, h.headSize);
  }
  Handle handle(StringRef kind, int number) {
    int size = chance(0.7) ? width : draw(3, 24), heads = divisorOf(size);
    return {formatv("{0}.{1}", kind, number), heads, size / heads};
  }
  /// A view of a handle, now and then one that was taken before.
  View view(StringRef kind, size_t at, const Handle &h, std::vector<View> &taken) {
    std::vector<View> fit;
    for (const View &known : taken)
      if (known.handle == at || isWild(viewOperands))
        fit.push_back(known);
    if (!fit.empty() && chance(0.2))
      return oneOf(fit);
    std::string r = fresh();
    View view{at, r + "#0", r + "#1", r + "#2", ""};
    if (kind == "memory") {
      line(formatv("{0}:3 = encdec.memory_read %{1} : {2}", r, argument(h.name), type(kind, h)));
    } else {
      view.rows = r + "#3";
      line(formatv("{0}:4 = encdec.cache_read %{1} of %ancestors to {2} : {3}", r,
                   argument(h.name), index("%positions"), type(kind, h)));
      indices.push_back(view.rows);
    }
    indices.push_back(view.offsets);
    Side side = kind == "memory" ? encoder : decoder;
    made.push_back({view.key, h.width(), side, true});
    made.push_back({view.value, h.width(), side, true});
    taken.push_back(view);
    return view;
  }
  void append(const Handle &h) {
    Rows k = rows(decoder, h.width()), v = rows(decoder, h.width());
    line(formatv("encdec.cache_append %{0}, {1}, {2} of %ancestors at {3} : {4}, {5}, {5}",
                 argument(h.name), k.name, v.name, index("%positions"), type("cache", h),
                 type(k)));
  }
  /// Keys or values of a view, or anything that verifies in their place.
  Rows viewed(const std::string &right, int width, Side side) {
    return isWild(viewOperands) ? find(side, width, /*views=*/true)
                                : Rows{right, width, side, true};
  }
  void selfAttention() {
    size_t at = size_t(draw(0, int(caches.size()) - 1));
    const Handle &h = caches[at];
    Rows q = rows(decoder, h.width());
    if (!appended[at] || chance(0.5))
      append(h), appended[at] = true;
    View seen = view("cache", at, h, cacheViews);
    if (chance(0.05)) // an append after the view: the attention's view is stale
      append(h);
    int width = caches[seen.handle].width();
    if (width != q.width)
      q = rows(decoder, width);
    attention(q, viewed(seen.key, width, decoder), viewed(seen.value, width, decoder),
              index(seen.rows), index(seen.offsets),
              chance(0.7) ? index("%positions") : std::string(), caches[seen.handle].heads);
  }
  void crossAttention() {
    if (isHoisted) {
      size_t at = size_t(draw(0, int(memories.size()) - 1));
      View seen = view("memory", at, memories[at], memoryViews);
      const Handle &h = memories[seen.handle];
      attention(rows(decoder, h.width()), viewed(seen.key, h.width(), encoder),
                viewed(seen.value, h.width(), encoder), index("%sources"), index(seen.offsets),
                "", h.heads);
      return;
    }
    if (!keysOfCross.empty() && chance(0.3)) { // those of another attention, perhaps in other heads
      auto [k, v] = oneOf(keysOfCross);
      attention(rows(decoder, k.width), k, v, index("%sources"), index("%offsets"), "",
                divisorOf(k.width));
      return;
    }
    int size = someWidth();
    Rows k = rows(encoder, size), v = rows(encoder, size);
    if (chance(0.7)) { // as a model has them
      Rows memory{"%memory", width, encoder};
      k = linear(memory, size), v = linear(memory, size);
    }
    if (chance(0.1))
      std::swap(k, v);
    if (chance(0.05))
      v = k;
    keysOfCross.push_back({k, v});
    attention(rows(decoder, size), k, v, index("%sources"), index("%offsets"), "",
              divisorOf(size));
  }

  //===-- Functions --------------------------------------------------------===//

  static std::string argument(const std::string &name) {
    std::string result = name;
    std::replace(result.begin(), result.end(), '.', '_');
    return result;
  }
  void begin(StringRef name, StringRef entry, std::vector<std::pair<std::string, std::string>> list,
             const std::string &results) {
    made.clear(), cacheViews.clear(), memoryViews.clear(), indices.clear(), biasesOf.clear();
    keysOfCross.clear();
    std::map<std::string, std::vector<std::string>> roles; // by type, handles by kind
    auto kindOf = [](const std::string &type) { return type.substr(0, type.find('<')); };
    for (auto &[role, type] : list)
      roles[type[0] == '!' ? kindOf(type) : type].push_back(role);
    shuffle(list);
    body += formatv("  func.func @{0}(", name);
    for (auto [i, each] : llvm::enumerate(list)) {
      auto &[role, type] = each;
      std::string said =
          isWild(argumentNames) ? oneOf(roles[type[0] == '!' ? kindOf(type) : type]) : role;
      body += formatv("{0}%{1}: {2}{3}", i ? ", " : "", argument(role), type,
                      isWild(argumentNames) && chance(0.3) ? std::string()
                               : formatv(" {{encdec.arg = \"{0}\"}", said).str());
      if (type == "tensor<?xi32>")
        indices.push_back("%" + argument(role));
    }
    body += formatv("){0} attributes {{encdec.entry = \"{1}\"} {{\n", results, entry);
  }
  /// The same handle, in a wild graph with other heads.
  Handle seen(Handle h) {
    if (isWild(handleTypes)) {
      int heads = divisorOf(h.width());
      h = {h.name, heads, h.width() / heads};
    }
    return h;
  }

  void encode(StringRef name) {
    std::vector<std::pair<std::string, std::string>> list{
        {"tokens", "tensor<?xi32, #encdec.side<encoder>>"},
        {"positions", "tensor<?xi32>"},
        {"rows", "tensor<?xi32>"},
        {"offsets", "tensor<?xi32>"}};
    std::vector<Handle> own;
    for (const Handle &h : memories) {
      own.push_back(seen(h));
      list.push_back({h.name, type("memory", own.back())});
    }
    begin(name, "encode", list, isHoisted ? "" : " -> " + type(width, encoder));
    embed("%tokens", "%positions", sourceVocabulary, someWidth(), encoder);
    for (int i = 0, count = draw(0, 6); i < count; ++i) {
      if (chance(0.1)) {
        embed("%tokens", "%positions", sourceVocabulary, someWidth(), encoder);
      } else if (chance(0.3)) {
        int size = someWidth();
        Rows q = rows(encoder, size), k = rows(encoder, size), v = rows(encoder, size);
        attention(q, k, v, index("%rows"), index("%offsets"), "", divisorOf(size));
      } else {
        someRows(encoder);
      }
    }
    shuffle(own);
    for (const Handle &h : own)
      for (int i = isWild(projections) ? draw(0, 2) : 1; i > 0; --i)
        project(h);
    if (isHoisted) {
      line("return");
    } else {
      Rows out = rows(encoder, width);
      line(formatv("return {0} : {1}", out.name, type(out)));
    }
    body += "  }\n";
  }
  void project(const Handle &h) {
    Rows x = find(encoder);
    std::string k = matrix(h.width(), x.width), kb = maybeBias(h.width(), " "),
                v = matrix(h.width(), x.width), vb = maybeBias(h.width(), " ");
    line(formatv("encdec.memory_project %{0}, {1}, key {2}{3}, value {4}{5} in {6} : {7}, {8}",
                 argument(h.name), x.name, k, kb, v, vb, index("%offsets"), type("memory", h),
                 type(x)));
  }

  void step(StringRef name) {
    std::vector<std::pair<std::string, std::string>> list{
        {"tokens", "tensor<?xi32, #encdec.side<decoder>>"},
        {"positions", "tensor<?xi32>"},
        {"ancestors", "tensor<?x?xi32>"},
        {"sources", "tensor<?xi32>"},
        {"offsets", "tensor<?xi32>"},
        {"logit_bias", formatv("tensor<?x{0}xf32>", vocabulary)},
        {"row_bias", "tensor<?xi32>"},
        {"top_k", "i64"}};
    std::vector<Handle> before = memories;
    for (Handle &h : memories) {
      h = seen(h);
      list.push_back({h.name, type("memory", h)});
    }
    for (const Handle &h : caches)
      list.push_back({h.name, type("cache", h)});
    if (!isHoisted)
      list.push_back({"memory", type(width, encoder)});
    bool isSwapped = isWild(results) && chance(0.3);
    std::string types[] = {"tensor<?x?xi32, #encdec.side<decoder>>", "tensor<?x?xf32>"};
    if (isSwapped)
      std::swap(types[0], types[1]);
    begin(name, "step", list, formatv(" -> ({0}, {1})", types[0], types[1]));
    if (!isHoisted)
      made.push_back({"%memory", width, encoder});
    appended.assign(caches.size(), false);
    embed("%tokens", "%positions", vocabulary, someWidth(), decoder);
    for (int i = 0, count = draw(1, 6); i < count; ++i) {
      if (chance(0.1))
        embed("%tokens", "%positions", vocabulary, someWidth(), decoder);
      else if (chance(0.25))
        selfAttention();
      else if (chance(0.3))
        crossAttention();
      else
        someRows(isWild(viewOperands) ? encoder : decoder);
    }
    tokens(isSwapped, types);
    memories = before;
    body += "  }\n";
  }

  /// The best tokens by all that was made lately.
  void tokens(bool isSwapped, const std::string *types) {
    std::vector<Rows> last;
    for (const Rows &x : llvm::reverse(made))
      if (x.side == decoder && !x.isView && last.size() < 3)
        last.push_back(x);
    Rows x = last[0];
    for (size_t i = 1; i < last.size(); ++i)
      x = add(x, last[i].width == x.width ? last[i] : linear(last[i], x.width));
    if (chance(0.5))
      x = norm(x);
    auto [t, l] = best(x);
    if (isWild(results))
      t = best(find(decoder)).first;
    if (isSwapped)
      std::swap(t, l);
    line(formatv("return {0}, {1} : {2}, {3}", t, l, types[0], types[1]));
  }
  std::pair<std::string, std::string> best(const Rows &x) {
    std::string results = fresh(), tail;
    auto operands = [&] {
      std::string count = "%top_k";
      if (isWild(indexOperands)) {
        count = fresh();
        line(count + " = arith.constant 2 : i64");
      }
      return formatv("biased %logit_bias by {0} keep {1}", index("%row_bias"), count).str();
    };
    if (chance(0.5)) {
      std::string w = matrix(vocabulary, x.width), b = maybeBias(vocabulary, ", ");
      tail = operands();
      line(formatv("{0}:2 = encdec.vocabulary {1}, {2}{3} {4} : {5}, tensor<?x{6}xf32>", results,
                   x.name, w, b, tail, type(x), vocabulary));
    } else {
      Rows logits = linear(x, vocabulary);
      if (chance(0.1))
        logits = activation(logits);
      tail = operands();
      line(formatv("{0}:2 = encdec.top_tokens {1} {2} : {3}, tensor<?x{4}xf32>", results,
                   logits.name, tail, type(logits), vocabulary));
    }
    return {results + "#0", results + "#1"};
  }

  bool isHoisted = false; // keys and values of the source lie in memories
  int vocabulary = 0, sourceVocabulary = 0;
  std::vector<Handle> memories, caches;
  // Of the function being printed:
  std::vector<View> memoryViews, cacheViews;
  std::vector<std::pair<Rows, Rows>> keysOfCross; // keys and values of cross-attentions
  std::map<std::string, std::vector<std::string>> biasesOf; // by what they are made of
  std::vector<bool> appended; // caches
};

} // namespace

RandomGraph randomGraph(uint64_t seed) { return Printer(seed).print(); }

} // namespace encdec::test
