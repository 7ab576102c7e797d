//===- ManifestTree.cpp ---------------------------------------------------===//

#include "runtime/bundle/ManifestTree.h"

namespace encdec::runtime {

namespace {

constexpr int maxDepth = 8;

/// Goes through the text and stops at what is refused. nlohmann's tree keeps the
/// last of repeated keys; its parser with a callback would see them, but looks
/// through the whole list at the end of each of a list's objects.
struct Watch : nlohmann::json_sax<Json> {
  std::string reason;
  std::vector<std::set<std::string>> keys; ///< Of each object under way.
  int depth = 0;

  bool refuse(std::string why) {
    reason = std::move(why);
    return false;
  }
  bool enter() {
    return ++depth <= maxDepth ||
           refuse(fmt::format("nested deeper than {}", maxDepth));
  }
  bool key(std::string &name) override {
    return keys.back().insert(name).second ||
           refuse(fmt::format("key {} stands twice", shownKey(name)));
  }
  bool start_object(size_t) override {
    keys.emplace_back();
    return enter();
  }
  bool end_object() override {
    keys.pop_back();
    --depth;
    return true;
  }
  bool start_array(size_t) override { return enter(); }
  bool end_array() override {
    --depth;
    return true;
  }
  bool parse_error(size_t byte, const std::string &,
                   const nlohmann::detail::exception &error) override {
    // out_of_range: a number beyond double.
    return refuse(error.id == 406 ? "it has a number that is too large"
                                  : fmt::format("not valid JSON at byte {}", byte));
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(int64_t) override { return true; }
  bool number_unsigned(uint64_t) override { return true; }
  bool number_float(double, const std::string &) override { return true; }
  bool string(std::string &) override { return true; }
  bool binary(binary_t &) override { return true; }
};

} // namespace

std::string shown(const Json &value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

std::string shownKey(const std::string &key) {
  std::string text = shown(Json(key));
  return "'" + text.substr(1, text.ends_with("...") ? text.npos : text.size() - 2) +
         "'";
}

Result<Json> parseTree(std::string_view text) {
  // The parser takes a zero byte for the end of its input.
  if (auto zero = text.find('\0'); zero != text.npos)
    return badModel(fmt::format("manifest: not valid JSON at byte {}", zero));
  Watch watch;
  if (!Json::sax_parse(text.begin(), text.end(), &watch))
    return badModel("manifest: " + watch.reason);
  return Json::parse(text.begin(), text.end());
}

} // namespace encdec::runtime
