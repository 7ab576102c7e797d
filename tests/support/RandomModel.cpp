// Prints a small model op by op, in the order of the textbook.
#include "tests/support/RandomModel.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <random>

using namespace mlir;
using llvm::formatv;

namespace encdec::test {

namespace {

/// Prints one module. Every method that computes returns the name of its value.
class Printer {
public:
  explicit Printer(const ModelSizes &sizes) : m(sizes) {}

  std::string print() {
    body = "";
    encode();
    if (m.decoderLayers > 0)
      step();
    return "module {\n" + weights + body + "}\n";
  }

private:
  const ModelSizes &m;
  std::string weights; // one line a weight, in order of first use
  std::string body;    // the two functions
  uint64_t weightCount = 0;
  int valueCount = 0;
  llvm::StringRef side; // of the function being printed
  std::string sideBias; // the last relative bias of that function

  /// `scale` bounds the values so that activations stay near 1 however deep.
  void weight(llvm::StringRef name, std::string shape, double scale) {
    weights += formatv("  encdec.weight @{0} : tensor<{1}> = "
                       "#encdec.seeded<{2}, {3}>\n",
                       name, shape, m.seed * 1000 + weightCount++, scale);
  }
  void matrix(llvm::StringRef name, int out, int in) {
    weight(name, formatv("{0}x{1}x{2}", out, in, m.type), std::sqrt(3.0 / in));
  }
  void vector(llvm::StringRef name, int size, double scale) {
    weight(name, formatv("{0}xf32", size), scale);
  }

  std::string fresh() { return formatv("%{0}", valueCount++); }
  std::string type(int width, llvm::StringRef of) {
    return formatv("tensor<?x{0}xf32, #encdec.side<{1}>>", width, of);
  }
  std::string type(int width) { return type(width, side); }
  void line(const std::string &text) { body += "    " + text + "\n"; }

  /// y = x Wᵀ + b. `of`: the side of x, for projections of the memory.
  std::string linear(const std::string &x, const std::string &name, int in,
                     int out, llvm::StringRef of) {
    matrix(name + ".w", out, in);
    std::string bias;
    if (m.biases) {
      vector(name + ".b", out, 0.1);
      bias = ", @" + name + ".b";
    }
    std::string y = fresh();
    line(formatv("{0} = encdec.linear {1}, @{2}.w{3} : {4} -> {5}", y, x, name,
                 bias, type(in, of), type(out, of)));
    return y;
  }
  std::string norm(const std::string &x, const std::string &name) {
    // Gains around 1 would need a dense origin; seeded ones may be small or
    // negative, which hides no error.
    vector(name + ".gamma", m.width(), 1.5);
    std::string beta, y = fresh();
    if (m.betas) {
      vector(name + ".beta", m.width(), 0.2);
      beta = ", @" + name + ".beta";
    }
    line(formatv("{0} = encdec.norm {1}, @{2}.gamma{3} {{eps = 1.0e-05{4}} : {5}", y, x, name,
                 beta, m.rms ? ", kind = rms" : "", type(m.width())));
    return y;
  }
  /// x + block(x), normed before the block or after the sum.
  void subLayer(std::string &x, const std::string &name,
                llvm::function_ref<std::string(const std::string &)> block) {
    std::string y = block(m.preNorm ? norm(x, name + ".norm") : x), sum = fresh();
    line(formatv("{0} = encdec.add {1}, {2} : {3}, {3}", sum, y, x, type(m.width())));
    x = m.preNorm ? sum : norm(sum, name + ".norm");
  }
  std::string ffn(const std::string &x, const std::string &name) {
    int width = m.width();
    std::string h = linear(x, name + ".fc1", width, m.ffn, side), gate;
    if (m.gated)
      gate = " gated " + linear(x, name + ".gate", width, m.ffn, side);
    std::string a = fresh();
    line(formatv("{0} = encdec.activation {1}{2} {{kind = {3}} : {4}", a, h, gate,
                 m.activation, type(m.ffn)));
    return linear(a, name + ".fc2", m.ffn, width, side);
  }
  std::string biasType() {
    return formatv("tensor<{0}x?xf32, #encdec.side<{1}>>", m.heads, side);
  }
  /// The bias of self-attentions: of `name`'s own table, or of the side's one table.
  std::string relativeBias(const std::string &name) {
    if (!m.buckets || (!m.biasOfEachLayer && !sideBias.empty()))
      return m.buckets ? sideBias : "";
    weight(name + ".buckets", formatv("{0}x{1}x{2}", m.buckets, m.heads, m.type), 2.0);
    sideBias = fresh();
    line(formatv("{0} = encdec.relative_bias @{1}.buckets {2} {{max_distance = {3}} : {4}",
                 sideBias, name, side == "encoder" ? "over %offsets" : "to %positions",
                 m.buckets + 3, biasType()));
    return sideBias;
  }
  /// The part every attention shares: scores, [mask], softmax, context.
  std::string attention(const std::string &q, const std::string &k,
                        const std::string &v, const std::string &rows,
                        const std::string &offsets, llvm::StringRef keySide,
                        bool causal, const std::string &bias = "") {
    std::string scoresType =
        formatv("tensor<{0}x?x?xf32, #encdec.side<{1}>>", m.heads, side);
    std::string s = fresh();
    bool biased = !bias.empty();
    line(formatv("{0} = encdec.scores {1}, {2} of {3} in {4}{5} "
                 "{{heads = {6}, scale = {7:f8}} : {8}, {9}{10}",
                 s, q, k, rows, offsets, biased ? " bias " + bias + " at %positions" : "",
                 m.heads, 1.0 / std::sqrt(double(m.headSize)), type(m.inner()),
                 type(m.inner(), keySide), biased ? ", " + biasType() : ""));
    if (causal) {
      std::string masked = fresh();
      line(formatv("{0} = encdec.mask {1} at %positions : {2}", masked, s,
                   scoresType));
      s = masked;
    }
    std::string p = fresh(), c = fresh();
    line(formatv("{0} = encdec.softmax {1} : {2}", p, s, scoresType));
    line(formatv("{0} = encdec.context {1}, {2} of {3} in {4} "
                 "{{heads = {5}} : {6}, {7}",
                 c, p, v, rows, offsets, m.heads, scoresType,
                 type(m.inner(), keySide)));
    return c;
  }
  /// Tables are declared by encode or step when they first need them.
  std::string embed(const std::string &ids, const std::string &table,
                    const std::string &positions) {
    auto lookUp = [&](double scale, bool placed) {
      std::string x = fresh();
      line(formatv("{0} = encdec.embed {1} at %positions, @{2}{3} "
                   "{{scale = {4:f8}} : tensor<?xi32, #encdec.side<{5}>> -> {6}",
                   x, ids, table, placed ? ", @" + positions : "", scale, side,
                   type(m.width())));
      return x;
    };
    const bool placed = !m.buckets, later = placed && m.normBeforePositions;
    std::string x = lookUp(m.scaleEmbedding ? std::sqrt(double(m.width())) : 1.0,
                           placed && !later);
    if (m.embeddingNorm)
      x = norm(x, (side + ".embedding").str());
    if (!later)
      return x;
    std::string places = lookUp(0, true), sum = fresh();
    line(formatv("{0} = encdec.add {1}, {2} : {3}, {3}", sum, x, places, type(m.width())));
    return sum;
  }
  void positionTable(const std::string &name) {
    sideBias.clear();
    if (m.buckets)
      return;
    if (m.sinusoidal)
      weights += formatv("  encdec.weight @{0} : tensor<{1}x{2}xf32> = "
                         "#encdec.sinusoidal\n",
                         name, m.maxPositions, m.width());
    else
      weight(name, formatv("{0}x{1}xf32", m.maxPositions, m.width()), 1.0);
  }
  /// The table the decoder embeds with and the vocabulary multiplies by.
  std::string targetTable() const {
    return m.sourceVocabulary ? "decoder.shared" : "shared";
  }

  void encode();
  void encoderLayer(std::string &x, const std::string &name);
  void step();
  void decoderLayer(std::string &y, int layer);
};

void Printer::encode() {
  side = "encoder";
  std::string source = m.sourceVocabulary ? "encoder.shared" : "shared";
  matrix(source, m.sourceVocabulary ? m.sourceVocabulary : m.vocabulary,
         m.width());
  positionTable("encoder.positions");
  body += formatv("  func.func @encode("
                  "%tokens: tensor<?xi32, #encdec.side<encoder>> {{encdec.arg "
                  "= \"tokens\"}, "
                  "%positions: tensor<?xi32> {{encdec.arg = \"positions\"}, "
                  "%rows: tensor<?xi32> {{encdec.arg = \"rows\"}, "
                  "%offsets: tensor<?xi32> {{encdec.arg = \"offsets\"})\n"
                  "      -> {0} attributes {{encdec.entry = \"encode\"} {{\n",
                  type(m.width()));
  std::string x = embed("%tokens", source, "encoder.positions");
  for (int layer = 0; layer < m.encoderLayers; ++layer)
    encoderLayer(x, formatv("encoder.l{0}", layer));
  if (m.preNorm)
    x = norm(x, "encoder.final");
  line(formatv("return {0} : {1}", x, type(m.width())));
  body += "  }\n";
}

void Printer::encoderLayer(std::string &x, const std::string &name) {
  int width = m.width(), inner = m.inner();
  std::string bias = relativeBias(name + ".self");
  subLayer(x, name + ".self", [&](const std::string &x) {
    std::string q = linear(x, name + ".self.q", width, inner, side);
    std::string k = linear(x, name + ".self.k", width, inner, side);
    std::string v = linear(x, name + ".self.v", width, inner, side);
    std::string c = attention(q, k, v, "%rows", "%offsets", side, false, bias);
    return linear(c, name + ".self.o", inner, width, side);
  });
  subLayer(x, name + ".ffn", [&](const std::string &x) { return ffn(x, name + ".ffn"); });
}

void Printer::step() {
  side = "decoder";
  if (m.sourceVocabulary)
    matrix("decoder.shared", m.vocabulary, m.width());
  positionTable("decoder.positions");
  body += formatv(
      "  func.func @step("
      "%tokens: tensor<?xi32, #encdec.side<decoder>> {{encdec.arg = "
      "\"tokens\"}, "
      "%positions: tensor<?xi32> {{encdec.arg = \"positions\"}, "
      "%ancestors: tensor<?x?xi32> {{encdec.arg = \"ancestors\"}, "
      "%sources: tensor<?xi32> {{encdec.arg = \"sources\"}, "
      "%offsets: tensor<?xi32> {{encdec.arg = \"offsets\"},\n"
      "      %logit_bias: tensor<?x{0}xf32> {{encdec.arg = \"logit_bias\"}, "
      "%row_bias: tensor<?xi32> {{encdec.arg = \"row_bias\"}, "
      "%top: i64 {{encdec.arg = \"top_k\"},\n"
      "      %memory: {1} {{encdec.arg = \"memory\"}",
      m.vocabulary, type(m.width(), "encoder"));
  for (int layer = 0; layer < m.decoderLayers; ++layer)
    body += formatv(", %cache{0}: !encdec.cache<{1}x{2}> "
                    "{{encdec.arg = \"cache.{0}\"}",
                    layer, m.heads, m.headSize);
  body += ")\n      -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>) "
          "attributes {encdec.entry = \"step\"} {\n";
  std::string y = embed("%tokens", targetTable(), "decoder.positions");
  for (int layer = 0; layer < m.decoderLayers; ++layer)
    decoderLayer(y, layer);
  if (m.preNorm)
    y = norm(y, "decoder.final");
  std::string bias;
  if (m.logitsBias) {
    vector("final_logits_bias", m.vocabulary, 0.5);
    bias = ", @final_logits_bias";
  }
  line(formatv("%logits = encdec.linear {0}, @{1}{2} : {3} -> {4}", y,
               targetTable(), bias, type(m.width()), type(m.vocabulary)));
  line(
      formatv("%tokens_, %log_probs = encdec.top_tokens %logits biased "
              "%logit_bias by %row_bias keep %top : {0}, tensor<?x{1}xf32>",
              type(m.vocabulary), m.vocabulary));
  line("return %tokens_, %log_probs : tensor<?x?xi32, #encdec.side<decoder>>, "
       "tensor<?x?xf32>");
  body += "  }\n";
}

void Printer::decoderLayer(std::string &y, int layer) {
  int width = m.width(), inner = m.inner();
  std::string name = formatv("decoder.l{0}", layer);
  std::string bias = relativeBias(name + ".self");
  // Masked self-attention, over the cache.
  subLayer(y, name + ".self", [&](const std::string &y) {
    std::string q = linear(y, name + ".self.q", width, inner, side);
    std::string k = linear(y, name + ".self.k", width, inner, side);
    std::string v = linear(y, name + ".self.v", width, inner, side);
    std::string cache = formatv("!encdec.cache<{0}x{1}>", m.heads, m.headSize);
    line(formatv("encdec.cache_append %cache{0}, {1}, {2} of %ancestors at %positions "
                 ": {3}, {4}, {4}",
                 layer, k, v, cache, type(inner)));
    std::string read = fresh();
    line(formatv("{0}:4 = encdec.cache_read %cache{1} of %ancestors to %positions : {2}", read,
                 layer, cache));
    std::string c = attention(q, read + "#0", read + "#1", read + "#3", read + "#2", side,
                              true, bias);
    return linear(c, name + ".self.o", inner, width, side);
  });
  // Cross-attention: the decoder asks, the encoder answers.
  subLayer(y, name + ".cross", [&](const std::string &y) {
    std::string q = linear(y, name + ".cross.q", width, inner, side);
    std::string k = linear("%memory", name + ".cross.k", width, inner, "encoder");
    std::string v = linear("%memory", name + ".cross.v", width, inner, "encoder");
    std::string c = attention(q, k, v, "%sources", "%offsets", "encoder", false);
    return linear(c, name + ".cross.o", inner, width, side);
  });
  subLayer(y, name + ".ffn", [&](const std::string &y) { return ffn(y, name + ".ffn"); });
}

} // namespace

std::string ModelSizes::text() const {
  return formatv("heads {0} headSize {1} layers {2}+{3} ffn {4} vocabulary {5} "
                 "source {6} positions {7} {8} {9} biases {10} logitsBias {11} "
                 "scaleEmbedding {12} sinusoidal {13} width {14} preNorm {15} embeddingNorm "
                 "{16}{17} rms {18} betas {19} gated {20} buckets {21}{22} seed {23}",
                 heads, headSize, encoderLayers, decoderLayers, ffn, vocabulary,
                 sourceVocabulary, maxPositions, activation, type, biases,
                 logitsBias, scaleEmbedding, sinusoidal, width(), preNorm, embeddingNorm,
                 normBeforePositions ? " before positions" : "", rms, betas, gated, buckets,
                 biasOfEachLayer ? " each layer" : "", seed);
}

std::string randomModelText(const ModelSizes &sizes) {
  return Printer(sizes).print();
}

OwningOpRef<ModuleOp> randomModel(MLIRContext &context,
                                  const ModelSizes &sizes) {
  return parseSourceString<ModuleOp>(randomModelText(sizes), &context);
}

std::vector<ModelSizes> randomSizes(unsigned count, uint64_t seed) {
  std::vector<ModelSizes> all;
  ModelSizes awkward;
  awkward.heads = 1, awkward.headSize = 5, awkward.ffn = 7;
  awkward.decoderLayers = 1, awkward.vocabulary = 11;
  all.push_back(awkward);
  awkward = ModelSizes();
  awkward.heads = 3, awkward.headSize = 20, awkward.ffn = 33;
  awkward.biases = awkward.logitsBias = awkward.scaleEmbedding = false;
  awkward.sinusoidal = false, awkward.sourceVocabulary = 19;
  awkward.activation = "gelu", awkward.type = "f16";
  all.push_back(awkward);
  awkward = ModelSizes(); // T5, with heads that are not the model's width
  awkward.heads = 1, awkward.headSize = 33, awkward.modelWidth = 20, awkward.ffn = 31;
  awkward.biases = awkward.logitsBias = awkward.scaleEmbedding = awkward.betas = false;
  awkward.preNorm = awkward.rms = awkward.gated = true;
  awkward.activation = "gelu_tanh", awkward.buckets = 8;
  all.push_back(awkward);
  std::mt19937_64 random(seed);
  auto draw = [&](int low, int high) {
    // By hand: std::uniform_int_distribution differs between libraries.
    return low + int(random() % uint64_t(high - low + 1));
  };
  while (all.size() < count) {
    ModelSizes m;
    m.heads = draw(1, 4), m.headSize = draw(1, 17);
    if (m.width() < 3) // a norm over one or two numbers forgets them
      m.headSize = 3;
    m.encoderLayers = draw(1, 2), m.decoderLayers = draw(1, 3);
    m.ffn = draw(1, 70), m.vocabulary = draw(2, 300);
    m.sourceVocabulary = draw(0, 1) ? draw(2, 90) : 0;
    m.activation = std::vector<std::string>{"relu", "gelu", "gelu_tanh",
                                            "silu"}[draw(0, 3)];
    m.type = std::vector<std::string>{"f32", "f16", "bf16"}[draw(0, 2)];
    m.biases = draw(0, 3) > 0, m.logitsBias = draw(0, 1);
    m.scaleEmbedding = draw(0, 1), m.sinusoidal = draw(0, 1);
    m.preNorm = draw(0, 1);
    const int embeddingNorm = draw(0, 3);
    m.embeddingNorm = embeddingNorm <= 1, m.normBeforePositions = embeddingNorm == 1;
    m.rms = draw(0, 1), m.betas = draw(0, 2) > 0, m.gated = draw(0, 1);
    m.modelWidth = draw(0, 1) ? draw(3, 40) : 0;
    m.buckets = draw(0, 1) ? 2 * draw(2, 20) : 0, m.biasOfEachLayer = draw(0, 1);
    m.seed = random() % 100000;
    all.push_back(m);
  }
  all.resize(count);
  return all;
}

} // namespace encdec::test
