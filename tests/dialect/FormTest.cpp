// What no single op can hold: each constraint of dialect/Form.h broken once.
#include "dialect/Form.h"
#include "tests/dialect/TestModule.h"

using namespace encdec;

// A decoder layer in fused form, its pieces replaceable.
struct Layer {
  std::string self =
      "%c = encdec.self_attention %x, %x, %x of %i in %i causal at %i {heads = "
      "2, scale = 0.5} : !d, !d, !d\n"
      "%c1 = encdec.linear %c, @w, @b : !d -> !d\n"
      "%y = encdec.add_norm %c1, %x, @g, @b {eps = 1.0e-5} : !d, !d\n";
  std::string cross =
      "%c2 = encdec.cross_attention %y, %m, %m of %i in %i {heads = 2, scale = "
      "0.5} : !d, !e, !e\n"
      "%y2 = encdec.add_norm %c2, %y, @g, @b {eps = 1.0e-5} : !d, !d\n";
  std::string ffn =
      "%f = encdec.ffn %y2, up @up, down @down {kind = relu} : !d\n"
      "%y3 = encdec.add_norm %f, %y2, @g, @b {eps = 1.0e-5} : !d, !d\n";
  std::string result = "%y3";

  std::string text() const {
    return "func.func @f(%x: !d, %m: !e, %i: !i) -> !d attributes "
           "{encdec.entry = \"step\"} {\n" +
           self + cross + ffn + "return " + result + " : !d }";
  }
};

// An encoder layer in fused form; `extra` ops follow it.
struct EncoderLayer {
  std::string self =
      "%c = encdec.self_attention %x, %x, %x of %i in %i {heads = 2, scale = "
      "0.5} : !e, !e, !e\n"
      "%y = encdec.add_norm %c, %x, @g, @b {eps = 1.0e-5} : !e, !e\n";
  std::string ffn =
      "%f = encdec.ffn %y, up @up, down @down {kind = relu} : !e\n"
      "%y2 = encdec.add_norm %f, %y, @g, @b {eps = 1.0e-5} : !e, !e\n";
  std::string extra = "";
  std::string result = "%y2";
  std::string arguments = "%x: !e, %m: !encdec.memory<2x4>, %i: !i";

  std::string text() const {
    std::string text = "func.func @f(" + arguments + ") -> ";
    text += (result.empty() ? "()" : "!e");
    text += " attributes {encdec.entry = \"encode\"} {\n" + self + ffn + extra;
    return text + "return " + (result.empty() ? "}" : result + " : !e }");
  }
};

// Empty if the form holds, else the message.
static std::string verified(const std::string &text, Form form) {
  TestModule test(text);
  bool ok = test.module && mlir::succeeded(verifyForm(*test.module, form));
  EXPECT_EQ(ok, test.messages.empty());
  return test.messages;
}

static void expectMessage(const std::string &text, Form form,
                          const std::string &part) {
  std::string message = verified(text, form);
  EXPECT_NE(message.find(part), std::string::npos)
      << "message: " << message << "expected: " << part;
}

TEST(Form, TheTextbookLayerIsFused) {
  EXPECT_EQ(verified(Layer().text(), Form::fused), "");
}

TEST(Form, PreNormIsFineToo) {
  Layer layer;
  layer.self =
      "%n = encdec.norm %x, @g, @b {eps = 1.0e-5} : !d\n"
      "%c = encdec.self_attention %n, %n, %n of %i in %i causal at %i {heads = "
      "2, scale = 0.5} : !d, !d, !d\n"
      "%y = encdec.add %x, %c : !d, !d\n";
  layer.cross =
      "%n2 = encdec.norm %y, @g, @b {eps = 1.0e-5} : !d\n"
      "%q = encdec.linear %n2, @w, @b : !d -> !d\n"
      "%c2 = encdec.cross_attention %q, %m, %m of %i in %i {heads = 2, scale = "
      "0.5} : !d, !e, !e\n"
      "%y2 = encdec.add %y, %c2 : !d, !d\n";
  layer.ffn = "%n3 = encdec.norm %y2, @g, @b {eps = 1.0e-5} : !d\n"
              "%f = encdec.ffn %n3, up @up, down @down {kind = relu} : !d\n"
              "%y3 = encdec.add %y2, %f : !d, !d\n";
  EXPECT_EQ(verified(layer.text(), Form::fused), "");
}

// Pre-norm as the fusions leave it: a sum is the residual of the next sub-layer, whose norm
// the same op makes. Embeddings may be normed, and so is the last sum; a bias is no layer.
struct PreNormLayer : Layer {
  PreNormLayer() {
    self = "%x0 = encdec.norm %x, @g {eps = 1.0e-5, kind = rms} : !d\n"
           "%rb = encdec.relative_bias @buckets to %i {max_distance = 9} : "
           "tensor<2x?xf32, #encdec.side<decoder>>\n"
           "%n = encdec.norm %x0, @g {eps = 1.0e-5, kind = rms} : !d\n"
           "%c = encdec.self_attention %n, %n, %n of %i in %i bias %rb at %i causal at %i "
           "{heads = 2, scale = 0.5} : !d, !d, !d, tensor<2x?xf32, #encdec.side<decoder>>\n"
           "%n2, %y = encdec.add_norm %c, %x0, @g {eps = 1.0e-5, kind = rms, sum} : !d, !d\n";
    cross = "%c2 = encdec.cross_attention %n2, %m, %m of %i in %i {heads = 2, scale = "
            "0.5} : !d, !e, !e\n"
            "%n3, %y2 = encdec.add_norm %c2, %y, @g {eps = 1.0e-5, kind = rms, sum} : !d, !d\n";
    ffn = "%f = encdec.ffn %n3, up @up, gate @gate, down @down {kind = relu} : !d\n"
          "%y3 = encdec.add_norm %f, %y2, @g {eps = 1.0e-5, kind = rms} : !d, !d\n";
  }
};

TEST(Form, PreNormIsFusedToo) { EXPECT_EQ(verified(PreNormLayer().text(), Form::fused), ""); }

TEST(Form, ASumIsAResidualAndNoNorm) {
  PreNormLayer layer; // the sum of another level as the residual
  layer.cross = "%c2 = encdec.cross_attention %n2, %m, %m of %i in %i {heads = 2, scale = "
                "0.5} : !d, !e, !e\n"
                "%n3, %y2 = encdec.add_norm %c2, %x0, @g {eps = 1.0e-5, kind = rms, sum} : "
                "!d, !d\n";
  expectMessage(layer.text(), Form::fused, "expected a residual connection around");
  PreNormLayer unnormed; // the sum where its norm should be, and nothing normed after
  unnormed.ffn = "%f = encdec.ffn %y2, up @up, down @down {kind = relu} : !d\n"
                 "%y3 = encdec.add %f, %y2 : !d, !d\n";
  expectMessage(unnormed.text(), Form::fused, "expected a norm before FFN");
}

TEST(Form, AGateIsOfTheSameSubLayer) {
  auto layer = [](const char *gated) {
    PreNormLayer plain;
    plain.self = "%n = encdec.norm %x, @g {eps = 1.0e-5} : !d\n"
                 "%s = encdec.scores %n, %n of %i in %i {heads = 2, scale = 0.5} : !d, !d\n"
                 "%ms = encdec.mask %s at %i : !s\n"
                 "%p = encdec.softmax %ms : !s\n"
                 "%c = encdec.context %p, %n of %i in %i {heads = 2} : !s, !d\n"
                 "%y = encdec.add %c, %x : !d, !d\n";
    plain.cross = "%n2 = encdec.norm %y, @g {eps = 1.0e-5} : !d\n"
                  "%s2 = encdec.scores %n2, %m of %i in %i {heads = 2, scale = 0.5} : !d, !e\n"
                  "%p2 = encdec.softmax %s2 : !s\n"
                  "%c2 = encdec.context %p2, %m of %i in %i {heads = 2} : !s, !e\n"
                  "%y2 = encdec.add %c2, %y : !d, !d\n";
    plain.ffn = "%n3 = encdec.norm %y2, @g {eps = 1.0e-5} : !d\n"
                "%h = encdec.linear %n3, @up : !d -> !f\n"
                "%gate = encdec.linear " +
                std::string(gated) +
                ", @gate : !d -> !f\n"
                "%a = encdec.activation %h gated %gate {kind = silu} : !f\n"
                "%f = encdec.linear %a, @down : !f -> !d\n"
                "%y3 = encdec.add %f, %y2 : !d, !d\n";
    return plain.text();
  };
  EXPECT_EQ(verified(layer("%n3"), Form::decomposed), "");
  expectMessage(layer("%n2"), Form::decomposed,
                "to take its input from the sub-layer before, but it does not");
  expectMessage(layer("%y2"), Form::decomposed, "expected a norm before FFN");
}

TEST(Form, Names) {
  for (Form form : {Form::decomposed, Form::fused})
    EXPECT_EQ(symbolizeForm(stringifyForm(form)), form);
  EXPECT_EQ(symbolizeForm("lowered"), std::nullopt);
}

TEST(Form, F1FusedOpsAreNotDecomposed) {
  expectMessage(Layer().text(), Form::decomposed,
                "expected only ops of the decomposed form but got "
                "encdec.self_attention");
  expectMessage("func.func @f(%x: !d) { %y, %z = encdec.linear %x, [@w, @w] : "
                "!d -> !d, !d\n return }",
                Form::decomposed, "encdec.linear with several weights");
  expectMessage("func.func @f(%x: !s) { %y = encdec.softmax %x : !s\n return }",
                Form::fused,
                "expected only ops of the fused form but got encdec.softmax");
}

TEST(Form, F2NothingForeignInAnEntry) {
  Layer layer;
  layer.result = "%y4";
  layer.ffn += "%y4 = builtin.unrealized_conversion_cast %m : !e to !d\n";
  expectMessage(
      layer.text(), Form::fused,
      "builtin.unrealized_conversion_cast: a foreign op would launder "
      "a side");
  // An op of an unregistered dialect is foreign too.
  Layer unknown;
  unknown.ffn += "\"some.op\"(%x) : (!d) -> ()\n";
  expectMessage(unknown.text(), Form::fused, "but got some.op");
  // An entry with a second block is refused: ops there are no layers.
  expectMessage("func.func @f(%x: !d) -> !d attributes {encdec.entry = "
                "\"step\"} {\nreturn %x : !d\n^never:\nreturn %x : !d }",
                Form::fused,
                "expected an entry function of one block but got 2");
  // Constants without a side are fine.
  Layer constant;
  constant.ffn += "%z = arith.constant dense<1> : tensor<3xi32>\n";
  EXPECT_EQ(verified(constant.text(), Form::fused), "");
}

TEST(Form, F3OrderOfTheSubLayers) {
  Layer swapped;
  swapped.self =
      "%c2 = encdec.cross_attention %x, %m, %m of %i in %i {heads = "
      "2, scale = 0.5} : !d, !e, !e\n"
      "%y2 = encdec.add_norm %c2, %x, @g, @b {eps = 1.0e-5} : !d, !d\n";
  swapped.cross = "";
  expectMessage(swapped.text(), Form::fused,
                "expected the next sub-layer of step to be self-attention but "
                "got cross-attention");
  Layer cut;
  cut.ffn = "";
  cut.result = "%y2";
  expectMessage(cut.text(), Form::fused,
                "expected the last layer to go on with FFN but got the end of "
                "step");
  // Cross-attention reads the sub-layer before it, but past that one's residual.
  Layer past;
  past.cross.replace(past.cross.find("attention %y"), 12, "attention %c1");
  expectMessage(past.text(), Form::fused,
                "expected cross-attention to take its input from the sub-layer "
                "before");
  // The sub-layers stand in order in the text, but do not feed each other.
  Layer apart;
  apart.cross =
      "%c2 = encdec.cross_attention %x, %m, %m of %i in %i {heads = 2, scale = "
      "0.5} : !d, !e, !e\n"
      "%y2 = encdec.add_norm %c2, %y, @g, @b {eps = 1.0e-5} : !d, !d\n";
  expectMessage(apart.text(), Form::fused,
                "expected cross-attention to take its input from the sub-layer "
                "before");
}

TEST(Form, F3TheOutputDependsOnEverySubLayer) {
  Layer dead;
  dead.result = "%x";
  expectMessage(dead.text(), Form::fused,
                "expected the output of step to depend on self-attention");
  Layer lastDead; // the last layer's two sub-layers of three
  lastDead.result = "%y";
  expectMessage(lastDead.text(), Form::fused,
                "expected the output of step to depend on cross-attention");
  EncoderLayer encoder;
  encoder.result = "%x";
  expectMessage(encoder.text(), Form::fused,
                "expected the output of encode to depend on self-attention");
  // A written memory is an output as well.
  encoder.result = "";
  encoder.extra = "encdec.memory_project %m, %y2, key @w, value @w in %i : "
                  "!encdec.memory<2x4>, !e\n";
  EXPECT_EQ(verified(encoder.text(), Form::fused), "");
  encoder.extra = "encdec.memory_project %m, %y, key @w, value @w in %i : "
                  "!encdec.memory<2x4>, !e\n";
  expectMessage(encoder.text(), Form::fused,
                "expected the output of encode to depend on FFN");
}

TEST(Form, F3ACacheGivesOnlyToItsReaders) {
  auto step = [](const std::string &key, const std::string &append) {
    return "func.func @f(%x: !d, %m: !e, %i: !i, %a: tensor<?x?xi32>, %k: "
           "!encdec.cache<2x4>, %other: !encdec.cache<2x4>) -> !d attributes "
           "{encdec.entry = \"step\"} {\n"
           "encdec.cache_append " +
           append + ", " + key +
           ", %x of %a at %i : "
           "!encdec.cache<2x4>, !d, !d\n"
           "%r:4 = encdec.cache_read %k of %a to %i : !encdec.cache<2x4>\n"
           "%c = encdec.self_attention %x, %r#0, %r#1 of %r#3 in %r#2 causal "
           "at %i {heads = 2, scale = 0.5} : !d, !d, !d\n"
           "%y = encdec.add_norm %c, %x, @g, @b {eps = 1.0e-5} : !d, !d\n" +
           Layer().cross + Layer().ffn + "return %y3 : !d }";
  };
  EXPECT_EQ(verified(step("%x", "%k"), Form::fused), "");
  std::string early = step("%h", "%k");
  std::string ffn =
      "%h = encdec.ffn %x, up @up, down @down {kind = relu} : !d\n";
  early.insert(early.find("encdec.cache_append"), ffn);
  expectMessage(early, Form::fused, "to be self-attention but got FFN");
  std::string unread = step("%h", "%other");
  unread.insert(unread.find("encdec.cache_append"), ffn);
  expectMessage(unread, Form::fused,
                "expected the output of step to depend on FFN");
}

TEST(Form, F4TheDecoderIsMasked) {
  Layer layer;
  layer.self.replace(layer.self.find(" causal at %i"), 13, "");
  expectMessage(layer.text(), Form::fused, "expected masked self-attention");
}

TEST(Form, F5EachSubLayerHasAResidual) {
  Layer layer;
  layer.ffn = "%y3 = encdec.ffn %y2, up @up, down @down {kind = relu} : !d\n";
  expectMessage(layer.text(), Form::fused,
                "expected a residual connection around FFN but got none");
  // A residual that nothing uses does not count.
  Layer dead;
  dead.result = "%f";
  expectMessage(dead.text(), Form::fused,
                "expected a residual connection around FFN but got none");
  EncoderLayer encoder;
  encoder.result = "%f";
  expectMessage(encoder.text(), Form::fused,
                "expected a residual connection around FFN but got none");
  // A residual goes around its own sub-layer, not around two.
  Layer wide;
  wide.cross.replace(wide.cross.find("%c2, %y,"), 8, "%c2, %x,");
  expectMessage(wide.text(), Form::fused,
                "expected a residual connection around cross-attention");
}

TEST(Form, F6EachSubLayerIsNormed) {
  Layer layer;
  layer.self =
      "%c = encdec.self_attention %x, %x, %x of %i in %i causal at %i {heads = "
      "2, scale = 0.5} : !d, !d, !d\n"
      "%y = encdec.add %c, %x : !d, !d\n";
  expectMessage(layer.text(), Form::fused,
                "expected a norm before self-attention or after its residual");
  // A norm that nothing uses does not count.
  layer.self += "%dead = encdec.norm %y, @g, @b {eps = 1.0e-5} : !d\n";
  expectMessage(layer.text(), Form::fused,
                "expected a norm before self-attention or after its residual");
}

TEST(Form, F7EncodeIsTheEncodersAlone) {
  EXPECT_EQ(verified(EncoderLayer().text(), Form::fused), "");
  auto refused = [](const std::string &arguments, const std::string &body,
                    const std::string &part) {
    EncoderLayer layer;
    layer.arguments += arguments;
    layer.extra = body;
    expectMessage(layer.text(), Form::fused, part);
  };
  const std::string expected = "expected nothing but the encoder's in encode "
                               "but got ";
  refused(", %y0: !d", "",
          expected + "argument 3 of type "
                     "'tensor<?x8xf32, #encdec.side<decoder>>'");
  refused(", %k: !encdec.cache<2x4>", "",
          expected + "argument 3 of type '!encdec.cache<2x4>'");
  refused("", "%r:3 = encdec.memory_read %m : !encdec.memory<2x4>\n",
          expected + "encdec.memory_read");
}

TEST(Form, DecomposedLayersAreSeenThroughTheirPieces) {
  Layer layer;
  layer.self = "%s = encdec.scores %x, %x of %i in %i {heads = 2, scale = 0.5} "
               ": !d, !d\n"
               "%k = encdec.mask %s at %i : !s\n"
               "%p = encdec.softmax %k : !s\n"
               "%c = encdec.context %p, %x of %i in %i {heads = 2} : !s, !d\n"
               "%z = encdec.add %c, %x : !d, !d\n"
               "%y = encdec.norm %z, @g, @b {eps = 1.0e-5} : !d\n";
  layer.cross =
      "%s2 = encdec.scores %y, %m of %i in %i {heads = 2, scale = 0.5} : !d, "
      "!e\n"
      "%p2 = encdec.softmax %s2 : !s\n"
      "%c2 = encdec.context %p2, %m of %i in %i {heads = 2} : !s, !e\n"
      "%z2 = encdec.add %c2, %y : !d, !d\n"
      "%y2 = encdec.norm %z2, @g, @b {eps = 1.0e-5} : !d\n";
  layer.ffn = "%h = encdec.linear %y2, @up : !d -> !f\n"
              "%a = encdec.activation %h {kind = relu} : !f\n"
              "%f = encdec.linear %a, @down : !f -> !d\n"
              "%z3 = encdec.add %f, %y2 : !d, !d\n"
              "%y3 = encdec.norm %z3, @g, @b {eps = 1.0e-5} : !d\n";
  EXPECT_EQ(verified(layer.text(), Form::decomposed), "");
  Layer unmasked = layer;
  unmasked.self.replace(unmasked.self.find("%k = encdec.mask %s at %i : !s\n"),
                        31, "");
  unmasked.self.replace(unmasked.self.find("softmax %k"), 10, "softmax %s");
  expectMessage(unmasked.text(), Form::decomposed,
                "expected masked self-attention"); // F4
  Layer unsoftened = layer;
  unsoftened.cross.replace(unsoftened.cross.find("context %p2"), 11, "context %s2");
  expectMessage(unsoftened.text(), Form::decomposed,
                "expected probabilities that encdec.softmax makes"); // F8
}
